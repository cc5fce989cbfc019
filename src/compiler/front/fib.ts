/** `bpf_fib_lookup` and `bpf_check_mtu`: what goes into their parameters, and their answers by name. */
import type { ValueId } from "../ir/ir.ts";
import { argument, argumentNode, type Call, type Handler } from "./call.ts";
import { asIpAddress, numberOf, present, stagedOf } from "./convert.ts";
import type { Front, Outcome } from "./front.ts";
import { binary } from "./operators.ts";
import { contextField, XDP_MD } from "./packet-bounds.ts";
import { property } from "./property.ts";
import { describeValue, isStaged, staged, type Value, type Word } from "./value.ts";

/** Offsets in `struct bpf_fib_lookup` (include/uapi/linux/bpf.h), 64 bytes. */
const FIELD = {
  family: 0,
  length: 6,
  ifindex: 8,
  flowInfo: 12,
  source: 16,
  destination: 32,
  table: 48,
  smac: 52,
  dmac: 58,
} as const;
const SIZE = 64;
const FLAG = { direct: 1, output: 2, skipNeighbour: 4, tableId: 8 } as const;
const AF_INET = 2;
const AF_INET6 = 10;
const IPV6_HEADER = 40;

function option(call: Call, name: string): Value | undefined {
  const options = argument(call, 2);
  if (isStaged(options) && options.value === undefined) return undefined;
  if (options.kind === "record") return options.fields.get(name);
  const value =
    isStaged(options) && typeof options.value === "object"
      ? (options.value as Record<string, unknown>)[name]
      : undefined;
  return value === undefined ? undefined : staged(value);
}

function flagsOf(front: Front, call: Call): number {
  let flags = 0;
  for (const name of ["direct", "output", "skipNeighbour"] as const) {
    const value = option(call, name);
    if (value && stagedOf(front, value, name, argumentNode(call, 2)) === true) flags |= FLAG[name];
  }
  if (option(call, "skipNeighbour")) front.unit.need(front, "skipNeighbour", "6.3", call.node);
  if (option(call, "tableId")) {
    front.unit.need(front, "tableId", "6.7", call.node);
    flags |= FLAG.tableId | FLAG.direct;
  }
  return flags;
}

class Parameters {
  readonly #front: Front;
  readonly slot: number;
  constructor(front: Front) {
    this.#front = front;
    this.slot = front.slot(SIZE);
  }
  address(): ValueId {
    return this.#front.stackAddress(this.slot);
  }
  store(offset: number, size: 1 | 2 | 4 | 8, value: ValueId): void {
    this.#front.emit({ kind: "store", size, base: this.address(), offset, value });
  }
  load(offset: number, size: 1 | 2 | 4 | 8): ValueId {
    return this.#front.emit({ kind: "load", size, signed: false, base: this.address(), offset });
  }
  words(offset: number, words: readonly Word[]): void {
    let at = offset;
    for (const { id, size } of words) {
      this.store(at, size, id);
      at += size;
    }
  }
}

const fibLookup: Handler = (front, call) => {
  const route = present(front, argument(call, 1), argumentNode(call, 1));
  const [source, destination] = ["source", "destination"].map((name) => addressField(front, route, name, call));
  const isIpv6 = source!.family === "ipv6";
  const flags = flagsOf(front, call);
  const parameters = new Parameters(front);
  parameters.store(0, 8, front.constant(isIpv6 ? AF_INET6 : AF_INET));
  parameters.store(FIELD.length, 2, lengthOf(front, route, isIpv6, call));
  parameters.store(FIELD.ifindex, 4, interfaceOf(front, call));
  parameters.store(FIELD.flowInfo, 4, flowInfoOf(front, call, isIpv6));
  parameters.words(FIELD.source, source!.words);
  parameters.words(FIELD.destination, destination!.words);
  const table = option(call, "tableId");
  if (table) parameters.store(FIELD.table, 4, numberOf(front, table, argumentNode(call, 2)).id());
  const values = [front.context, parameters.address(), front.constant(SIZE), front.constant(flags)];
  const result = front.call(front.unit.helper("bpf_fib_lookup"), values);
  const { yes, no } = front.branch("eq", result, front.constant(0));
  return [found(front, yes, parameters), notFound(front, no, parameters, result)];
};

/** Version-less first word of an IPv6 header, in network order. */
function flowInfoOf(front: Front, call: Call, isIpv6: boolean): ValueId {
  const given = option(call, "flowInfo");
  if (!given) return front.constant(0);
  const node = argumentNode(call, 2);
  if (!isIpv6) front.fail("COMPILER_TYPE", { expected: "no `flowInfo`", found: "one for an IPv4 route" }, node);
  return front.emit({ kind: "swap", bits: 32, a: numberOf(front, given, node).id() });
}

export function addressField(
  front: Front,
  route: Value,
  name: string,
  call: Call,
): Extract<Value, { kind: "address" }> {
  const node = argumentNode(call, 1);
  const value = asIpAddress(front, front.settle(property(front, route, name, node)), node);
  if (value.kind === "address" && value.family !== "mac") return value;
  return front.fail("COMPILER_TYPE", { expected: `an address in \`${name}\``, found: describeValue(value) }, node);
}

/** What the MTU is compared with: the whole packet. */
function lengthOf(front: Front, route: Value, isIpv6: boolean, call: Call): ValueId {
  const given = option(call, "length");
  if (given) return numberOf(front, given, argumentNode(call, 2)).id();
  const node = argumentNode(call, 1);
  if (!isIpv6) return numberOf(front, property(front, route, "totalLength", node), node).id();
  const payload = property(front, route, "payloadLength", node);
  return numberOf(front, binary(front, "+", payload, staged(IPV6_HEADER), node), node).id();
}

function interfaceOf(front: Front, call: Call): ValueId {
  const given = option(call, "interfaceIndex");
  return given ? numberOf(front, given, argumentNode(call, 2)).id() : contextField(front, XDP_MD.ingressIfindex);
}

const record = (fields: Readonly<Record<string, Value>>): Value => ({
  kind: "record",
  isTuple: false,
  fields: new Map(Object.entries(fields)),
});

const mtuOf = (parameters: Parameters): Value => ({
  kind: "number",
  id: parameters.load(FIELD.length, 2),
  range: { min: 0, max: 0xffff },
});

function found(front: Front, state: Outcome["state"], parameters: Parameters): Outcome {
  front.follow(state);
  const interfaceIndex: Value = {
    kind: "number",
    id: parameters.load(FIELD.ifindex, 4),
    range: { min: 0, max: 0x7fffffff },
  };
  const mac = (offset: number): Value => ({
    kind: "address",
    family: "mac",
    words: macWords(front, parameters, offset),
  });
  const value = record({
    found: staged(true),
    interfaceIndex,
    source: mac(FIELD.smac),
    destination: mac(FIELD.dmac),
    mtu: mtuOf(parameters),
  });
  return { state: front.leave(), value };
}

/** Four bytes and two, each aligned to two only: the stack wants halves. */
function macWords(front: Front, parameters: Parameters, offset: number): Word[] {
  if (offset % 4 === 0)
    return [
      { id: parameters.load(offset, 4), size: 4 },
      { id: parameters.load(offset + 4, 2), size: 2 },
    ];
  const low = parameters.load(offset, 2);
  const high = front.aluConstant("shl", parameters.load(offset + 2, 2), 16);
  return [
    { id: front.alu("or", low, high), size: 4 },
    { id: parameters.load(offset + 4, 2), size: 2 },
  ];
}

function notFound(front: Front, state: Outcome["state"], parameters: Parameters, result: ValueId): Outcome {
  front.follow(state);
  // Negative: an error number of the kernel, for parameters that it does not take.
  const value = record({
    found: staged(false),
    result: { kind: "number", id: result, range: { min: -4095, max: 255 } },
    mtu: mtuOf(parameters),
  });
  return { state: front.leave(), value };
}

const checkMtu: Handler = (front, call) => {
  const index = numberOf(front, argument(call, 1), argumentNode(call, 1), "an interface index");
  const growth = argument(call, 2);
  const delta =
    isStaged(growth) && growth.value === undefined
      ? front.constant(0)
      : numberOf(front, growth, argumentNode(call, 2)).id();
  const slot = front.slot(8);
  front.emit({ kind: "store", size: 4, base: front.stackAddress(slot), offset: 0, value: front.constant(0) });
  const values = [front.context, index.id(), front.stackAddress(slot), delta, front.constant(0)];
  const result = front.call(front.unit.helper("bpf_check_mtu"), values);
  const mtu: Value = {
    kind: "number",
    id: front.emit({ kind: "load", size: 4, signed: false, base: front.stackAddress(slot), offset: 0 }),
    range: { min: 0, max: 0xffffffff },
  };
  const { yes, no } = front.branch("eq", result, front.constant(0));
  return [
    { state: yes, value: record({ fits: staged(true), mtu }) },
    { state: no, value: record({ fits: staged(false), mtu }) },
  ];
};

export const FIB: Readonly<Record<string, Handler>> = { fibLookup, checkMtu };
