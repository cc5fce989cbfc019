/** The functions of src/lang/{control,helpers,place}.ts by their names, as the reference runs them. */
import type { FibLookup, FibOptions, FibRoute4, FibRoute6 } from "../../../src/lang/index.ts";
import { layoutOf } from "../../../src/schema/index.ts";
import { XdpAction } from "../../../src/uapi/index.ts";
import * as sums from "./checksums.ts";
import type { ReferenceContext } from "./context.ts";
import { toBigInt } from "./memory.ts";
import { OPERATORS, plain } from "./operators.ts";
import { type AnySchema, bytesOf, locationOf, placeAt, placeBytes, schemaOfPlace, stackPlace } from "./places.ts";

/** What the world around the program answers. */
export interface Surroundings {
  readonly now: bigint;
  /** 0 to 2^32 - 1. */
  random(): number;
  fib(route: FibRoute4 | FibRoute6, options: FibOptions): FibLookup;
  /** Of an interface, bytes; undefined when there is none. */
  mtu(interfaceIndex: number): number | undefined;
  trace(text: string): void;
  redirected(interfaceIndex: number): void;
}

/** Ends the program; thrown. */
export class Exit {
  readonly action: number;

  constructor(action: number) {
    this.action = action;
  }
}

type Fields = Record<string, unknown>;
type Operation = (before: unknown, value: unknown) => unknown;

function replaceField(place: Fields, field: string, compute: (before: unknown) => unknown): unknown {
  const before = place[field];
  place[field] = compute(before);
  return before;
}

/** An operation on a field that gives nothing; `fetch` ones give the old value. */
const atomically =
  (operation: Operation, fetch: boolean) =>
  (place: Fields, field: string, value: unknown): unknown => {
    const before = replaceField(place, field, (old) => operation(old, value));
    return fetch ? before : undefined;
  };

const ATOMICS = {
  "atomic.add": atomically(OPERATORS["+"], false),
  "atomic.fetchAdd": atomically(OPERATORS["+"], true),
  "atomic.or": atomically(OPERATORS["|"], false),
  "atomic.and": atomically(OPERATORS["&"], false),
  "atomic.xor": atomically(OPERATORS["^"], false),
  "atomic.exchange": atomically((_, value) => value, true),
  "atomic.compareExchange": (place: Fields, field: string, expected: unknown, replacement: unknown): unknown =>
    replaceField(place, field, (old) => (OPERATORS["==="](old, expected) ? replacement : old)),
  "atomic.load": (place: Fields, field: string): unknown => place[field],
  "atomic.store": (place: Fields, field: string, value: unknown): void => void (place[field] = value),
};

const PLACES = {
  equals: (a: object, b: object): boolean => {
    const schema = schemaOfPlace(a) ?? schemaOfPlace(b);
    if (!schema) throw new TypeError("equals compares places");
    const [left, right] = [bytesOf(schema, a), bytesOf(schema, b)];
    return left.every((byte, i) => byte === right[i]);
  },
  copyOf: (place: object): object => stackPlace(schemaOfPlace(place)!, placeBytes(place)),
  assign: (place: object, value: unknown): void => locationOf(place)!.write(bytesOf(schemaOfPlace(place)!, value)),
  overlay: (schema: AnySchema, place: object): object =>
    placeAt(schema, locationOf(place)!.within(0, layoutOf(schema).size)),
  withLock: (_: object, body: () => unknown): unknown => body(),
};

const MAX_ROUNDS = 1 << 23;

function loop(count: number, body: (index: number) => unknown): number {
  if (count > MAX_ROUNDS) return -7; // E2BIG
  let rounds = 0;
  while (rounds < count) if (body(rounds++) === true) break;
  return rounds;
}

const CHECKSUMS = {
  checksum: (...places: unknown[]): number => sums.checksum(places),
  checksumReplace: sums.checksumReplace,
  checksumAdd: sums.checksumAdd,
  checksumFinish: sums.checksumFinish,
  checksumPacket: (ctx: ReferenceContext, offset: number, length: number, atMost: number, sum?: number) =>
    sums.checksumPacket(ctx.memory.copy(), offset, length, atMost, sum),
  jhash: sums.jhash,
  jhashWords: sums.jhashWords,
  inPrefix: sums.inPrefix,
};

/** Text of a trace, values in their JavaScript form. */
const format = (text: readonly string[], values: readonly unknown[]): string =>
  text.map((piece, i) => (i === 0 ? piece : String(plain(values[i - 1])) + piece)).join("");

const ETHERNET = 14;

/** By the name that `intrinsicOf` gives. */
export function intrinsics(world: Surroundings): Readonly<Record<string, (...values: never[]) => unknown>> {
  const now = (): bigint => world.now;
  return {
    ...ATOMICS,
    ...PLACES,
    ...CHECKSUMS,
    loop,
    exit: (action: number): never => {
      throw new Exit(action);
    },
    trace: (text: readonly string[], ...values: unknown[]): void => world.trace(format(text, values)),
    redirect: (interfaceIndex: number): number => {
      world.redirected(interfaceIndex);
      return XdpAction.Redirect;
    },
    fibLookup: (_: ReferenceContext, route: FibRoute4 | FibRoute6, options: FibOptions = {}): FibLookup =>
      world.fib(route, options),
    checkMtu: (ctx: ReferenceContext, interfaceIndex: number, growth = 0) => {
      const mtu = world.mtu(interfaceIndex || ctx.ingressInterface) ?? 0;
      return { fits: mtu > 0 && ctx.length + growth <= mtu + ETHERNET, mtu };
    },
    /** No connections, as on a kernel without nf_conntrack. */
    conntrackLookup: (): null => null,
    conntrackAllocate: (): null => null,
    ktimeGetNs: now,
    ktimeGetBootNs: now,
    ktimeGetCoarseNs: now,
    ktimeGetTaiNs: now,
    getPrandomU32: (): number => Number(BigInt.asUintN(32, toBigInt(world.random()))),
    getSmpProcessorId: (): number => 0,
    getNumaNodeId: (): number => 0,
  };
}
