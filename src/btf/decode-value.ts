/**
 * Bytes to plain values by their BTF: what `xdpkit map dump` shows.
 *
 * Structs become objects (members of anonymous structs and unions among them), arrays arrays, `char` arrays text when
 * they hold text, enums names. Integers of up to 32 bits are numbers, larger ones bigints. Invariant: `encodeValue` of
 * the result gives the same bytes, padding aside.
 */
import { xdpkitError } from "../base/index.ts";
import { resolve, resolveId, sizeOf } from "./query.ts";
import type { Btf, BtfMember, BtfType, TypeId } from "./types.ts";
import { Budget, isCharacter, type PlainValue, readBits } from "./value.ts";

/** How the bytes of a value are read. */
export interface ValueOptions {
  /** Byte order of the value. Default true. */
  readonly littleEndian?: boolean;
}

/**
 * The value that `bytes` hold; their number is the type's size.
 *
 * @throws BTF_VALUE_SIZE, BTF_NO_SIZE, BTF_CYCLE, BTF_LIMIT
 */
export function decodeValue(btf: Btf, type: TypeId, bytes: Uint8Array, options: ValueOptions = {}): PlainValue {
  checkSize(sizeOf(btf, type), bytes.length);
  return new Decoder(btf, options.littleEndian ?? true).decode(type, bytes, 0);
}

function checkSize(need: number, have: number): void {
  if (need !== have) throw xdpkitError("BTF_VALUE_SIZE", { need, have });
}

class Decoder {
  readonly #btf: Btf;
  readonly #littleEndian: boolean;
  readonly #budget = new Budget();

  constructor(btf: Btf, littleEndian: boolean) {
    this.#btf = btf;
    this.#littleEndian = littleEndian;
  }

  decode(id: TypeId, bytes: Uint8Array, depth: number): PlainValue {
    this.#budget.spend(depth, id);
    const type = resolve(this.#btf, id);
    switch (type.kind) {
      case "int":
        return integer(type, this.#bits(bytes, type.bitOffset, type.bits));
      case "pointer":
        return this.#bits(bytes, 0, 64);
      case "enum":
      case "enum64":
        return enumerator(type, this.#bits(bytes, 0, 8 * type.size));
      case "float":
        return this.#float(type.size, bytes);
      case "array":
        return this.#array(type, bytes, depth);
      case "struct":
      case "union":
        return this.#composite(type, bytes, depth);
      case "variable":
        return this.decode(type.type, bytes, depth + 1);
      case "section":
        return this.#section(type, bytes, depth);
      default:
        return null;
    }
  }

  #bits(bytes: Uint8Array, bitOffset: number, bitSize: number): bigint {
    return readBits({ bytes, bitOffset, bitSize, littleEndian: this.#littleEndian });
  }

  #float(size: number, bytes: Uint8Array): PlainValue {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    if (size === 4) return view.getFloat32(0, this.#littleEndian);
    if (size === 8) return view.getFloat64(0, this.#littleEndian);
    return Array.from(bytes);
  }

  #array(type: Extract<BtfType, { kind: "array" }>, bytes: Uint8Array, depth: number): PlainValue {
    if (isCharacter(resolve(this.#btf, type.element))) {
      const text = printableText(bytes);
      if (text !== null) return text;
    }
    const size = sizeOf(this.#btf, type.element);
    const values: PlainValue[] = [];
    for (let i = 0; i < type.length; i++) {
      values.push(this.decode(type.element, bytes.subarray(i * size, (i + 1) * size), depth + 1));
    }
    return values;
  }

  #composite(type: Extract<BtfType, { kind: "struct" | "union" }>, bytes: Uint8Array, depth: number): PlainValue {
    const values: Record<string, PlainValue> = {};
    for (const member of type.members) {
      const value = this.#member(member, bytes, depth);
      if (member.name !== "") define(values, member.name, value);
      else if (isRecord(value)) for (const [name, inner] of Object.entries(value)) define(values, name, inner);
    }
    return values;
  }

  #member(member: BtfMember, bytes: Uint8Array, depth: number): PlainValue {
    const { type: id, bitOffset, bitSize } = member;
    if (bitSize !== 0) return this.#bitField(id, bytes, bitOffset, bitSize);
    const [start, size] = [bitOffset / 8, sizeOf(this.#btf, id)];
    if (!Number.isInteger(start) || start + size > bytes.length) {
      throw xdpkitError("BTF_VALUE_SIZE", { need: start + size, have: bytes.length });
    }
    return this.decode(id, bytes.subarray(start, start + size), depth + 1);
  }

  #bitField(id: TypeId, bytes: Uint8Array, bitOffset: number, bitSize: number): PlainValue {
    if (bitOffset + bitSize > 8 * bytes.length) {
      throw xdpkitError("BTF_VALUE_SIZE", { need: Math.ceil((bitOffset + bitSize) / 8), have: bytes.length });
    }
    const bits = this.#bits(bytes, bitOffset, bitSize);
    const type = resolve(this.#btf, id);
    if (type.kind === "enum" || type.kind === "enum64") {
      return enumerator(type, type.signed ? BigInt.asIntN(bitSize, bits) : bits);
    }
    return type.kind === "int" ? integer({ ...type, bits: bitSize }, bits) : bits;
  }

  #section(type: Extract<BtfType, { kind: "section" }>, bytes: Uint8Array, depth: number): PlainValue {
    const values: Record<string, PlainValue> = {};
    for (const row of type.variables) {
      const variable = this.#btf.types[resolveId(this.#btf, row.type)];
      if (variable?.kind !== "variable") continue;
      if (row.offset + row.size > bytes.length) {
        throw xdpkitError("BTF_VALUE_SIZE", { need: row.offset + row.size, have: bytes.length });
      }
      const size = sizeOf(this.#btf, variable.type);
      define(
        values,
        variable.name,
        this.decode(variable.type, bytes.subarray(row.offset, row.offset + size), depth + 1),
      );
    }
    return values;
  }
}

/** A member may be called `__proto__`. */
function define(values: Record<string, PlainValue>, name: string, value: PlainValue): void {
  Object.defineProperty(values, name, { value, enumerable: true, configurable: true, writable: true });
}

function isRecord(value: PlainValue): value is { readonly [name: string]: PlainValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function integer(type: { bits: number; signed: boolean; bool: boolean; size: number }, bits: bigint): PlainValue {
  if (type.bool && bits <= 1n) return bits === 1n;
  const value = type.signed ? BigInt.asIntN(type.bits, bits) : bits;
  return type.bits <= 32 ? Number(value) : value;
}

function enumerator(type: Extract<BtfType, { kind: "enum" | "enum64" }>, bits: bigint): PlainValue {
  const value = type.signed ? BigInt.asIntN(8 * type.size, bits) : bits;
  const named = type.values.find((candidate) => BigInt(candidate.value) === value);
  return named?.name ?? (type.kind === "enum" ? Number(value) : value);
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Text up to the first zero, when it has no control characters and only zeros follow; null otherwise. */
function printableText(bytes: Uint8Array): string | null {
  const end = bytes.indexOf(0);
  const length = end < 0 ? bytes.length : end;
  if (bytes.subarray(length).some((byte) => byte !== 0)) return null;
  if (bytes.subarray(0, length).some((byte) => byte < 0x20 || byte === 0x7f)) return null;
  try {
    return strict.decode(bytes.subarray(0, length));
  } catch {
    return null;
  }
}
