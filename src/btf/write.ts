/**
 * Writes BTF (Documentation/bpf/btf.rst): the reverse of read.ts, little endian.
 *
 * Invariant: the same types give the same bytes, each name stands in the string section once, and `readBtf` of what is
 * written gives the same types.
 */
import { concatBytes } from "../base/index.ts";
import { BTF_HEADER_LENGTH, BTF_MAGIC, BTF_VERSION, INT_BOOL, INT_CHAR, INT_SIGNED, KINDS, LINKAGES } from "./kinds.ts";
import { StringTable } from "./strings.ts";
import type { Btf, BtfMember, BtfType } from "./types.ts";

/** The bytes of a `.BTF` section, names in the order of their first use. */
export function writeBtf(btf: Btf): Uint8Array {
  return writeBtfSection(btf, new StringTable());
}

/** The same with a string table that others wrote names into, or will: it is read when this returns. */
export function writeBtfSection(btf: Btf, strings: StringTable): Uint8Array {
  const types = encodeTypes(btf, strings);
  const names = strings.bytes;
  const header = new DataView(new ArrayBuffer(BTF_HEADER_LENGTH));
  header.setUint16(0, BTF_MAGIC, true);
  header.setUint8(2, BTF_VERSION);
  const lengths = [BTF_HEADER_LENGTH, 0, types.length, types.length, names.length];
  for (const [i, length] of lengths.entries()) header.setUint32(4 + 4 * i, length, true);
  return concatBytes(new Uint8Array(header.buffer), types, names);
}

/** Enters every name of the types, so that another section can be written before this one. */
export function addBtfNames(btf: Btf, strings: StringTable): void {
  encodeTypes(btf, strings);
}

function encodeTypes(btf: Btf, strings: StringTable): Uint8Array {
  const words: number[] = [];
  for (const type of btf.types) if (type.kind !== "void") encodeType(words, type, strings);
  const view = new DataView(new ArrayBuffer(4 * words.length));
  for (const [i, word] of words.entries()) view.setUint32(4 * i, word >>> 0, true);
  return new Uint8Array(view.buffer);
}

/** The word behind the name: vlen, kind and kind flag. */
function info(kind: BtfType["kind"], count: number, flag: boolean): number {
  return ((flag ? 1 << 31 : 0) | (KINDS.indexOf(kind) << 24) | count) >>> 0;
}

function encodeType(words: number[], type: Exclude<BtfType, { kind: "void" }>, strings: StringTable): void {
  const { kind } = type;
  const name = "name" in type ? strings.add(type.name) : 0;
  const head = (count: number, flag: boolean, sizeOrType: number) =>
    words.push(name, info(kind, count, flag), sizeOrType);
  switch (kind) {
    case "int":
      head(0, false, type.size);
      words.push(intWord(type));
      return;
    case "pointer":
    case "typedef":
    case "volatile":
    case "const":
    case "restrict":
      head(0, false, type.type);
      return;
    case "array":
      head(0, false, 0);
      words.push(type.element, type.index, type.length);
      return;
    case "struct":
    case "union":
      head(type.members.length, type.bitfields, type.size);
      for (const member of type.members) words.push(strings.add(member.name), member.type, memberWord(type, member));
      return;
    case "enum":
      head(type.values.length, type.signed, type.size);
      for (const value of type.values) words.push(strings.add(value.name), value.value);
      return;
    case "enum64":
      head(type.values.length, type.signed, type.size);
      for (const { name: text, value } of type.values) {
        words.push(strings.add(text), Number(value & 0xffff_ffffn), Number((value >> 32n) & 0xffff_ffffn));
      }
      return;
    case "forward":
      head(0, type.union, 0);
      return;
    case "function":
      head(LINKAGES.indexOf(type.linkage), false, type.prototype);
      return;
    case "prototype":
      head(type.parameters.length, false, type.returns);
      for (const parameter of type.parameters) words.push(strings.add(parameter.name), parameter.type);
      return;
    case "variable":
      head(0, false, type.type);
      words.push(LINKAGES.indexOf(type.linkage));
      return;
    case "section":
      head(type.variables.length, false, type.size);
      for (const row of type.variables) words.push(row.type, row.offset, row.size);
      return;
    case "float":
      head(0, false, type.size);
      return;
    case "declTag":
      head(0, type.attribute ?? false, type.type);
      words.push(type.component);
      return;
    case "typeTag":
      head(0, type.attribute ?? false, type.type);
      return;
  }
}

function intWord(type: Extract<BtfType, { kind: "int" }>): number {
  const encoding = (type.signed ? INT_SIGNED : 0) | (type.char ? INT_CHAR : 0) | (type.bool ? INT_BOOL : 0);
  return (encoding << 24) | (type.bitOffset << 16) | type.bits;
}

function memberWord(type: { readonly bitfields: boolean }, member: BtfMember): number {
  return type.bitfields ? (member.bitSize << 24) | member.bitOffset : member.bitOffset;
}
