/**
 * Hash maps, arrays and longest-prefix tries of the reference, for one CPU.
 *
 * Invariant: a value keeps its memory from insertion to deletion, so a place that a look-up gave sees every later write.
 * LRU maps evict the entry that was inserted or written longest ago, and only when full: the kernel does so roughly and
 * earlier, so a comparison must not fill them.
 */
import { printHex } from "../../../src/base/index.ts";
import type { MapDeclaration } from "../../../src/lang/index.ts";
import { decode, layoutOf, parseAddress, u32 } from "../../../src/schema/index.ts";
import { Location, Region } from "./memory.ts";
import { type AnySchema, bytesOf, placeAt, readWhole } from "./places.ts";

/** What kernel code and user space may do with a map, a variable or outcomes. */
export interface Store {
  readonly kernel: Readonly<Record<string, (...values: never[]) => unknown>>;
  /** In the form of src/lang/access.ts. */
  readonly access: object;
}

type Mode = "any" | "create" | "replace" | undefined;

interface Entry {
  readonly key: Uint8Array;
  readonly value: Region;
}

const whole = (schema: AnySchema, region: Region): Location => new Location(region, 0, layoutOf(schema).size);

/** The value as user space sees it. */
const userValue = (schema: AnySchema, region: Region): unknown => decode(schema, region.bytes);

/** Every map type whose entries are found by their whole key. */
export function hashStore(declaration: MapDeclaration): Store {
  const { key: keySchema = u32, value: valueSchema = u32, maxEntries, type } = declaration;
  const entries = new Map<string, Entry>();
  const find = (key: unknown): Entry | undefined => entries.get(printHex(bytesOf(keySchema, key)));

  const update = (key: unknown, value: unknown, mode: Mode): boolean => {
    const bytes = bytesOf(keySchema, key);
    const text = printHex(bytes);
    const present = entries.get(text);
    if (mode === "create" ? present : mode === "replace" && !present) return false;
    const stored = bytesOf(valueSchema, value);
    if (!present && entries.size >= maxEntries && !evict()) return false;
    if (present) entries.delete(text);
    present?.value.bytes.set(stored);
    entries.set(text, present ?? { key: bytes, value: new Region(stored) });
    return true;
  };
  const evict = (): boolean => {
    const [oldest] = entries.keys();
    return type.startsWith("LRU") && oldest !== undefined && entries.delete(oldest);
  };
  const remove = (key: unknown): boolean => entries.delete(printHex(bytesOf(keySchema, key)));
  const lookup = (key: unknown): object | null => {
    const found = find(key);
    return found ? placeAt(valueSchema, whole(valueSchema, found.value)) : null;
  };
  const forEach = (body: (value: object, key: unknown) => unknown): number => {
    let visited = 0;
    for (const { key, value } of [...entries.values()]) {
      visited += 1;
      const keyValue = readWhole(keySchema, whole(keySchema, new Region(key.slice())));
      if (body(placeAt(valueSchema, whole(valueSchema, value)), keyValue) === true) break;
    }
    return visited;
  };
  return {
    kernel: {
      lookup,
      update,
      delete: remove,
      forEach,
      lookupOrInsert: (key: unknown, initial: unknown) => {
        if (!find(key)) update(key, initial, "create");
        return lookup(key);
      },
      lookupOnCpu: (key: unknown, cpu: number) => (cpu === 0 ? lookup(key) : null),
    },
    access: userAccess({
      form: type.includes("PERCPU") ? (value) => [value] : (value) => value,
      get: (key) => find(key)?.value,
      set: (key, value, mode) => {
        if (!update(key, value, mode)) throw new Error("the map is full, or the mode forbids it");
      },
      delete: remove,
      entries: () => [...entries.values()].map(({ key, value }) => [decode(keySchema, key), value] as const),
      schema: valueSchema,
    }),
  };
}

interface UserMap {
  readonly form: (value: unknown) => unknown;
  readonly schema: AnySchema;
  get(key: unknown): Region | undefined;
  set(key: unknown, value: unknown, mode: Mode): void;
  delete(key: unknown): boolean;
  entries(): (readonly [unknown, Region])[];
}

function userAccess({ form, schema, ...map }: UserMap): object {
  const shown = (region: Region): unknown => form(userValue(schema, region));
  return {
    get: (key: unknown) => {
      const found = map.get(key);
      return found && shown(found);
    },
    set: (key: unknown, value: unknown, mode?: Mode) =>
      map.set(key, isPerCpu(form) && Array.isArray(value) ? value[0] : value, mode),
    delete: map.delete,
    entries: () =>
      map
        .entries()
        .map(([key, region]) => [key, shown(region)])
        [Symbol.iterator](),
    get size() {
      return map.entries().length;
    },
  };
}

const isPerCpu = (form: (value: unknown) => unknown): boolean => Array.isArray(form(0));

/** Values by index, zero from the start. */
export function arrayStore(declaration: MapDeclaration): Store {
  const { value: schema = u32, maxEntries, type } = declaration;
  const values = new Map<number, Region>();
  const region = (index: number): Region | undefined => {
    if (!Number.isInteger(index) || index < 0 || index > 0xffffffff)
      throw new RangeError(`index ${index} of an array map`);
    if (index >= maxEntries) return undefined;
    if (!values.has(index)) values.set(index, new Region(new Uint8Array(layoutOf(schema).size)));
    return values.get(index);
  };
  const lookup = (index: number): object | null => {
    const found = region(index);
    return found ? placeAt(schema, whole(schema, found)) : null;
  };
  const update = (index: number, value: unknown): boolean => {
    const found = region(index);
    found?.bytes.set(bytesOf(schema, value));
    return found !== undefined;
  };
  return {
    kernel: {
      lookup,
      update,
      at: (index: number) => {
        const place = lookup(index);
        if (!place) throw new RangeError(`at(${index}) of an array map with ${maxEntries} entries`);
        return place;
      },
      lookupOnCpu: (index: number, cpu: number) => (cpu === 0 ? lookup(index) : null),
    },
    access: userAccess({
      form: type.includes("PERCPU") ? (value) => [value] : (value) => value,
      get: (index) => region(index as number),
      set: (index, value) => {
        if (!update(index as number, value)) throw new RangeError(`index ${String(index)} of an array map`);
      },
      delete: () => false,
      entries: () => Array.from({ length: maxEntries }, (_, index) => [index, region(index)!] as const),
      schema,
    }),
  };
}

interface Prefix {
  readonly data: Uint8Array;
  readonly length: number;
  readonly value: Region;
}

function covers({ data, length }: Pick<Prefix, "data" | "length">, key: Uint8Array): boolean {
  for (let bit = 0; bit < length; bit++) if (((data[bit >> 3]! ^ key[bit >> 3]!) >> (7 - (bit & 7))) & 1) return false;
  return true;
}

/** The bytes and the length of a prefix as user space writes it: `"10.0.0.0/8"`, or bits and data. */
function parsePrefix(schema: AnySchema, key: unknown): { readonly data: Uint8Array; readonly length: number } {
  if (typeof key !== "string") {
    const { prefixLength, data } = key as { readonly prefixLength: number; readonly data: unknown };
    return { data: bytesOf(schema, data), length: prefixLength };
  }
  const [address, length] = key.split("/") as [string, string | undefined];
  const data = parseAddress(address.includes(":") ? "ipv6" : "ipv4", address);
  return { data, length: length === undefined ? data.length * 8 : Number(length) };
}

/** Longest-prefix match by looking at every prefix. */
export function prefixStore(declaration: MapDeclaration): Store {
  const { key: keySchema = u32, value: schema = u32, maxEntries } = declaration;
  const prefixes = new Map<string, Prefix>();
  const nameOf = (data: Uint8Array, length: number): string => {
    const kept = data.map((byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, length - 8 * i))) & 0xff);
    return `${printHex(kept)}/${length}`;
  };
  const find = (key: Uint8Array): Prefix | undefined =>
    [...prefixes.values()].filter((prefix) => covers(prefix, key)).toSorted((a, b) => b.length - a.length)[0];
  const update = (data: Uint8Array, length: number, value: unknown): boolean => {
    const name = nameOf(data, length);
    const present = prefixes.get(name);
    if (!present && prefixes.size >= maxEntries) return false;
    const stored = bytesOf(schema, value);
    if (present) present.value.bytes.set(stored);
    else prefixes.set(name, { data, length, value: new Region(stored) });
    return true;
  };
  const named = (key: unknown): string => {
    const { data, length } = parsePrefix(keySchema, key);
    return nameOf(data, length);
  };
  return {
    kernel: {
      lookup: (key: unknown) => {
        const found = find(bytesOf(keySchema, key));
        return found ? placeAt(schema, whole(schema, found.value)) : null;
      },
      update: (key: unknown, length: number, value: unknown) => update(bytesOf(keySchema, key), length, value),
      delete: (key: unknown, length: number) => prefixes.delete(nameOf(bytesOf(keySchema, key), length)),
    },
    access: userAccess({
      form: (value) => value,
      get: (key) => prefixes.get(named(key))?.value,
      set: (key, value) => {
        const { data, length } = parsePrefix(keySchema, key);
        if (!update(data, length, value)) throw new Error("the map is full");
      },
      delete: (key) => prefixes.delete(named(key)),
      entries: () => [...prefixes].map(([name, { value }]) => [name, value] as const),
      schema,
    }),
  };
}
