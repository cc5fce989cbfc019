/** `conntrackLookup` and `conntrackAllocate` (kfuncs of net/netfilter/nf_conntrack_bpf.c). Null on a kernel without them. */
import type { ValueId } from "../ir/ir.ts";
import { CONNTRACK_OPTIONS } from "../kernel-types.ts";
import type { SyntaxNode } from "../stage/syntax.ts";
import { argument, argumentNode, type Call, type Handler } from "./call.ts";
import { acquired } from "./connections.ts";
import { numberOf, present } from "./convert.ts";
import { addressField } from "./fib.ts";
import type { Front } from "./front.ts";
import { whereKernelHas } from "./kernel-function.ts";
import { property } from "./property.ts";
import { NULL, type Value, within } from "./value.ts";

/** BPF_F_CURRENT_NETNS: the namespace of the interface that received the packet. */
const CURRENT_NAMESPACE = -1;

/** A number of the tuple, which has so many bits. */
function part(front: Front, tuple: Value, name: string, bits: 8 | 16, node: SyntaxNode): ValueId {
  const { range, id } = numberOf(front, property(front, tuple, name, node), node, `a number in \`${name}\``);
  if (!within(range, { min: 0, max: 2 ** bits - 1 }))
    front.fail(
      "COMPILER_TYPE",
      { expected: `a number of ${bits} bits in \`${name}\``, found: `one of ${range.min} to ${range.max}` },
      node,
      `wrap it: u${bits}(…)`,
    );
  return id();
}

/** `struct bpf_sock_tuple` on the stack: addresses, then ports, in network order. */
function tupleOf(
  front: Front,
  call: Call,
): { readonly address: () => ValueId; readonly size: number; readonly protocol: ValueId } {
  const node = argumentNode(call, 1);
  const tuple = present(front, argument(call, 1), node);
  const [source, destination] = ["source", "destination"].map((name) => addressField(front, tuple, name, call));
  if (source!.family !== destination!.family)
    front.fail("COMPILER_TYPE", { expected: "addresses of one family", found: "an IPv4 and an IPv6 address" }, node);
  const ports = ["sourcePort", "destinationPort"].map((name) => part(front, tuple, name, 16, node));
  const protocol = part(front, tuple, "protocol", 8, node);
  const size = source!.family === "ipv6" ? 36 : 12;
  const slot = front.slot(40);
  const address = (): ValueId => front.stackAddress(slot);
  let offset = 0;
  const store = (bytes: 1 | 2 | 4 | 8, value: ValueId): void => {
    front.emit({ kind: "store", size: bytes, base: address(), offset, value });
    offset += bytes;
  };
  for (const { words } of [source!, destination!]) for (const word of words) store(word.size, word.id);
  for (const port of ports) store(2, front.emit({ kind: "swap", bits: 16, a: port }));
  return { address, size, protocol };
}

function optionsOf(front: Front, protocol: ValueId): ValueId {
  const slot = front.slot(16);
  const store = (size: 1 | 4, offset: number, value: ValueId): void => {
    front.emit({ kind: "store", size, base: front.stackAddress(slot), offset, value });
  };
  store(4, 0, front.constant(CURRENT_NAMESPACE));
  store(4, 4, front.constant(0));
  store(4, 8, front.constant(0));
  store(1, 8, protocol);
  return front.stackAddress(slot);
}

/** An entry by a function that gets the tuple: two paths. */
const entry =
  (name: string, isNew: boolean): Handler =>
  (front, call) => {
    const tuple = tupleOf(front, call);
    const { yes: known, no: unknown } = whereKernelHas(front, name);
    front.follow(known);
    const options = optionsOf(front, tuple.protocol);
    const values = [
      front.context,
      tuple.address(),
      front.constant(tuple.size),
      options,
      front.constant(CONNTRACK_OPTIONS),
    ];
    const [{ state: held, value }, { state: none }] = acquired(front, name, values, isNew, call.node);
    const nothing = front.joinStates([none, unknown])!;
    front.follow(undefined);
    return [
      { state: held, value },
      { state: nothing, value: NULL },
    ];
  };

export const CONNTRACK: Readonly<Record<string, Handler>> = {
  conntrackLookup: entry("bpf_xdp_ct_lookup", false),
  conntrackAllocate: entry("bpf_xdp_ct_alloc", true),
};
