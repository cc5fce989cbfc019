/**
 * Layout: how a schema's bytes lie in memory, as plain data. The compiler, BTF generation and the VM read it.
 *
 * Alignment follows C on a 64-bit little-endian target for host-order integers; network-order integers, bits, bytes
 * and addresses have alignment 1, so packet headers never get padding.
 *
 * Invariant: `offsetBits` counts from the first bit of the struct, most significant bit of each byte first, as RFC
 * diagrams count. Everything but a bit field begins on a whole byte.
 */
import { alignUp, xdpkitError } from "../base/index.ts";
import type { Schema } from "./types.ts";

export type Names = Readonly<Record<string, number>>;

export interface IntegerLayout {
  readonly kind: "integer";
  readonly size: 1 | 2 | 4 | 8;
  readonly align: 1 | 2 | 4 | 8;
  readonly signed: boolean;
  /** Host order is little-endian: the BPF target of xdpkit. */
  readonly byteOrder: "host" | "network";
  /** Names of values, from `named`. */
  readonly names?: Names;
}
export interface BoolLayout {
  readonly kind: "bool";
  readonly size: 1;
  readonly align: 1;
}
export interface BitsLayout {
  readonly kind: "bits";
  /** 1 to 32. */
  readonly width: number;
  /** A fraction of a byte. */
  readonly size: number;
  readonly align: 1;
  /** True for `flag`: the value is a boolean. */
  readonly isFlag: boolean;
  readonly names?: Names;
}
export type AddressFamily = "mac" | "ipv4" | "ipv6";
export interface AddressLayout {
  readonly kind: "address";
  readonly family: AddressFamily;
  readonly size: 4 | 6 | 16;
  readonly align: 1;
}
export interface BytesLayout {
  readonly kind: "bytes";
  readonly size: number;
  readonly align: 1;
}
export interface ArrayLayout {
  readonly kind: "array";
  readonly element: Layout;
  readonly length: number;
  readonly size: number;
  readonly align: number;
}
export interface StructLayout {
  readonly kind: "struct";
  /** Of the class; "" for an anonymous one. */
  readonly name: string;
  readonly size: number;
  readonly align: number;
  readonly fields: readonly FieldLayout[];
}
export interface FieldLayout {
  readonly name: string;
  readonly offsetBits: number;
  readonly layout: Layout;
}
/** Kernel objects inside map values, opaque to user space. */
export interface OpaqueLayout {
  readonly kind: "spinLock";
  readonly size: number;
  readonly align: number;
}

export type Layout =
  | IntegerLayout
  | BoolLayout
  | BitsLayout
  | AddressLayout
  | BytesLayout
  | ArrayLayout
  | StructLayout
  | OpaqueLayout;

/** Where a schema object keeps its layout. In the global registry: two copies of the package must agree. */
export const LAYOUT = Symbol.for("xdpkit.layout");
/** Where a struct class keeps the schemas of its fields, and an array the schema of its elements. */
export const PARTS = Symbol.for("xdpkit.parts");

export type AnySchema = Schema<unknown>;
type Holder = {
  readonly name?: string;
  readonly [LAYOUT]?: Layout;
  readonly [PARTS]?: Readonly<Record<string, AnySchema>>;
};

const namedLayouts = new WeakMap<object, StructLayout>();

/** True for everything that `layoutOf` accepts. */
export function isSchema(value: unknown): value is AnySchema {
  const isHolder = (typeof value === "object" && value !== null) || typeof value === "function";
  return isHolder && (value as Holder)[LAYOUT] !== undefined;
}

/** The layout of a schema, as plain data; computed once. Throws SCHEMA_NOT_A_SCHEMA. */
export function layoutOf(schema: AnySchema): Layout {
  if (!isSchema(schema)) throw xdpkitError("SCHEMA_NOT_A_SCHEMA", { found: describe(schema) }, { at: ROOT });
  const layout = (schema as Holder)[LAYOUT] as Layout;
  return layout.kind === "struct" ? structLayoutOf(schema, layout) : layout;
}

/** The class that extends `struct({...})` gives the name; the layout itself is shared with its base. */
function structLayoutOf(schema: object, layout: StructLayout): StructLayout {
  let known = namedLayouts.get(schema);
  if (!known) namedLayouts.set(schema, (known = { ...layout, name: (schema as Holder).name ?? "" }));
  return known;
}

/** The schemas that a struct class was declared with (by field), or an array's element (`element`). */
export function partsOf(schema: AnySchema): Readonly<Record<string, AnySchema>> {
  return (schema as Holder)[PARTS] ?? {};
}

/** The path of a whole value. */
export const ROOT = { kind: "path", path: "$" } as const;

/** Lays fields out in order, with padding as in C. Throws SCHEMA_BITS_UNALIGNED, SCHEMA_FIELD_NAME, SCHEMA_NOT_A_SCHEMA. */
export function layOut(fields: Readonly<Record<string, AnySchema>>): StructLayout {
  const placed: FieldLayout[] = [];
  let endBits = 0;
  let align = 1;
  let groupStart = 0;
  for (const [name, schema] of Object.entries(fields)) {
    const layout = fieldLayout(name, schema);
    if (layout.kind !== "bits") {
      requireWholeBytes(placed, endBits - groupStart);
      endBits = alignUp(endBits / 8, layout.align) * 8;
      groupStart = endBits + layout.size * 8;
    }
    placed.push({ name, offsetBits: endBits, layout });
    endBits += layout.size * 8;
    align = Math.max(align, layout.align);
  }
  requireWholeBytes(placed, endBits - groupStart);
  return { kind: "struct", name: "", size: alignUp(endBits / 8, align), align, fields: placed };
}

const RESERVED_NAMES = new Set(["constructor", "__proto__", "prototype"]);

function fieldLayout(name: string, schema: AnySchema): Layout {
  const at = { kind: "path", path: `$.${name}` } as const;
  if (!/^[A-Za-z_$][\w$]*$/.test(name) || RESERVED_NAMES.has(name))
    throw xdpkitError("SCHEMA_FIELD_NAME", { name }, { at });
  if (!isSchema(schema)) throw xdpkitError("SCHEMA_NOT_A_SCHEMA", { found: describe(schema) }, { at });
  return layoutOf(schema);
}

function requireWholeBytes(placed: readonly FieldLayout[], bits: number): void {
  if (bits % 8 === 0) return;
  const path = `$.${placed.at(-1)?.name ?? ""}`;
  throw xdpkitError("SCHEMA_BITS_UNALIGNED", { bits }, { at: { kind: "path", path } });
}

/** What a wrong value is, for messages: `text "abc"`, `null`, `an object`. */
export function describe(value: unknown): string {
  if (value === null || value === undefined || typeof value === "boolean") return String(value);
  if (typeof value === "string") return `text ${JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)}`;
  if (typeof value === "number" || typeof value === "bigint") return `the number ${value}`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  return typeof value === "function" ? "a function" : "an object";
}

/** `u16`, `be32`, `bits(3)`: how a scalar is called in messages. */
export function nameOf(layout: Layout): string {
  switch (layout.kind) {
    case "integer":
      if (layout.byteOrder === "network") return `be${layout.size * 8}`;
      return `${layout.signed ? "i" : "u"}${layout.size * 8}`;
    case "bits":
      return layout.isFlag ? "flag" : `bits(${layout.width})`;
    case "address":
      return layout.family === "mac" ? "mac" : `${layout.family}Address`;
    case "bytes":
      return `bytes(${layout.size})`;
    case "array":
      return `array(${nameOf(layout.element)}, ${layout.length})`;
    case "struct":
      return layout.name || "struct";
    default:
      return layout.kind;
  }
}
