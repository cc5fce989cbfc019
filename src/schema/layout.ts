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

/** Values by the names that they print as. */
export type Names = Readonly<Record<string, number>>;

/** A whole number of 1, 2, 4 or 8 bytes; of 8 bytes a bigint. */
export interface IntegerLayout {
  readonly kind: "integer";
  /** Bytes. */
  readonly size: 1 | 2 | 4 | 8;
  /** Bytes; 1 in packed structs. */
  readonly align: 1 | 2 | 4 | 8;
  /** Whether it is two's complement. */
  readonly signed: boolean;
  /** Host order is little-endian: the BPF target of xdpkit. */
  readonly byteOrder: "host" | "network";
  /** Names of values, from `named`. */
  readonly names?: Names;
}
/** One byte, 0 or 1. */
export interface BoolLayout {
  readonly kind: "bool";
  readonly size: 1;
  readonly align: 1;
}
/** A field of some bits of a byte string, the most significant bit first. */
export interface BitsLayout {
  readonly kind: "bits";
  /** 1 to 32. */
  readonly width: number;
  /** A fraction of a byte. */
  readonly size: number;
  readonly align: 1;
  /** True for `flag`: the value is a boolean. */
  readonly isFlag: boolean;
  /** Values that print as a name. */
  readonly names?: Names;
}
/** Which address: 6, 4 or 16 bytes. */
export type AddressFamily = "mac" | "ipv4" | "ipv6";
/** An address in network order, a text in user space. */
export interface AddressLayout {
  readonly kind: "address";
  /** Which notation its text has. */
  readonly family: AddressFamily;
  /** Bytes. */
  readonly size: 4 | 6 | 16;
  readonly align: 1;
}
/** Bytes without a meaning of their own. */
export interface BytesLayout {
  readonly kind: "bytes";
  /** Bytes. */
  readonly size: number;
  readonly align: 1;
}
/** Elements of one layout, one after the other. */
export interface ArrayLayout {
  readonly kind: "array";
  /** Of each element. */
  readonly element: Layout;
  /** Elements. */
  readonly length: number;
  /** Bytes of all elements. */
  readonly size: number;
  /** Bytes; that of an element. */
  readonly align: number;
}
/** Fields at their offsets. */
export interface StructLayout {
  readonly kind: "struct";
  /** Of the class; "" for an anonymous one. */
  readonly name: string;
  /** Bytes, with what pads its end. */
  readonly size: number;
  /** Bytes; 1 for packed structs. */
  readonly align: number;
  /** In the order of the class. */
  readonly fields: readonly FieldLayout[];
}
/** A field of a struct, where it is. */
export interface FieldLayout {
  /** As in the class. */
  readonly name: string;
  /** Bits from the beginning of the struct. */
  readonly offsetBits: number;
  /** Of its value. */
  readonly layout: Layout;
}
/** Kernel objects inside map values, opaque to user space. */
export interface OpaqueLayout {
  readonly kind: "spinLock";
  /** Bytes. */
  readonly size: number;
  /** Bytes. */
  readonly align: number;
}

/** How a value lies in memory, in bytes and bits. */
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

/**
 * The layout of a schema, as plain data; computed once. Throws SCHEMA_NOT_A_SCHEMA.
 *
 * @throws XdpkitError SCHEMA_NOT_A_SCHEMA
 */
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
