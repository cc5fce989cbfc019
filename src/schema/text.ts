/**
 * Values as text and as JSON.
 *
 * JSON: 64-bit integers are numbers when JavaScript holds them exactly and decimal text when not; addresses are
 * text; bytes are hexadecimal text; locks are null. Reading takes either form, names of `named` values,
 * and leaves fields out as zero.
 *
 * Invariant: `fromJson(schema, toJson(schema, value))` has the bytes of `value`.
 */
import { parseHex, printHex, xdpkitError } from "../base/index.ts";
import { codecOf, encode, inside } from "./codec.ts";
import { rangeOf, wrongType } from "./codec-scalars.ts";
import {
  type AnySchema,
  type BitsLayout,
  type IntegerLayout,
  type Layout,
  layoutOf,
  partsOf,
  ROOT,
  type StructLayout,
} from "./layout.ts";
import { unknownField } from "./struct.ts";
import type { Schema } from "./types.ts";

/** What JSON.parse returns. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** A value as JSON data. */
export function toJson<T>(schema: Schema<T>, value: T): Json {
  const layout = layoutOf(schema);
  const parts = partsOf(schema);
  switch (layout.kind) {
    case "integer":
      return typeof value === "bigint" ? wideToJson(value) : (value as number);
    case "bytes":
      return printHex(Uint8Array.from(value as ArrayLike<number>));
    case "array":
      return Array.from(value as unknown[], (element) => toJson(parts["element"] as AnySchema, element));
    case "struct": {
      const fields = value as Readonly<Record<string, unknown>>;
      return Object.fromEntries(
        layout.fields.map(({ name }) => [name, toJson(parts[name] as AnySchema, fields[name])]),
      );
    }
    case "spinLock":
      return null;
    default:
      return value as boolean | number | string;
  }
}

function wideToJson(value: bigint): Json {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}

/**
 * A value from JSON data. Throws SCHEMA_TYPE, SCHEMA_RANGE, SCHEMA_ADDRESS, SCHEMA_SIZE or SCHEMA_UNKNOWN_FIELD at a
 * path such as `$.key.port`.
 */
export function fromJson<T>(schema: Schema<T>, json: unknown): T {
  const value = read(schema, json);
  encode(schema, value as T);
  return value as T;
}

function read(schema: AnySchema, json: unknown): unknown {
  const layout = layoutOf(schema);
  switch (layout.kind) {
    case "integer":
    case "bits":
      return layout.kind === "bits" && layout.isFlag ? json : readInteger(layout, json);
    case "address":
      // The cast gives the canonical text, and refuses what is none.
      return typeof json === "string" ? (schema as unknown as (text: string) => string)(json) : json;
    case "bytes":
      return typeof json === "string" ? readBytes(json) : json;
    case "array":
      return readArray(partsOf(schema)["element"] as AnySchema, layout.length, json);
    case "struct":
      return readStruct(schema, layout, json);
    case "bool":
      return json;
    default:
      return codecOf(schema).zero();
  }
}

function readInteger(layout: IntegerLayout | BitsLayout, json: unknown): unknown {
  const named =
    typeof json === "string" && layout.names && Object.hasOwn(layout.names, json) ? layout.names[json] : json;
  if (typeof named === "string" && !/^-?(\d{1,40}|0x[0-9a-f]{1,32})$/i.test(named))
    throw wrongType(expectedInteger(layout), json);
  if (typeof named !== "string" && typeof named !== "number" && typeof named !== "bigint")
    throw wrongType(expectedInteger(layout), json);
  if (typeof named === "number" && !Number.isInteger(named)) throw wrongType(expectedInteger(layout), json);
  const negative = typeof named === "string" && named.startsWith("-");
  const magnitude = BigInt(negative ? (named as string).slice(1) : named);
  return layout.size === 8 ? (negative ? -magnitude : magnitude) : Number(negative ? -magnitude : magnitude);
}

function expectedInteger(layout: IntegerLayout | BitsLayout): string {
  const { minimum, maximum } = rangeOf(layout);
  const names = layout.names ? ` or one of ${Object.keys(layout.names).join(", ")}` : "";
  return `an integer from ${minimum} to ${maximum}${names}`;
}

function readBytes(text: string): Uint8Array {
  const bytes = parseHex(text);
  if (!bytes) throw wrongType("hexadecimal digits in pairs", text);
  return bytes;
}

function readArray(element: AnySchema, length: number, json: unknown): unknown[] {
  if (!Array.isArray(json) || json.length !== length) throw wrongType(`an array of ${length}`, json);
  return json.map((item, i) => readPart(element, item, `[${i}]`));
}

function readStruct(schema: AnySchema, layout: StructLayout, json: unknown): object {
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw wrongType("an object", json);
  const parts = partsOf(schema);
  const values: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(json)) {
    if (!Object.hasOwn(parts, key)) throw unknownField(layout.name, key, layout);
    values[key] = readPart(parts[key] as AnySchema, item, `.${key}`);
  }
  return new (schema as unknown as new (fields: object) => object)(values);
}

function readPart(schema: AnySchema, json: unknown, step: string): unknown {
  try {
    return read(schema, json);
  } catch (error) {
    throw inside(error, step);
  }
}

/** One line: `Sid { behaviour: End, packets: 12 }`. Named values print their name. */
export function print<T>(schema: Schema<T>, value: T): string {
  return printLayout(layoutOf(schema), value);
}

function printLayout(layout: Layout, value: unknown): string {
  switch (layout.kind) {
    case "integer":
    case "bits":
      return nameOfValue(layout, value) ?? String(value);
    case "bytes":
      return printHex(Uint8Array.from(value as ArrayLike<number>));
    case "array":
      return `[${Array.from(value as unknown[], (element) => printLayout(layout.element, element)).join(", ")}]`;
    case "struct": {
      const fields = value as Readonly<Record<string, unknown>>;
      const text = layout.fields
        .map(({ name, layout: inner }) => `${name}: ${printLayout(inner, fields[name])}`)
        .join(", ");
      return `${layout.name}${layout.name && " "}{ ${text} }`;
    }
    case "spinLock":
      return layout.kind;
    default:
      return String(value);
  }
}

/** The name of a `named` value, or undefined. */
export function nameOfValue(layout: Layout, value: unknown): string | undefined {
  if ((layout.kind !== "integer" && layout.kind !== "bits") || !layout.names) return undefined;
  for (const name in layout.names) if (layout.names[name] === value) return name;
  return undefined;
}

/**
 * A value from a command line: scalars as `print` writes them (also 0x…), structs and arrays as JSON. Throws as
 * `fromJson`, and SCHEMA_JSON_SYNTAX.
 *
 * @throws XdpkitError SCHEMA_JSON_SYNTAX
 */
export function parseValue<T>(schema: Schema<T>, text: string): T {
  const { kind } = layoutOf(schema);
  if (kind === "struct" || kind === "array") return fromJson(schema, parseJson(text));
  const isBoolean = kind === "bool" || (layoutOf(schema) as BitsLayout).isFlag;
  return fromJson(schema, isBoolean ? ({ true: true, false: false, "1": true, "0": false }[text] ?? text) : text);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw xdpkitError("SCHEMA_JSON_SYNTAX", { problem: (error as Error).message }, { at: ROOT, cause: error });
  }
}
