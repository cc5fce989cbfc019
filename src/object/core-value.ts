/**
 * The number that a CO-RE relocation puts into an instruction, from the place that it means (libbpf's
 * bpf_core_calc_relo): offsets and sizes of fields, shifts of bit fields, sizes and ids of types, enumerators.
 *
 * Invariant: the same function computes the value for the object's own type, which the instruction must hold, and for
 * the kernel's, which it gets.
 */
import { type BtfType, resolve, resolveId, sizeOf, type TypeId } from "../btf/index.ts";
import type { CoreKind } from "./bpf-object.ts";
import { familyOf, type Spec, SpecProblem } from "./core-spec.ts";

export interface CoreValue {
  readonly value: bigint;
  /** For loads and stores, whose size may have to change: bytes and type of the field. */
  readonly field?: { readonly size: number; readonly type: TypeId };
  /** False where compilers may differ, so that what the instruction holds is not compared. */
  readonly checked: boolean;
}

/** The value of a place, or of its absence; null when the absence makes the instruction invalid. */
export function coreValue(kind: CoreKind, spec: Spec | null): CoreValue | null {
  switch (familyOf(kind)) {
    case "field":
      return fieldValue(kind, spec);
    case "type":
      return typeValue(kind, spec);
    case "enum":
      return enumeratorValue(kind, spec);
  }
}

const checked = (value: number | bigint): CoreValue => ({ value: BigInt(value), checked: true });

function typeValue(kind: CoreKind, spec: Spec | null): CoreValue {
  if (!spec) return checked(0);
  const { btf, id } = spec.root;
  if (kind === "typeSize") return checked(sizeOf(btf, id));
  if (kind === "typeIdTarget" || kind === "typeIdLocal") return { value: BigInt(id), checked: false };
  return checked(1);
}

function enumeratorValue(kind: CoreKind, spec: Spec | null): CoreValue | null {
  if (kind === "enumValueExists") return checked(spec ? 1 : 0);
  const accessor = spec?.accessors[0];
  if (!spec || !accessor) return null;
  const type = resolve(spec.root.btf, accessor.type);
  const isEnum = type.kind === "enum" || type.kind === "enum64";
  const value = isEnum ? BigInt(type.values[accessor.index]?.value ?? 0) : 0n;
  // Values of 32-bit enums are signed to libbpf, whatever the enum says.
  return checked(BigInt.asUintN(64, type.kind === "enum" ? BigInt.asIntN(32, value) : value));
}

function fieldValue(kind: CoreKind, spec: Spec | null): CoreValue | null {
  if (kind === "fieldExists") return checked(spec ? 1 : 0);
  const last = spec?.accessors.at(-1);
  if (!spec || !last) return null;
  return last.name === null ? elementValue(kind, spec, last.type) : memberValue(kind, spec);
}

/** `array[3]` as a whole. */
function elementValue(kind: CoreKind, spec: Spec, type: TypeId): CoreValue {
  const size = sizeOf(spec.root.btf, type);
  if (kind === "fieldByteSize") return checked(size);
  if (kind !== "fieldByteOffset") throw new SpecProblem("an array element has neither sign nor shifts");
  return { ...checked(Math.floor(spec.bitOffset / 8)), field: { size, type } };
}

/** The bytes to load for a field, and where its bits lie. */
interface Extent {
  readonly byteOffset: number;
  readonly byteSize: number;
  readonly bitSize: number;
  readonly isBitField: boolean;
  readonly type: TypeId;
}

function memberValue(kind: CoreKind, spec: Spec): CoreValue {
  const extent = extentOf(spec);
  const { byteOffset, byteSize, bitSize, isBitField, type } = extent;
  const value = (number: number, always = false): CoreValue => ({
    value: BigInt(number),
    checked: always || !isBitField,
  });
  switch (kind) {
    case "fieldByteOffset":
      return isBitField ? value(byteOffset) : { ...value(byteOffset), field: { size: byteSize, type } };
    case "fieldByteSize":
      return value(byteSize);
    case "fieldSigned":
      return value(isSigned(resolve(spec.root.btf, type)) ? 1 : 0, true);
    case "fieldLeftShift":
      return value(64 - (spec.bitOffset + bitSize - byteOffset * 8));
    case "fieldRightShift":
      return value(64 - bitSize, true);
    default:
      throw new SpecProblem(`${kind} is not about fields`);
  }
}

function isSigned(type: BtfType): boolean {
  return (type.kind === "int" || type.kind === "enum" || type.kind === "enum64") && type.signed;
}

function extentOf({ root: { btf }, accessors, bitOffset }: Spec): Extent {
  const last = accessors.at(-1);
  const holder = last && btf.types[last.type];
  const member = holder?.kind === "struct" || holder?.kind === "union" ? holder.members[last?.index ?? 0] : undefined;
  if (!member) throw new SpecProblem("it ends at no member");
  const type = resolveId(btf, member.type);
  const size = sizeOf(btf, type);
  if (member.bitSize > 0) return { ...bitFieldExtent(bitOffset, member.bitSize, size), type };
  return { byteOffset: Math.floor(bitOffset / 8), byteSize: size, bitSize: 8 * size, isBitField: false, type };
}

/** The smallest aligned unit of at least the declared type's size that holds all bits. */
function bitFieldExtent(bitOffset: number, bitSize: number, declaredSize: number): Omit<Extent, "type"> {
  const aligned = (size: number) => Math.floor(Math.floor(bitOffset / 8) / size) * size;
  for (let byteSize = declaredSize; byteSize > 0 && byteSize <= 8; byteSize *= 2) {
    const byteOffset = aligned(byteSize);
    if (bitOffset + bitSize - byteOffset * 8 <= byteSize * 8) {
      return { byteOffset, byteSize, bitSize, isBitField: true };
    }
  }
  throw new SpecProblem("the bit field cannot be read with one load of 64 bits");
}
