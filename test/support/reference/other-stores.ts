/** Queues, filters, streams, targets, maps of maps, variables and outcomes of the reference. */
import { printHex } from "../../../src/base/index.ts";
import type { MapDeclaration, MapHandle, XdpProgram } from "../../../src/lang/index.ts";
import { decode, layoutOf, type Schema, u32 } from "../../../src/schema/index.ts";
import { XdpAction } from "../../../src/uapi/index.ts";
import type { ReferenceContext } from "./context.ts";
import type { Store } from "./keyed-maps.ts";
import { Location, Region } from "./memory.ts";
import { type AnySchema, bytesOf, placeAt, placeBytes, readWhole, stackPlace } from "./places.ts";

/** First or last in, first out; `pop` and `peek` give a copy on the stack. */
export function queueStore({ value: schema = u32, maxEntries, type }: MapDeclaration): Store {
  const values: Uint8Array[] = [];
  const push = (value: unknown, overwriteOldest = false): boolean => {
    if (values.length >= maxEntries && !overwriteOldest) return false;
    if (values.length >= maxEntries) values.shift();
    values.push(bytesOf(schema, value));
    return true;
  };
  const next = (): Uint8Array | undefined => (type === "QUEUE" ? values[0] : values.at(-1));
  const pop = (): Uint8Array | undefined => (type === "QUEUE" ? values.shift() : values.pop());
  const copy = (bytes: Uint8Array | undefined): object | null => (bytes ? stackPlace(schema, bytes.slice()) : null);
  return {
    kernel: { push, pop: () => copy(pop()), peek: () => copy(next()) },
    access: {
      push: (value: unknown) => {
        if (!push(value)) throw new Error("the map is full");
      },
      pop: () => {
        const bytes = pop();
        return bytes && decode(schema, bytes);
      },
    },
  };
}

/** Exact: it has no false positives, which the kernel may have. */
export function bloomStore({ value: schema = u32 }: MapDeclaration): Store {
  const seen = new Set<string>();
  const add = (value: unknown): boolean => Boolean(seen.add(printHex(bytesOf(schema, value))));
  const has = (value: unknown): boolean => seen.has(printHex(bytesOf(schema, value)));
  return { kernel: { add, has }, access: { add, has } };
}

/** What user space has received: records in the order of submission. */
export interface RecordAccess<T> {
  records(): T[];
}

const HEADER_BYTES = 8;

/** A ring buffer; it is full when records and their headers would pass its bytes, since nobody reads meanwhile. */
export function ringStore(
  schema: AnySchema,
  { maxEntries }: MapDeclaration,
): Store & { readonly access: RecordAccess<unknown> } {
  const submitted: Uint8Array[] = [];
  const size = Math.ceil(layoutOf(schema).size / 8) * 8 + HEADER_BYTES;
  let used = 0;
  const reserve = (): object | null => {
    if (used + size > maxEntries) return null;
    used += size;
    return stackPlace(schema);
  };
  return {
    kernel: {
      reserve,
      submit: (place: object) => void submitted.push(placeBytes(place)),
      discard: () => undefined,
      output: (record: unknown) => {
        if (!reserve()) return false;
        submitted.push(bytesOf(schema, record));
        return true;
      },
    },
    access: { records: () => submitted.map((bytes) => decode(schema, bytes)) },
  };
}

/** Records, each with the packet bytes that the program asked for. */
export function perfStore(schema: AnySchema): Store & { readonly access: RecordAccess<unknown> } {
  const sent: { readonly record: Uint8Array; readonly packet: Uint8Array }[] = [];
  return {
    kernel: {
      output: (ctx: ReferenceContext, record: unknown, packetBytes = 0) => {
        if (packetBytes > ctx.length) return false;
        sent.push({ record: bytesOf(schema, record), packet: ctx.memory.copy().slice(0, packetBytes) });
        return true;
      },
    },
    access: { records: () => sent.map(({ record, packet }) => ({ ...(decode(schema, record) as object), packet })) },
  };
}

/** Records from user space. */
export function userRingStore(schema: AnySchema): Store {
  const waiting: Uint8Array[] = [];
  return {
    kernel: {
      drain: (body: (record: object) => unknown) => {
        let count = 0;
        for (let bytes = waiting.shift(); bytes; bytes = waiting.shift()) {
          count += 1;
          if (body(stackPlace(schema, bytes)) === true) break;
        }
        return count;
      },
    },
    access: { send: (record: unknown) => Boolean(waiting.push(bytesOf(schema, record))) },
  };
}

/** Interfaces, CPUs and sockets: a packet goes there when the slot is taken. */
export function targetStore({ type, maxEntries }: MapDeclaration, redirected: (slot: number | "all") => void): Store {
  const slots = new Map<number, unknown>();
  const allows = (index: number): boolean => type === "DEVMAP_HASH" || index < maxEntries;
  const has = (index: number): boolean => slots.has(index >>> 0);
  return {
    kernel: {
      has,
      redirect: (index: number, otherwise: number = XdpAction.Aborted) => {
        if (!has(index)) return otherwise;
        redirected(index >>> 0);
        return XdpAction.Redirect;
      },
      broadcast: () => {
        redirected("all");
        return XdpAction.Redirect;
      },
    },
    access: {
      get: (index: number) => slots.get(index),
      set: (index: number, target: unknown) => {
        if (!allows(index)) throw new RangeError(`slot ${index} of ${maxEntries}`);
        slots.set(index, target);
      },
      delete: (index: number) => slots.delete(index),
      entries: () => slots.entries(),
      get size() {
        return slots.size;
      },
    },
  };
}

/** Programs to jump to: `run` ends the calling program. */
export function programStore(
  programs: () => Readonly<Record<number, XdpProgram>>,
  run: (program: XdpProgram, ctx: ReferenceContext) => void,
): Store {
  const changed = new Map<number, XdpProgram | undefined>();
  const slot = (index: number): XdpProgram | undefined => (changed.has(index) ? changed.get(index) : programs()[index]);
  return {
    kernel: {
      tailCall: (ctx: ReferenceContext, index: number) => {
        const program = slot(index);
        if (program) run(program, ctx);
      },
    },
    access: {
      get: slot,
      set: (index: number, program: XdpProgram) => void changed.set(index, program),
      delete: (index: number) => Boolean(slot(index)) && Boolean(changed.set(index, undefined)),
    },
  };
}

/** Maps in a map; the inner ones are handles like any other. */
export function outerStore({ key: schema = u32 }: MapDeclaration): Store {
  const inner = new Map<string, { readonly key: unknown; readonly map: MapHandle }>();
  const nameOf = (key: unknown): string => printHex(bytesOf(schema, key));
  const lookup = (key: unknown): MapHandle | undefined => inner.get(nameOf(key))?.map;
  return {
    kernel: { lookup: (key: unknown) => lookup(key) ?? null },
    access: {
      get: lookup,
      set: (key: unknown, map: MapHandle) => void inner.set(nameOf(key), { key, map }),
      delete: (key: unknown) => inner.delete(nameOf(key)),
      entries: () => [...inner.values()].map(({ key, map }) => [key, map])[Symbol.iterator](),
    },
  };
}

/** A global or a setting: a place that kernel code and user space share; only user space may write a setting. */
export function variableStore(schema: Schema<unknown>, initial: unknown, isReadOnly: boolean): Store {
  const region = new Region(bytesOf(schema, initial), isReadOnly);
  const location = new Location(region, 0, region.bytes.length);
  return {
    kernel: {
      get: () => readWhole(schema, location),
      set: (value: unknown) => location.write(bytesOf(schema, value)),
    },
    access: {
      get value(): unknown {
        return decode(schema, region.bytes);
      },
      set value(value: unknown) {
        region.bytes.set(bytesOf(schema, value));
      },
      place: () => placeAt(schema, location),
    },
  };
}

/** Counters of verdicts by their reason. */
export function outcomeStore(names: readonly string[]): Store {
  const counts = new Map(names.map((name) => [name, 0n]));
  const count = (name: string, action?: number): number | undefined => {
    const before = counts.get(name);
    if (before === undefined) throw new Error(`no outcome ${name}`);
    counts.set(name, before + 1n);
    return action;
  };
  return {
    kernel: {
      count: (name: string) => void count(name),
      drop: (name: string) => count(name, XdpAction.Drop),
      pass: (name: string) => count(name, XdpAction.Pass),
      abort: (name: string) => count(name, XdpAction.Aborted),
      as: (name: string, action: number) => count(name, action),
    },
    access: { read: () => Object.fromEntries(counts) },
  };
}
