/**
 * Bytes of instructions (RFC 9669 section 3) and back.
 *
 * Little endian puts `dst` into the low half of byte 1, big endian into the high half; `offset` and `imm` follow the
 * byte order. Invariant: `encode(decode(bytes))` is `bytes`, in lenient mode too.
 */
import { type ByteReader, type Location, ByteReader as Reader, type XdpkitError, xdpkitError } from "../base/index.ts";
import { type Instruction, LD_IMM64, slotsOf } from "./instruction.ts";
import type { Field } from "./operands.ts";
import { formOf, formsOf, hasFixedFields } from "./template.ts";

/** Byte order, and where the instructions begin in their file. */
export interface DecodeOptions {
  /** False for `bpfeb` objects. Default true. */
  readonly littleEndian?: boolean;
  /** Keep unknown opcodes and reserved bits as they are, so that a hostile object can be shown. Default false. */
  readonly lenient?: boolean;
  /** Added to byte offsets in errors: where `bytes` begins in its file. */
  readonly base?: number;
}

/**
 * Instructions of `bytes`, whose length is a multiple of 8.
 *
 * @throws ISA_TRUNCATED, ISA_UNKNOWN_OPCODE, ISA_RESERVED, ISA_FIELD_RANGE at the byte where the instruction begins.
 *   Lenient mode throws only ISA_TRUNCATED, and ISA_RESERVED for a second slot of `ld_imm64` that is none.
 */
export function decode(bytes: Uint8Array, options: DecodeOptions = {}): Instruction[] {
  const littleEndian = options.littleEndian ?? true;
  const reader = new Reader(bytes, { littleEndian, base: options.base ?? 0, short: truncated });
  const instructions: Instruction[] = [];
  while (reader.remaining > 0) {
    const at: Location = { kind: "byte", offset: reader.base + reader.offset };
    const instruction = decodeOne(reader, at);
    if (!options.lenient) check(instruction, at);
    instructions.push(instruction);
  }
  return instructions;
}

function truncated(short: { offset: number; need: number; have: number }): XdpkitError {
  return xdpkitError("ISA_TRUNCATED", short, { at: { kind: "byte", offset: short.offset } });
}

function decodeOne(reader: ByteReader, at: Location): Instruction {
  const start = reader.step(8);
  const { view, littleEndian } = reader;
  const opcode = view.getUint8(start);
  const registers = view.getUint8(start + 1);
  const [low, top] = [registers & 15, registers >> 4];
  const instruction = {
    opcode,
    dst: littleEndian ? low : top,
    src: littleEndian ? top : low,
    offset: view.getInt16(start + 2, littleEndian),
    imm: view.getInt32(start + 4, littleEndian),
  };
  if (opcode !== LD_IMM64) return instruction;
  return { ...instruction, high: secondSlot(reader, at) };
}

/** RFC 9669 section 5.4: everything but `imm` is zero. */
function secondSlot(reader: ByteReader, at: Location): number {
  const start = reader.step(8);
  const value = reader.view.getUint32(start, reader.littleEndian);
  if (value !== 0) throw xdpkitError("ISA_RESERVED", { field: "second slot", value, opcode: LD_IMM64 }, { at });
  return reader.view.getInt32(start + 4, reader.littleEndian);
}

/** Throws what is wrong with an instruction that no row of the table accepts. */
function check(instruction: Instruction, at: Location): void {
  for (const field of ["dst", "src"] as const) {
    const value = instruction[field];
    if (value > 10) throw xdpkitError("ISA_FIELD_RANGE", { field, value, min: 0, max: 10 }, { at });
  }
  const { opcode } = instruction;
  if (formOf(instruction)) return;
  const forms = formsOf(opcode);
  if (forms.length === 0) throw xdpkitError("ISA_UNKNOWN_OPCODE", { opcode }, { at });
  const field = reservedField(instruction);
  throw xdpkitError("ISA_RESERVED", { field, value: instruction[field] ?? 0, opcode }, { at });
}

/** The field to blame: a reserved one of a row that fits, else the one by which all rows of the opcode differ. */
function reservedField(instruction: Instruction): Field {
  const forms = formsOf(instruction.opcode);
  const fitting = forms.find(({ form }) => hasFixedFields(form, instruction));
  const reserved = fitting?.reserved.find((field) => (instruction[field] ?? 0) !== 0);
  if (reserved) return reserved;
  const first = forms[0]?.form;
  if (first?.offset !== undefined) return "offset";
  return first?.imm !== undefined ? "imm" : "src";
}

const RANGES = {
  opcode: [0, 255],
  dst: [0, 15],
  src: [0, 15],
  offset: [-0x8000, 0x7fff],
  imm: [-0x8000_0000, 0x7fff_ffff],
  high: [-0x8000_0000, 0x7fff_ffff],
} as const satisfies Record<Field | "opcode", readonly [number, number]>;

/**
 * Bytes of instructions: 8 each, 16 for `ld_imm64`.
 *
 * @throws ISA_FIELD_RANGE at the instruction whose field does not fit.
 */
export function encode(instructions: readonly Instruction[], options: { littleEndian?: boolean } = {}): Uint8Array {
  const littleEndian = options.littleEndian ?? true;
  const slots = instructions.reduce((sum, instruction) => sum + slotsOf(instruction), 0);
  const view = new DataView(new ArrayBuffer(8 * slots));
  let at = 0;
  for (const [index, instruction] of instructions.entries()) {
    checkRanges(instruction, index);
    encodeOne(view, at, instruction, littleEndian);
    at += 8 * slotsOf(instruction);
  }
  return new Uint8Array(view.buffer);
}

function checkRanges(instruction: Instruction, index: number): void {
  for (const [field, [min, max]] of Object.entries(RANGES)) {
    const value = instruction[field as Field] ?? 0;
    if (Number.isInteger(value) && value >= min && value <= max) continue;
    throw xdpkitError("ISA_FIELD_RANGE", { field, value, min, max }, { at: { kind: "instruction", index } });
  }
}

function encodeOne(view: DataView, at: number, instruction: Instruction, littleEndian: boolean): void {
  const { opcode, dst, src, offset, imm } = instruction;
  view.setUint8(at, opcode);
  view.setUint8(at + 1, littleEndian ? dst | (src << 4) : (dst << 4) | src);
  view.setInt16(at + 2, offset, littleEndian);
  view.setInt32(at + 4, imm, littleEndian);
  if (opcode === LD_IMM64) view.setInt32(at + 12, instruction.high ?? 0, littleEndian);
}
