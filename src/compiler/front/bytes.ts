/**
 * Stack values in registers: their bytes, each a constant or a byte of an SSA value, put together to words and taken apart.
 *
 * Invariant: what `assemble` makes has zeros above its bytes, so it may be stored, shifted and compared as it is.
 */
import type { ValueId } from "../ir/ir.ts";
import type { Front } from "./front.ts";
import type { ByteSource } from "./state.ts";

/** The bytes of a register, lowest first. */
export const bytesOf = (id: ValueId, size: number): ByteSource[] =>
  Array.from({ length: size }, (_, index) => ({ id, index }));

/** The bytes of a constant, lowest first. */
export const constantBytes = (value: bigint, size: number): ByteSource[] =>
  Array.from({ length: size }, (_, index) => Number((BigInt.asUintN(64, value) >> BigInt(8 * index)) & 0xffn));

/** The number that constant bytes are, lowest first; undefined when one is not constant. */
export function constantOf(bytes: readonly ByteSource[]): bigint | undefined {
  let value = 0n;
  for (const [index, byte] of bytes.entries()) {
    if (typeof byte !== "number") return undefined;
    value |= BigInt(byte) << BigInt(8 * index);
  }
  return value;
}

/** Consecutive bytes of one register. */
interface Run {
  readonly id: ValueId;
  readonly from: number;
  readonly at: number;
  length: number;
}

function runsOf(bytes: readonly ByteSource[]): Run[] {
  const runs: Run[] = [];
  bytes.forEach((byte, at) => {
    if (typeof byte === "number") return;
    const last = runs.at(-1);
    const follows =
      last && last.id === byte.id && last.at + last.length === at && last.from + last.length === byte.index;
    if (follows) last.length++;
    else runs.push({ id: byte.id, from: byte.index, at, length: 1 });
  });
  return runs;
}

/** True when the bytes are the lowest of one register: it can be stored as it is. */
export function isLowBytes(bytes: readonly ByteSource[]): ValueId | undefined {
  const [run, ...others] = runsOf(bytes);
  return run && others.length === 0 && run.from === 0 && run.length === bytes.length ? run.id : undefined;
}

/** At most eight bytes as one value, the first byte lowest. */
export function assemble(front: Front, bytes: readonly ByteSource[]): ValueId {
  let constant = 0n;
  bytes.forEach((byte, at) => {
    if (typeof byte === "number") constant |= BigInt(byte) << BigInt(8 * at);
  });
  let sum: ValueId | undefined;
  for (const run of runsOf(bytes)) {
    const piece = shiftInto(front, run);
    sum = sum === undefined ? piece : front.alu("or", sum, piece);
  }
  if (sum === undefined) return front.constant(constant);
  return constant === 0n ? sum : front.aluConstant("or", sum, constant);
}

/** The run's bytes at their place, everything else zero. Shifting out on either side saves the mask. */
function shiftInto(front: Front, { id, from, at, length }: Run): ValueId {
  const bits = 8 * length;
  const isClean = front.bitsOf(id) <= 8 * (from + length);
  let value = id;
  if (from > 0) value = front.aluConstant("shr", value, 8 * from);
  if (at + length < 8 && !isClean) value = mask(front, value, bits);
  return at > 0 ? front.aluConstant("shl", value, 8 * at) : value;
}

/** The low bits. */
export function mask(front: Front, value: ValueId, bits: number): ValueId {
  return bits >= 64 ? value : front.aluConstant("and", value, (1n << BigInt(bits)) - 1n);
}
