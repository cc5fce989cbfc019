/**
 * Connections of nf_conntrack: reading them, and giving them back.
 *
 * Invariant: a connection is held under one register: where paths meet that hold different ones, the phi takes them over
 * (merge.ts). So each is released once, which the verifier demands.
 */
import { CONNECTION } from "../kernel-types.ts";
import type { SyntaxNode } from "../stage/syntax.ts";
import type { Method } from "./call.ts";
import type { Front } from "./front.ts";
import { outcome } from "./join.ts";
import { type Connection, U32, UNDEFINED, type Value } from "./value.ts";

const RELEASE = "bpf_ct_release";

function requireHeld(front: Front, { id }: Connection, node: SyntaxNode): void {
  const released = front.state.released.get(id);
  if (released) front.fail("COMPILER_RELEASED", released, node);
}

/** `status` and `mark`, as they are at this moment. */
export function connectionProperty(
  front: Front,
  connection: Connection,
  name: string,
  node: SyntaxNode,
): Value | undefined {
  if (name !== "status" && name !== "mark") return undefined;
  requireHeld(front, connection, node);
  const field = CONNECTION[name];
  // Little endian: the low half of `unsigned long`, of which the kernel uses 16 bits.
  const { offset } = field;
  const id = front.emit({ kind: "load", size: 4, signed: false, base: connection.id, offset, field });
  return { kind: "number", id, range: U32 };
}

const release: Method<Connection> = (front, connection, { node }) => {
  requireHeld(front, connection, node);
  const { lockedSince, records, released } = front.state;
  if (lockedSince !== undefined) front.fail("COMPILER_UNDER_LOCK", { what: "`release`", line: lockedSince }, node);
  front.unit.kfuncs.add(RELEASE);
  front.emit({ kind: "callFunction", target: { kind: "extern", extern: RELEASE }, arguments: [connection.id] });
  front.state.records = new Map([...records].filter(([id]) => id !== connection.id));
  front.state.released = new Map([...released, [connection.id, { line: front.lineOf(node), isTaken: false }]]);
  return outcome(front, UNDEFINED);
};

export const CONNECTION_METHODS: Readonly<Record<string, Method<Connection>>> = { release };
