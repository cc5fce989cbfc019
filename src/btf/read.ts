/**
 * Reads BTF (Documentation/bpf/btf.rst): header, types, strings, in either byte order.
 *
 *   magic 0xeb9f (16) version (8) flags (8) | header length | type offset, length | string offset, length
 *   type: name offset | info: vlen (16), kind (5, from bit 24), kind flag (bit 31) | size or type | what the kind adds
 *
 * Invariant: every type id and name of the result is valid; cycles are not looked for here.
 */
import { ByteReader, type ShortRead, type XdpkitError, xdpkitError } from "../base/index.ts";
import { BTF_HEADER_LENGTH, BTF_MAGIC, BTF_VERSION, INT_BOOL, INT_CHAR, INT_SIGNED, KINDS, LINKAGES } from "./kinds.ts";
import { StringSection } from "./strings.ts";
import type { Btf, BtfMember, BtfType, TypeId } from "./types.ts";

/** What errors say of the section's place, and the base of split BTF. */
export interface ReadBtfOptions {
  /** Added to byte offsets in errors: where `bytes` begins in its file. */
  readonly base?: number;
}

/** A BTF section with its strings, which `.BTF.ext` refers to as well. */
export interface BtfSection {
  /** Its types, by id. */
  readonly btf: Btf;
  /** Its strings, for offsets that other sections have into them. */
  readonly strings: StringSection;
  /** Byte order of the section, as its magic says. */
  readonly littleEndian: boolean;
}

/**
 * The types of a `.BTF` section or of /sys/kernel/btf/vmlinux.
 *
 * @throws BTF_* with the byte offset of what is wrong.
 */
export function readBtf(bytes: Uint8Array, options: ReadBtfOptions = {}): Btf {
  return readBtfSection(bytes, options).btf;
}

/**
 * The same, for a reader that needs the strings too.
 *
 * @throws XdpkitError BTF_TYPE_ID, BTF_KIND, BTF_TRUNCATED, BTF_MAGIC, BTF_VERSION
 */
export function readBtfSection(bytes: Uint8Array, options: ReadBtfOptions = {}): BtfSection {
  const base = options.base ?? 0;
  const header = readHeader(bytes, base);
  const { littleEndian } = header;
  const strings = new StringSection(header.strings.bytes, header.strings.base);
  const reader = new ByteReader(header.types.bytes, { littleEndian, base: header.types.base, short: short("a type") });
  const types: BtfType[] = [{ kind: "void" }];
  while (reader.remaining > 0) types.push(readType(reader, strings, types.length));
  checkTypeIds(types, header.types.base);
  return { btf: { types }, strings, littleEndian };
}

const short =
  (what: string): ShortRead =>
  ({ offset, need, have }) =>
    xdpkitError("BTF_TRUNCATED", { what, need, have }, { at: { kind: "byte", offset } });

interface Part {
  readonly bytes: Uint8Array;
  readonly base: number;
}

function readHeader(bytes: Uint8Array, base: number): { littleEndian: boolean; types: Part; strings: Part } {
  const at = (offset: number) => ({ at: { kind: "byte", offset: base + offset } }) as const;
  const reader = new ByteReader(bytes, { littleEndian: true, base, short: short("the header") });
  const magic = reader.u16();
  const littleEndian = magic === BTF_MAGIC;
  if (!littleEndian && magic !== 0x9feb) throw xdpkitError("BTF_MAGIC", { found: magic }, at(0));
  reader.littleEndian = littleEndian;
  const version = reader.u8();
  if (version !== BTF_VERSION) throw xdpkitError("BTF_VERSION", { version }, at(2));
  reader.u8();
  const headerLength = reader.u32();
  if (headerLength < BTF_HEADER_LENGTH) {
    throw xdpkitError("BTF_TRUNCATED", { what: "the header", need: BTF_HEADER_LENGTH, have: headerLength }, at(4));
  }
  const [typeOffset, typeLength, stringOffset, stringLength] = [reader.u32(), reader.u32(), reader.u32(), reader.u32()];
  const part = (what: string, offset: number, length: number): Part => {
    const have = bytes.length - headerLength - offset;
    if (length > have) throw short(what)({ offset: base + headerLength + offset, need: length, have });
    return {
      bytes: bytes.subarray(headerLength + offset, headerLength + offset + length),
      base: base + headerLength + offset,
    };
  };
  return {
    littleEndian,
    types: part("the type section", typeOffset, typeLength),
    strings: part("the string section", stringOffset, stringLength),
  };
}

/** What the readers of the kinds share: the three words that begin every type. */
interface Head {
  readonly id: TypeId;
  readonly name: string;
  readonly count: number;
  readonly flag: boolean;
  readonly sizeOrType: number;
  /** Byte offset in the file, for errors. */
  readonly at: number;
}

function readType(reader: ByteReader, strings: StringSection, id: TypeId): BtfType {
  const at = reader.base + reader.offset;
  const name = strings.read(reader.u32(), at);
  const info = reader.u32();
  const number = (info >>> 24) & 0x1f;
  const kind = KINDS[number];
  if (kind === undefined || kind === "void") throw xdpkitError("BTF_KIND", { kind: number, id }, place(at + 4));
  const head: Head = { id, name, count: info & 0xffff, flag: info >>> 31 === 1, sizeOrType: reader.u32(), at };
  return READERS[kind](reader, head, strings);
}

const place = (offset: number) => ({ at: { kind: "byte", offset } }) as const;

type KindReader = (reader: ByteReader, head: Head, strings: StringSection) => BtfType;

/** One reader for each kind: what follows the three words. */
const READERS: { readonly [K in Exclude<BtfType["kind"], "void">]: KindReader } = {
  int: readInt,
  pointer: (_, { sizeOrType }) => ({ kind: "pointer", type: sizeOrType }),
  array: (reader) => ({ kind: "array", element: reader.u32(), index: reader.u32(), length: reader.u32() }),
  struct: (reader, head, strings) => readComposite("struct", reader, head, strings),
  union: (reader, head, strings) => readComposite("union", reader, head, strings),
  enum: (reader, head, strings) => {
    const { name, flag: signed, count } = head;
    const size = sizeAmong(head, ENUM_SIZES);
    const values = list(reader, count, 8, () => ({
      name: readName(reader, strings),
      value: signed ? reader.i32() : reader.u32(),
    }));
    return { kind: "enum", name, size, signed, values };
  },
  forward: (_, { name, flag }) => ({ kind: "forward", name, union: flag }),
  typedef: (_, { name, sizeOrType }) => ({ kind: "typedef", name, type: sizeOrType }),
  volatile: (_, { sizeOrType }) => ({ kind: "volatile", type: sizeOrType }),
  const: (_, { sizeOrType }) => ({ kind: "const", type: sizeOrType }),
  restrict: (_, { sizeOrType }) => ({ kind: "restrict", type: sizeOrType }),
  function: (_, head) => ({
    kind: "function",
    name: head.name,
    prototype: head.sizeOrType,
    linkage: linkage(head.count, head, head.at + 4),
  }),
  prototype: (reader, { sizeOrType, count }, strings) => ({
    kind: "prototype",
    returns: sizeOrType,
    parameters: list(reader, count, 8, () => ({ name: readName(reader, strings), type: reader.u32() })),
  }),
  variable: (reader, head) => {
    const at = reader.base + reader.offset;
    return { kind: "variable", name: head.name, type: head.sizeOrType, linkage: linkage(reader.u32(), head, at) };
  },
  section: (reader, { name, sizeOrType: size, count }) => ({
    kind: "section",
    name,
    size,
    variables: list(reader, count, 12, () => ({ type: reader.u32(), offset: reader.u32(), size: reader.u32() })),
  }),
  float: (_, head) => ({ kind: "float", name: head.name, size: sizeAmong(head, FLOAT_SIZES) }),
  declTag: (reader, { name, sizeOrType, flag }) => ({
    kind: "declTag",
    name,
    type: sizeOrType,
    component: reader.i32(),
    ...(flag ? { attribute: true } : {}),
  }),
  typeTag: (_, { name, sizeOrType, flag }) => ({
    kind: "typeTag",
    name,
    type: sizeOrType,
    ...(flag ? { attribute: true } : {}),
  }),
  enum64: (reader, head, strings) => {
    const { name, flag: signed, count } = head;
    const size = sizeAmong(head, ENUM_SIZES);
    const values = list(reader, count, 12, () => {
      const valueName = readName(reader, strings);
      const bits = BigInt(reader.u32()) | (BigInt(reader.u32()) << 32n);
      return { name: valueName, value: signed ? BigInt.asIntN(64, bits) : bits };
    });
    return { kind: "enum64", name, size, signed, values };
  },
};

/** Bytes of enums and of floating-point numbers (btf_enum_check_meta, btf_float_check_meta in kernel/bpf/btf.c). */
const ENUM_SIZES = [1, 2, 4, 8] as const;
const FLOAT_SIZES = [2, 4, 8, 12, 16] as const;

function sizeAmong(head: Head, sizes: readonly number[]): number {
  const { sizeOrType: size, at } = head;
  if (!sizes.includes(size)) throw fieldError(head, "size", size, at + 8);
  return size;
}

/** `count` rows of `size` bytes, checked before anything is allocated. */
function list<T>(reader: ByteReader, count: number, size: number, read: () => T): T[] {
  reader.step(count * size);
  reader.offset -= count * size;
  const rows: T[] = [];
  for (let i = 0; i < count; i++) rows.push(read());
  return rows;
}

function readName(reader: ByteReader, strings: StringSection): string {
  const at = reader.base + reader.offset;
  return strings.read(reader.u32(), at);
}

function fieldError(head: Head, field: string, value: number, at: number): XdpkitError {
  return xdpkitError("BTF_FIELD", { id: head.id, field, value }, place(at));
}

function linkage(value: number, head: Head, at: number): (typeof LINKAGES)[number] {
  const name = LINKAGES[value];
  if (name === undefined) throw fieldError(head, "linkage", value, at);
  return name;
}

/** Word: bits 0 to 7 width in bits, 16 to 23 offset, 24 to 27 encoding. */
function readInt(reader: ByteReader, head: Head): BtfType {
  const at = reader.base + reader.offset;
  const word = reader.u32();
  const { name, sizeOrType: size } = head;
  const [bits, bitOffset, encoding] = [word & 0xff, (word >>> 16) & 0xff, (word >>> 24) & 0xf];
  if (size === 0 || size > 16) throw fieldError(head, "size", size, head.at + 8);
  if (bits + bitOffset > size * 8) throw fieldError(head, "width in bits", bits, at);
  return {
    kind: "int",
    name,
    size,
    bits,
    bitOffset,
    signed: (encoding & INT_SIGNED) !== 0,
    char: (encoding & INT_CHAR) !== 0,
    bool: (encoding & INT_BOOL) !== 0,
  };
}

/** With the kind flag a member's offset word is 8 bits of width and 24 bits of offset. */
function readComposite(kind: "struct" | "union", reader: ByteReader, head: Head, strings: StringSection): BtfType {
  const { name, sizeOrType: size, flag: bitfields, count } = head;
  const members = list(reader, count, 12, (): BtfMember => {
    const memberName = readName(reader, strings);
    const type = reader.u32();
    const word = reader.u32();
    return bitfields
      ? { name: memberName, type, bitOffset: word & 0xff_ffff, bitSize: word >>> 24 }
      : { name: memberName, type, bitOffset: word, bitSize: 0 };
  });
  return { kind, name, size, bitfields, members };
}

/** Every id that a type mentions. */
export function mentionedTypes(type: BtfType): readonly TypeId[] {
  switch (type.kind) {
    case "void":
    case "int":
    case "enum":
    case "enum64":
    case "forward":
    case "float":
      return [];
    case "pointer":
    case "typedef":
    case "volatile":
    case "const":
    case "restrict":
    case "variable":
    case "declTag":
    case "typeTag":
      return [type.type];
    case "array":
      return [type.element, type.index];
    case "struct":
    case "union":
      return type.members.map((member) => member.type);
    case "function":
      return [type.prototype];
    case "prototype":
      return [type.returns, ...type.parameters.map((parameter) => parameter.type)];
    case "section":
      return type.variables.map((variable) => variable.type);
  }
}

function checkTypeIds(types: readonly BtfType[], base: number): void {
  for (const type of types) {
    for (const id of mentionedTypes(type)) {
      if (id < types.length) continue;
      throw xdpkitError("BTF_TYPE_ID", { id, types: types.length - 1 }, place(base));
    }
  }
}
