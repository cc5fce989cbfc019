/**
 * Struct classes: `export class Sid extends struct({ behaviour: u32, packets: u64 }) {}`.
 *
 * Invariant: an instance holds its fields, and nothing else, as own enumerable properties, in declared order. Which
 * fields its constructor was given is remembered beside it, so that an encoder can fill in those left out.
 */
import { xdpkitError } from "../base/index.ts";
import { parseAddress } from "./address.ts";
import { codecOf, decode, inside, UNSET } from "./codec.ts";
import { type AnySchema, describe, LAYOUT, layOut, layoutOf, PARTS, ROOT, type StructLayout } from "./layout.ts";
import type { Fields, Schema, Struct } from "./types.ts";

/** For instances made with `new`: the names of the fields that were given. Decoded ones have all. */
const givenFields = new WeakMap<object, ReadonlySet<string>>();

type Values = Record<string, unknown>;

/**
 * Declares a layout once. Throws SCHEMA_BITS_UNALIGNED, SCHEMA_FIELD_NAME, SCHEMA_NOT_A_SCHEMA.
 *
 * @throws XdpkitError SCHEMA_SIZE, SCHEMA_TYPE
 */
export function struct<F extends Record<string, Schema<unknown>>>(fields: F): Struct<Fields<F>> {
  const layout = layOut(fields);
  const parts: Readonly<Record<string, AnySchema>> = Object.freeze({ ...fields });
  const fillers = makeFillers(parts);
  // Without a name, so that an anonymous layout has none; the class that extends it brings its own.
  return class {
    static readonly size = layout.size;
    static readonly [LAYOUT] = layout;
    static readonly [PARTS] = parts;
    constructor(values?: Values) {
      if (values !== UNSET) fill(this as unknown as Values, layout, fillers, values ?? {});
    }
    static offsetOf(field: string): number {
      // biome-ignore lint/complexity/noThisInStatic: the class that extends this one
      return offsetOf(this as unknown as AnySchema, field);
    }
    static from(value: unknown): unknown {
      // biome-ignore lint/complexity/noThisInStatic: the class that extends this one
      return decode(this as unknown as Schema<unknown>, bytesOf(value, layout));
    }
  } as unknown as Struct<Fields<F>>;
}

/** For each field, how to make its value from what the constructor was given. */
type Filler = { readonly name: string; readonly copy: (given: unknown) => unknown; readonly zero: () => unknown };

function makeFillers(parts: Readonly<Record<string, AnySchema>>): readonly Filler[] {
  return Object.entries(parts).map(([name, schema]) => {
    const layout = layoutOf(schema);
    if (layout.kind === "bits") return { name, copy: (given) => given, zero: () => (layout.isFlag ? false : 0) };
    return { name, copy: copierOf(schema), zero: () => codecOf(schema).zero() };
  });
}

/** A field holds its own copy, as a store in memory does; plain objects become instances, so that getters work. */
function copierOf(schema: AnySchema): (given: unknown) => unknown {
  const layout = layoutOf(schema);
  if (layout.kind === "bytes") return (given) => (given instanceof Uint8Array ? Uint8Array.from(given) : given);
  if (layout.kind === "array") {
    const element = copierOf((schema as unknown as { [PARTS]: { element: AnySchema } })[PARTS].element);
    return (given) => (Array.isArray(given) ? given.map(element) : given);
  }
  if (layout.kind !== "struct") return (given) => given;
  const Class = schema as unknown as new (fields: object) => object;
  return (given) => (typeof given === "object" && given !== null ? new Class(given) : given);
}

function fill(target: Values, layout: StructLayout, fillers: readonly Filler[], values: Values): void {
  const name = target.constructor.name;
  for (const filler of fillers) {
    const given = values[filler.name];
    target[filler.name] = given === undefined ? filler.zero() : within(filler, given);
  }
  const given = Object.keys(values).filter((key) => values[key] !== undefined);
  for (const key of given) if (!Object.hasOwn(target, key)) throw unknownField(name, key, layout);
  givenFields.set(target, new Set(given));
}

function within(filler: Filler, given: unknown): unknown {
  try {
    return filler.copy(given);
  } catch (error) {
    throw inside(error, `.${filler.name}`);
  }
}

/** SCHEMA_UNKNOWN_FIELD at the field's path. */
export function unknownField(struct: string, field: string, layout: StructLayout): Error {
  const known = layout.fields.map((one) => one.name);
  return xdpkitError(
    "SCHEMA_UNKNOWN_FIELD",
    { struct: struct || "struct", field, known },
    { at: { kind: "path", path: `$.${field}` } },
  );
}

function offsetOf(schema: AnySchema, field: string): number {
  const layout = layoutOf(schema) as StructLayout;
  const found = layout.fields.find((one) => one.name === field);
  if (!found) throw unknownField(layout.name, field, layout);
  return Math.floor(found.offsetBits / 8);
}

/** The bytes that `from` reads: of an address by its text, of octets, of a bigint as eight bytes in host order. */
function bytesOf(value: unknown, layout: StructLayout): Uint8Array {
  const bytes = rawBytes(value);
  if (bytes.length === layout.size) return bytes;
  const sizes = { what: layout.name || "the struct", need: layout.size, have: bytes.length };
  throw xdpkitError("SCHEMA_SIZE", sizes, { at: ROOT });
}

function rawBytes(value: unknown): Uint8Array {
  if (typeof value === "string") {
    if (value.includes(".") && !value.includes(":")) return parseAddress("ipv4", value);
    return parseAddress(/^([0-9a-f]{1,2}[:-]){5}[0-9a-f]{1,2}$/i.test(value) ? "mac" : "ipv6", value);
  }
  if (typeof value === "bigint") {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, value), true);
    return bytes;
  }
  if (typeof value === "object" && value !== null && "length" in value)
    return Uint8Array.from(value as ArrayLike<number>);
  throw xdpkitError("SCHEMA_TYPE", { expected: "an address, bytes or a bigint", found: describe(value) }, { at: ROOT });
}

/**
 * False when `new` was not given this field and it still holds zero: an encoder may fill it in. Fields of decoded
 * values, and fields assigned another value since, count as given.
 */
export function isGiven(value: object, field: string): boolean {
  const given = givenFields.get(value);
  if (!given || given.has(field)) return true;
  const now = (value as Values)[field];
  return !(now === 0 || now === 0n || now === false || /^[0:.]*$/.test(typeof now === "string" ? now : "x"));
}

/** A copy of the value in which `fields` count as left out, and are zero. */
export function leaveOut<T extends object>(value: T, fields: readonly string[]): T {
  const kept = Object.entries(value).filter(([name]) => !fields.includes(name) && isGiven(value, name));
  return new (value.constructor as new (fields: object) => T)(Object.fromEntries(kept));
}
