/** Hardware hints: the kfuncs of net/core/xdp.c that give receive metadata. Null when the driver has none (negative answer). */
import type { ValueId } from "../ir/ir.ts";
import type { SyntaxNode } from "../stage/syntax.ts";
import type { Method } from "./call.ts";
import type { Front, Outcome } from "./front.ts";
import { outcome } from "./join.ts";
import { whereKernelHas } from "./kernel-function.ts";
import { NULL, type Value } from "./value.ts";

interface Hint {
  readonly kfunc: string;
  readonly since: string;
  /** Bytes of what each pointer argument receives. */
  readonly sizes: readonly (2 | 4 | 8)[];
  make(front: Front, values: readonly ValueId[]): Value;
}

const number = (id: ValueId, max: number): Value => ({ kind: "number", id, range: { min: 0, max } });

const record = (fields: Readonly<Record<string, Value>>): Value => ({
  kind: "record",
  isTuple: false,
  fields: new Map(Object.entries(fields)),
});

const HINTS: Readonly<Record<string, Hint>> = {
  rxTimestamp: {
    kfunc: "bpf_xdp_metadata_rx_timestamp",
    since: "6.3",
    sizes: [8],
    make: (_, [time]) => ({ kind: "bigint", id: time!, signed: false }),
  },
  rxHash: {
    kfunc: "bpf_xdp_metadata_rx_hash",
    since: "6.3",
    sizes: [4, 4],
    make: (_, [hash, type]) => record({ hash: number(hash!, 0xffffffff), type: number(type!, 0xffffffff) }),
  },
  rxVlanTag: {
    kfunc: "bpf_xdp_metadata_rx_vlan_tag",
    since: "6.8",
    sizes: [2, 2],
    make: (front, [protocol, tag]) => {
      const swapped = front.emit({ kind: "swap", bits: 16, a: protocol! });
      return record({ protocol: number(swapped, 0xffff), tag: number(tag!, 0xffff) });
    },
  },
};

/** The kernel's functions, with the sizes of what their pointers receive: for their BTF. */
export const HINT_FUNCTIONS = Object.values(HINTS).map(({ kfunc, sizes }) => [kfunc, sizes] as const);

function ask(front: Front, hint: Hint, node: SyntaxNode): Outcome[] {
  if (!front.isDeviceBound) return outcome(front, NULL);
  front.unit.need(front, hint.kfunc, hint.since, node);
  const { yes: known, no: unknown } = whereKernelHas(front, hint.kfunc);
  front.follow(known);
  const slots = hint.sizes.map((size) => front.slot(size, size));
  hint.sizes.forEach((size, index) => {
    front.emit({ kind: "store", size, base: front.stackAddress(slots[index]!), offset: 0, value: front.constant(0) });
  });
  const result = front.emit({
    kind: "callFunction",
    target: { kind: "extern", extern: hint.kfunc },
    arguments: [front.context, ...slots.map((slot) => front.stackAddress(slot))],
  });
  // The kernel answers an int: its upper half is not defined.
  const { yes: some, no: none } = front.branch("eq", result, front.constant(0), 32);
  front.follow(some);
  const values = hint.sizes.map((size, index) =>
    front.emit({ kind: "load", size, signed: false, base: front.stackAddress(slots[index]!), offset: 0 }),
  );
  const value = hint.make(front, values);
  const found = front.leave();
  const no = front.joinStates([none, unknown])!;
  front.follow(undefined);
  return [
    { state: found, value },
    { state: no, value: NULL },
  ];
}

export const HINT_METHODS: Readonly<Record<string, Method<Value>>> = Object.fromEntries(
  Object.entries(HINTS).map(([name, hint]) => [name, (front, _, call) => ask(front, hint, call.node)]),
);
