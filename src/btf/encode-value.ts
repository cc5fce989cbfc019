/**
 * Plain values to bytes by their BTF: what `xdpkit map set` takes.
 *
 * Numbers may be numbers, bigints or text (`"0xff"`), enums names, `char` arrays text. What an object does not mention
 * is zero, or what it was in `onto`; of a union the members are written in their order. Invariant: an error carries the path of the value.
 */
import { type XdpkitError, xdpkitError } from "../base/index.ts";
import type { ValueOptions } from "./decode-value.ts";
import { resolve, sizeOf } from "./query.ts";
import type { Btf, BtfMember, BtfType, TypeId } from "./types.ts";
import { Budget, isCharacter, limitsOf, type PlainValue, writeBits } from "./value.ts";

/** Bytes: more than any map takes for a value that is written down; BTF can name arrays of any length. */
const MAX_VALUE = 1 << 28;

/** How the bytes of a value are written. */
export interface EncodeOptions extends ValueOptions {
  /** Bytes that stay where the value says nothing; they are not changed. Default zeros. */
  readonly onto?: Uint8Array;
}

/**
 * The bytes of a value; `path` names it in errors (`$`, `$.key`).
 *
 * @throws BTF_VALUE, BTF_VALUE_RANGE, BTF_VALUE_MEMBER, BTF_VALUE_LENGTH at a path; BTF_VALUE_SIZE, BTF_NO_SIZE, BTF_CYCLE, BTF_LIMIT
 */
export function encodeValue(
  btf: Btf,
  type: TypeId,
  value: PlainValue,
  path = "$",
  options: EncodeOptions = {},
): Uint8Array {
  const size = sizeOf(btf, type);
  if (size > MAX_VALUE) throw xdpkitError("BTF_LIMIT", { what: `a value of ${size} bytes`, limit: MAX_VALUE });
  const bytes = options.onto ? Uint8Array.from(options.onto) : new Uint8Array(size);
  if (bytes.length !== size) throw xdpkitError("BTF_VALUE_SIZE", { need: size, have: bytes.length });
  new Encoder(btf, options.littleEndian ?? true).encode({ type, bytes, path, depth: 0 }, value);
  return bytes;
}

interface Place {
  readonly type: TypeId;
  readonly bytes: Uint8Array;
  readonly path: string;
  readonly depth: number;
}

class Encoder {
  readonly #btf: Btf;
  readonly #littleEndian: boolean;
  readonly #budget = new Budget();

  constructor(btf: Btf, littleEndian: boolean) {
    this.#btf = btf;
    this.#littleEndian = littleEndian;
  }

  encode(place: Place, value: PlainValue): void {
    this.#budget.spend(place.depth, place.type);
    const type = resolve(this.#btf, place.type);
    switch (type.kind) {
      case "int":
        this.#bits(place, type.bitOffset, type.bits, integer(type, type.bits, value, place.path));
        return;
      case "pointer":
        this.#bits(place, 0, 64, inRange(value, { min: 0n, max: 2n ** 64n - 1n }, place.path));
        return;
      case "enum":
      case "enum64":
        this.#bits(place, 0, 8 * type.size, enumerator(type, 8 * type.size, value, place.path));
        return;
      case "float":
        this.#float(type.size, place, value);
        return;
      case "array":
        this.#array(type, place, value);
        return;
      case "struct":
      case "union":
        this.#composite(type, place, value);
        return;
      case "variable":
        this.encode({ ...place, type: type.type, depth: place.depth + 1 }, value);
        return;
      case "section":
        this.#section(type, place, value);
        return;
      default:
        throw wrong(value, "nothing, for it has no values", place.path);
    }
  }

  #bits({ bytes }: Place, bitOffset: number, bitSize: number, value: bigint): void {
    writeBits({ bytes, bitOffset, bitSize, littleEndian: this.#littleEndian }, value);
  }

  #float(size: number, { bytes, path }: Place, value: PlainValue): void {
    if (typeof value !== "number") throw wrong(value, "a number", path);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    if (size === 4) view.setFloat32(0, value, this.#littleEndian);
    else if (size === 8) view.setFloat64(0, value, this.#littleEndian);
    else throw wrong(value, `a float of 4 or 8 bytes, not ${size}`, path);
  }

  #array(type: Extract<BtfType, { kind: "array" }>, place: Place, value: PlainValue): void {
    const { bytes, path, depth } = place;
    const isText = isCharacter(resolve(this.#btf, type.element));
    if (isText && typeof value === "string") {
      writeText(bytes, value, path);
      return;
    }
    if (!Array.isArray(value)) throw wrong(value, isText ? "text or an array" : "an array", path);
    if (value.length > type.length) throw lengthError(value.length, type.length, path);
    const size = sizeOf(this.#btf, type.element);
    for (const [i, element] of (value as readonly PlainValue[]).entries()) {
      const part = bytes.subarray(i * size, (i + 1) * size);
      this.encode({ type: type.element, bytes: part, path: `${path}[${i}]`, depth: depth + 1 }, element);
    }
  }

  #composite(type: Extract<BtfType, { kind: "struct" | "union" }>, place: Place, value: PlainValue): void {
    const record = asRecord(value, place.path);
    const members = this.#flatten(type, 0, place.depth);
    checkNames(record, [...new Set(members.map(({ name }) => name))], place.path);
    for (const member of members) {
      if (Object.hasOwn(record, member.name)) this.#member(member, place, record[member.name] as PlainValue);
    }
  }

  /** Members with those of anonymous structs and unions among them. */
  #flatten(type: Extract<BtfType, { kind: "struct" | "union" }>, base: number, depth: number): BtfMember[] {
    return type.members.flatMap((member) => {
      this.#budget.spend(depth, member.type);
      const placed = { ...member, bitOffset: base + member.bitOffset };
      if (member.name !== "") return [placed];
      const inner = resolve(this.#btf, member.type);
      return inner.kind === "struct" || inner.kind === "union" ? this.#flatten(inner, placed.bitOffset, depth + 1) : [];
    });
  }

  #member(member: BtfMember, { bytes, path, depth }: Place, value: PlainValue): void {
    const { type, bitOffset, bitSize, name } = member;
    const bits = bitSize || 8 * sizeOf(this.#btf, type);
    if (bitOffset + bits > 8 * bytes.length) {
      throw xdpkitError("BTF_VALUE_SIZE", { need: Math.ceil((bitOffset + bits) / 8), have: bytes.length });
    }
    const inner = { type, path: `${path}.${name}`, depth: depth + 1 };
    if (bitSize !== 0) this.#bitField({ ...inner, bytes }, bitOffset, bitSize, value);
    else this.encode({ ...inner, bytes: bytes.subarray(bitOffset / 8, (bitOffset + bits) / 8) }, value);
  }

  #bitField(place: Place, bitOffset: number, bitSize: number, value: PlainValue): void {
    const type = resolve(this.#btf, place.type);
    const isEnum = type.kind === "enum" || type.kind === "enum64";
    if (!isEnum && type.kind !== "int") throw wrong(value, "a bit field of an integer or enum", place.path);
    const bits = isEnum ? enumerator(type, bitSize, value, place.path) : integer(type, bitSize, value, place.path);
    this.#bits(place, bitOffset, bitSize, bits);
  }

  #section(type: Extract<BtfType, { kind: "section" }>, { bytes, path, depth }: Place, value: PlainValue): void {
    const record = asRecord(value, path);
    const rows = type.variables.flatMap(({ offset, type: id }) => {
      const variable = this.#btf.types[id];
      return variable?.kind === "variable" ? [{ name: variable.name, type: variable.type, offset }] : [];
    });
    checkNames(
      record,
      rows.map(({ name }) => name),
      path,
    );
    for (const { name, type: id, offset } of rows) {
      if (!Object.hasOwn(record, name)) continue;
      const part = bytes.subarray(offset, offset + sizeOf(this.#btf, id));
      this.encode({ type: id, bytes: part, path: `${path}.${name}`, depth: depth + 1 }, record[name] as PlainValue);
    }
  }
}

const at = (path: string) => ({ at: { kind: "path", path } }) as const;

function wrong(value: PlainValue, expected: string, path: string): XdpkitError {
  return xdpkitError("BTF_VALUE", { found: show(value), expected }, at(path));
}

function lengthError(found: number, length: number, path: string): XdpkitError {
  return xdpkitError("BTF_VALUE_LENGTH", { found, length }, at(path));
}

function show(value: PlainValue): string {
  if (Array.isArray(value)) return "an array";
  if (typeof value === "string") return `"${value}"`;
  return typeof value === "object" && value !== null ? "an object" : String(value);
}

function asRecord(value: PlainValue, path: string): { readonly [name: string]: PlainValue } {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong(value, "an object", path);
  return value as { readonly [name: string]: PlainValue };
}

function checkNames(record: object, known: readonly string[], path: string): void {
  for (const name of Object.keys(record)) {
    if (!known.includes(name)) throw xdpkitError("BTF_VALUE_MEMBER", { name, known }, at(`${path}.${name}`));
  }
}

/** A number, or text that is one. */
function toBigInt(value: PlainValue, path: string): bigint {
  if (typeof value === "bigint") return value;
  if (typeof value === "number" && Number.isSafeInteger(value)) return BigInt(value);
  const digits = typeof value === "string" ? /^(-?)(0[xX][0-9a-fA-F]+|\d+)$/.exec(value) : null;
  if (!digits?.[2]) throw wrong(value, "an integer", path);
  const magnitude = BigInt(digits[2]);
  return digits[1] === "-" ? -magnitude : magnitude;
}

function inRange(value: PlainValue, { min, max }: { min: bigint; max: bigint }, path: string): bigint {
  const number = toBigInt(value, path);
  if (number >= min && number <= max) return number;
  throw xdpkitError("BTF_VALUE_RANGE", { value: `${number}`, min: `${min}`, max: `${max}` }, at(path));
}

function integer(type: { signed: boolean; bool: boolean }, bits: number, value: PlainValue, path: string): bigint {
  if (bits === 0) throw wrong(value, "an integer of at least one bit", path);
  if (type.bool && typeof value === "boolean") return value ? 1n : 0n;
  return inRange(value, limitsOf(bits, type.signed), path);
}

/** Its name, or any number of its width. */
function enumerator(
  type: Extract<BtfType, { kind: "enum" | "enum64" }>,
  bits: number,
  value: PlainValue,
  path: string,
): bigint {
  const named = typeof value === "string" ? type.values.find(({ name }) => name === value) : undefined;
  if (named) return BigInt(named.value);
  if (typeof value === "string" && !/^-?\d/.test(value)) {
    const names = type.values.slice(0, 12).map(({ name }) => name);
    throw wrong(value, `one of ${names.join(", ")}, or a number`, path);
  }
  return inRange(value, limitsOf(Math.max(1, bits), type.signed), path);
}

function writeText(bytes: Uint8Array, text: string, path: string): void {
  const encoded = new TextEncoder().encode(text);
  if (encoded.length > bytes.length) throw lengthError(encoded.length, bytes.length, path);
  bytes.fill(0);
  bytes.set(encoded);
}
