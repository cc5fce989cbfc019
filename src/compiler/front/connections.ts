/**
 * Connections of nf_conntrack: reading and changing them, giving them back; and new ones, until they are in the table
 * (net/netfilter/nf_conntrack_bpf.c, nf_nat_bpf.c).
 *
 * Invariant: a connection is held under one register: where paths meet that hold different ones, the phi takes them over
 * (merge.ts). So each is released, or inserted, once, which the verifier demands.
 */
import type { ValueId, ValueType } from "../ir/ir.ts";
import { CONNECTION } from "../kernel-types.ts";
import type { SyntaxNode } from "../stage/syntax.ts";
import { argument, argumentNode, type Call, type Method } from "./call.ts";
import { asIpAddress, numberOf, stagedOf } from "./convert.ts";
import type { Front, Outcome } from "./front.ts";
import { outcome } from "./join.ts";
import { whereKernelHas } from "./kernel-function.ts";
import type { State } from "./state.ts";
import {
  type Connection,
  describeValue,
  MAX_SAFE,
  NULL,
  type Range,
  staged,
  U32,
  UNDEFINED,
  type Value,
  within,
} from "./value.ts";

function requireHeld(front: Front, { id }: Connection, node: SyntaxNode): void {
  const released = front.state.released.get(id);
  if (released) front.fail("COMPILER_RELEASED", released, node);
}

/** Calls a kernel function. */
function called(
  front: Front,
  name: string,
  values: readonly ValueId[],
  node: SyntaxNode,
  type: ValueType = "scalar",
): ValueId {
  const { lockedSince } = front.state;
  if (lockedSince !== undefined) front.fail("COMPILER_UNDER_LOCK", { what: "a call", line: lockedSince }, node);
  front.unit.kfuncs.add(name);
  return front.emit({ kind: "callFunction", target: { kind: "extern", extern: name }, arguments: values }, type);
}

/** What a kernel function gives, to be given back: the paths with it and without. */
export function acquired(
  front: Front,
  name: string,
  values: readonly ValueId[],
  isNew: boolean,
  node: SyntaxNode,
): readonly [Outcome, { readonly state: State; readonly value: Value }] {
  const id = called(front, name, values, node, "pointer");
  const { yes, no } = front.branch("ne", id, front.constant(0));
  front.learn(yes, id, { min: 1, max: MAX_SAFE });
  front.learn(no, id, { min: 0, max: 0 });
  const kind = isNew ? "newConnection" : "connection";
  yes.records = new Map([...yes.records, [id, { kind, line: front.lineOf(node) }]]);
  return [
    { state: yes, value: { kind: "connection", id, isNew } },
    { state: no, value: NULL },
  ];
}

/** From here on the connection is not held. */
function drop(front: Front, { id, isNew }: Connection, node: SyntaxNode): void {
  const { records, released } = front.state;
  front.state.records = new Map([...records].filter(([one]) => one !== id));
  const why = { line: front.lineOf(node), isTaken: false, isInserted: isNew };
  front.state.released = new Map([...released, [id, why]]);
}

/** `status` and `mark`, as they are at this moment. */
export function connectionProperty(
  front: Front,
  connection: Connection,
  name: string,
  node: SyntaxNode,
): Value | undefined {
  if (connection.isNew || (name !== "status" && name !== "mark")) return undefined;
  requireHeld(front, connection, node);
  const field = CONNECTION[name];
  // Little endian: the low half of `unsigned long`, of which the kernel uses 16 bits.
  const { offset } = field;
  const id = front.emit({ kind: "load", size: 4, signed: false, base: connection.id, offset, field });
  return { kind: "number", id, range: U32 };
}

const release: Method<Connection> = (front, connection, { node }) => {
  requireHeld(front, connection, node);
  const { lockedSince } = front.state;
  if (lockedSince !== undefined) front.fail("COMPILER_UNDER_LOCK", { what: "`release`", line: lockedSince }, node);
  called(front, "bpf_ct_release", [connection.id], node);
  drop(front, connection, node);
  return outcome(front, UNDEFINED);
};

/** The table takes the new connection, or frees it: it is gone on both paths. */
const insert: Method<Connection> = (front, connection, { node }) => {
  requireHeld(front, connection, node);
  const { id } = connection;
  const paths = acquired(front, "bpf_ct_insert_entry", [id], false, node);
  for (const { state } of paths) {
    front.follow(state);
    drop(front, connection, node);
    front.leave();
  }
  return [...paths];
};

function wordOf(front: Front, call: Call, index: number, what: string, most: Range = U32): ValueId {
  const node = argumentNode(call, index);
  const { range, id } = numberOf(front, argument(call, index), node, what);
  if (!within(range, most))
    front.fail(
      "COMPILER_TYPE",
      { expected: `${what} of ${most.min} to ${most.max}`, found: `one of ${range.min} to ${range.max}` },
      node,
      most === U32 ? "wrap it: u32(…)" : "wrap it: u16(…)",
    );
  return id();
}

/** Zero is success. */
function succeeded(front: Front, result: ValueId, { isUsed }: Call): Outcome[] {
  if (!isUsed) return outcome(front, UNDEFINED);
  const { yes, no } = front.branch("eq", result, front.constant(0), 32);
  return [
    { state: yes, value: staged(true) },
    { state: no, value: staged(false) },
  ];
}

const change =
  (method: string, name: string, what: string): Method<Connection> =>
  (front, connection, call) => {
    requireHeld(front, connection, call.node);
    front.unit.need(front, method, "6.0", call.node);
    return succeeded(front, called(front, name, [connection.id, wordOf(front, call, 0, what)], call.node), call);
  };

const MANIPULATIONS: Readonly<Record<string, number>> = { source: 0, destination: 1 };
const SET_NAT = "bpf_ct_set_nat_info";
const PORT: Range = { min: 0, max: 0xffff };

/** The address, in `union nf_inet_addr` on the stack. */
function addressIn(front: Front, call: Call): ValueId {
  const [given, node] = [argument(call, 1), argumentNode(call, 1)];
  const address = asIpAddress(front, front.settle(given), node);
  if (address.kind !== "address" || address.family === "mac") {
    const expected = "an IPv4 or IPv6 address";
    return front.fail("COMPILER_TYPE", { expected, found: describeValue(given) }, node);
  }
  const slot = front.slot(16);
  let offset = 0;
  const store = (size: 1 | 2 | 4 | 8, value: ValueId): void => {
    front.emit({ kind: "store", size, base: front.stackAddress(slot), offset, value });
    offset += size;
  };
  for (const { size, id } of address.words) store(size, id);
  while (offset < 16) store(4, front.constant(0));
  return front.stackAddress(slot);
}

/** False on a kernel without nf_nat. */
const setNat: Method<Connection> = (front, connection, call) => {
  requireHeld(front, connection, call.node);
  front.unit.need(front, "setNat", "6.1", call.node);
  const expected = '"source" or "destination"';
  const kind = stagedOf(front, argument(call, 0), expected, argumentNode(call, 0));
  const manipulation = MANIPULATIONS[String(kind)];
  if (manipulation === undefined)
    return front.fail("COMPILER_TYPE", { expected, found: String(kind) }, argumentNode(call, 0));
  const address = addressIn(front, call);
  const port = call.values.length > 2 ? wordOf(front, call, 2, "a port", PORT) : front.constant(0);
  const { yes: known, no: unknown } = whereKernelHas(front, SET_NAT);
  front.follow(known);
  const values = [connection.id, address, port, front.constant(manipulation)];
  const [set, refused] = succeeded(front, called(front, SET_NAT, values, call.node), { ...call, isUsed: true });
  const failed = front.joinStates([refused!.state, unknown])!;
  front.follow(undefined);
  return [set!, { state: failed, value: staged(false) }];
};

const CONNECTION_METHODS: Readonly<Record<string, Method<Connection>>> = {
  release,
  changeTimeout: change("changeTimeout", "bpf_ct_change_timeout", "a time in milliseconds"),
  changeStatus: change("changeStatus", "bpf_ct_change_status", "a status"),
};

/** Of connections that are not yet in the table. */
const NEW_CONNECTION_METHODS: Readonly<Record<string, Method<Connection>>> = {
  insert,
  setTimeout: (front, connection, call) => {
    requireHeld(front, connection, call.node);
    called(front, "bpf_ct_set_timeout", [connection.id, wordOf(front, call, 0, "a time in milliseconds")], call.node);
    return outcome(front, UNDEFINED);
  },
  setStatus: change("setStatus", "bpf_ct_set_status", "a status"),
  setNat,
};

export const connectionMethods = ({ isNew }: Connection): Readonly<Record<string, Method<Connection>>> =>
  isNew ? NEW_CONNECTION_METHODS : CONNECTION_METHODS;
