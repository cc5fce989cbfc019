/** trace`…`: behind the setting `tracing`, a format in read-only data, and the values by `bpf_trace_printk` or, above three, `bpf_trace_vprintk`. */
import { tracing } from "../../lang/index.ts";
import type { ValueId } from "../ir/ir.ts";
import type { SyntaxNode } from "../stage/syntax.ts";
import { bytesOf } from "./bytes.ts";
import { bigintOf, booleanOf, numberOf, present } from "./convert.ts";
import type { Front } from "./front.ts";
import { flushObject, newObject } from "./objects.ts";
import { describeValue, isStaged, type Value } from "./value.ts";
import { isWide } from "./wide.ts";

interface Piece {
  readonly format: string;
  readonly values: readonly ValueId[];
}

export function traceText(
  front: Front,
  texts: readonly string[],
  values: readonly Value[],
  nodes: readonly SyntaxNode[],
  node: SyntaxNode,
): void {
  const { map, offset } = front.unit.variable(tracing);
  const address = front.emit({ kind: "symbol", symbol: { kind: "mapValue", map, offset } }, "pointer");
  const isOn = front.emit({ kind: "load", size: 1, signed: false, base: address, offset: 0 });
  const { yes, no } = front.branch("ne", isOn, front.constant(0));
  front.follow(yes);
  write(front, texts, values, nodes, node);
  front.joinStates([front.leave(), no]);
}

function write(
  front: Front,
  texts: readonly string[],
  values: readonly Value[],
  nodes: readonly SyntaxNode[],
  node: SyntaxNode,
): void {
  const pieces = values.map((value, index) => pieceOf(front, value, nodes[index]!));
  const format = texts.map((text, index) => text.replaceAll("%", "%%") + (pieces[index]?.format ?? "")).join("");
  const ids = pieces.flatMap((piece) => piece.values);
  if (ids.length > 12)
    front.unsupported("a trace of more than 12 values", "an IPv6 or MAC address counts as one, split the text", node);
  const { map, offset, size } = front.unit.text(format);
  const text = front.emit({ kind: "symbol", symbol: { kind: "mapValue", map, offset } }, "pointer");
  if (ids.length <= 3) {
    front.unit.needHelper(front, "bpf_trace_printk", node);
    front.call(front.unit.helper("bpf_trace_printk"), [text, front.constant(size), ...ids]);
    return;
  }
  front.unit.needHelper(front, "bpf_trace_vprintk", node);
  const object = newObject(
    front,
    ids.flatMap((id) => bytesOf(id, 8)),
  );
  const data = front.stackAddress(flushObject(front, object));
  front.call(front.unit.helper("bpf_trace_vprintk"), [
    text,
    front.constant(size),
    data,
    front.constant(8 * ids.length),
  ]);
}

function pieceOf(front: Front, given: Value, node: SyntaxNode): Piece {
  const value = present(front, given, node);
  if (isStaged(value) && typeof value.value === "string")
    return { format: value.value.replaceAll("%", "%%"), values: [] };
  if (value.kind === "address") return addressPiece(front, value);
  if (isWide(front, value)) {
    const { signed, id } = bigintOf(front, value, node);
    return { format: signed ? "%lld" : "%llu", values: [id()] };
  }
  if (value.kind === "boolean" || (isStaged(value) && typeof value.value === "boolean"))
    return { format: "%d", values: [booleanOf(front, value, node).id()] };
  if (value.kind === "number" || (isStaged(value) && typeof value.value === "number"))
    return { format: "%lld", values: [numberOf(front, value, node).id()] };
  return front.fail(
    "COMPILER_TYPE",
    { expected: "a number, bigint, boolean or address", found: describeValue(value) },
    node,
  );
}

/** The kernel prints IP addresses from memory; a MAC address is written octet by octet as one number in two parts. */
function addressPiece(front: Front, { family, words }: Extract<Value, { kind: "address" }>): Piece {
  const object = newObject(
    front,
    words.flatMap(({ id, size }) => bytesOf(id, size)),
  );
  if (family !== "mac") {
    return { format: family === "ipv4" ? "%pI4" : "%pI6", values: [front.stackAddress(flushObject(front, object))] };
  }
  const swapped = words.map(({ id, size }) => front.emit({ kind: "swap", bits: (8 * size) as 16 | 32, a: id }));
  return { format: "%08llx%04llx", values: swapped };
}
