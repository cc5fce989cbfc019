/** `inPrefix(address, "10.0.0.0/8")`: one mask and comparison per word that the prefix covers. */
import type { ValueId } from "../ir/ir.ts";
import type { SyntaxNode } from "../stage/syntax.ts";
import { argument, argumentNode, type Handler } from "./call.ts";
import { addressBytes, asIpAddress, present, stagedOf } from "./convert.ts";
import type { Front } from "./front.ts";
import { outcome } from "./join.ts";
import { decided, equalWords } from "./splits.ts";
import { describeValue, staged, type Word } from "./value.ts";

interface Prefix {
  readonly bytes: Uint8Array;
  readonly length: number;
}

function parsePrefix(front: Front, text: string, family: "ipv4" | "ipv6", node: SyntaxNode): Prefix {
  const [address = "", bits, ...more] = text.split("/");
  const bytes = addressBytes(front, address, family, node);
  const length = bits === undefined ? bytes.length * 8 : Number(bits);
  const isValid = more.length === 0 && /^\d+$/.test(bits ?? "0") && length <= bytes.length * 8;
  if (!isValid) return front.fail("COMPILER_ADDRESS_TEXT", { text, family: "a prefix such as 10.0.0.0/8" }, node);
  return { bytes, length };
}

/** The part of a word that the prefix fixes, in the order of memory. */
function maskOf(at: number, size: number, length: number): bigint {
  let mask = 0n;
  for (let index = 0; index < size; index++) {
    const covered = Math.max(0, Math.min(8, length - 8 * (at + index)));
    mask |= BigInt((0xff << (8 - covered)) & 0xff) << BigInt(8 * index);
  }
  return mask;
}

const inPrefix: Handler = (front, call) => {
  const node = argumentNode(call, 0);
  const address = asIpAddress(front, present(front, argument(call, 0), node), node);
  const text = stagedOf(front, argument(call, 1), "the prefix", argumentNode(call, 1));
  if (address.kind !== "address" || address.family === "mac" || typeof text !== "string")
    return front.fail(
      "COMPILER_TYPE",
      { expected: "an IP address and a prefix", found: describeValue(address) },
      call.node,
    );
  if (text.includes(":") !== (address.family === "ipv6")) return outcome(front, staged(false));
  const prefix = parsePrefix(front, text, address.family, argumentNode(call, 1));
  const [words, expected] = compared(front, address.words, prefix);
  const { yes, no } = words.length === 0 ? decided(front, true) : equalWords(front, words, expected);
  return [...(yes ? [{ state: yes, value: staged(true) }] : []), ...(no ? [{ state: no, value: staged(false) }] : [])];
};

function compared(front: Front, words: readonly Word[], { bytes, length }: Prefix): [ValueId[], ValueId[]] {
  const [found, expected]: [ValueId[], ValueId[]] = [[], []];
  let at = 0;
  for (const { id, size } of words) {
    const mask = maskOf(at, size, length);
    let value = 0n;
    for (let index = size - 1; index >= 0; index--) value = (value << 8n) | BigInt(bytes[at + index]!);
    at += size;
    if (mask === 0n) continue;
    const isWhole = mask === (1n << BigInt(8 * size)) - 1n;
    found.push(isWhole ? id : front.aluConstant("and", id, mask));
    expected.push(front.constant(value & mask));
  }
  return [found, expected];
}

export const PREFIXES: Readonly<Record<string, Handler>> = { inPrefix };
