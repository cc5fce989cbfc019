/**
 * Where a register's value comes from: what the verifier calls its type, followed while the program runs.
 *
 * Each register has a pair of words beside its two halves (Cpu.origins, at the same places):
 *
 *   first word   0            a number, all of its bytes known
 *                n > 0        a pointer into object n (memory.ts); the second word is the object's base
 *                -1           never set in this frame, or left unset by a call
 *                -1 - mask    bytes that nobody wrote, one bit of `mask` each; the second word is the address on the
 *                             stack that the first of them came from
 *
 * So a pointer reaches the object that it was made for, wherever arithmetic leads it, and bytes of the stack that were
 * never written may be copied but decide nothing. Invariant: known numbers need no work, so every operation tests only
 * whether a word differs from 0 and leaves the rest to the functions here.
 */

/** What this needs of the CPU: registers, their origins, and the faults. */
export interface Registers {
  readonly regs: Int32Array;
  readonly origins: Int32Array;
  unset(pc: number, place: number): never;
  unknown(pc: number, place: number, what: string): never;
}

export const UNSET = -1;
/** All eight bytes unknown. */
export const UNKNOWN = -256;

/** Bytes that are unknown, one bit each. */
export const maskOf = (origin: number): number => (origin < UNSET ? UNSET - origin : 0);
export const unknownBytes = (mask: number): number => (mask === 0 ? 0 : UNSET - mask);

const LOW = 0x0f;
const ALL = 0xff;
/** The 32-bit operations of arithmetic and their kin; operations.ts has the numbers. */
const is32Bits = (operation: number): boolean => operation >= 15 && operation <= 29;

/**
 * The origin of the result of a binary operation, before it is done. A pointer survives the addition or subtraction of
 * a number (adjust_ptr_min_max_vals); anything else makes a number of it, which is no address.
 */
export function mix(cpu: Registers, pc: number, operation: number, d: number, s: number): void {
  const { origins } = cpu;
  const [a, b] = [origins[d]!, origins[s]!];
  if (a === UNSET || b === UNSET) cpu.unset(pc, a === UNSET ? d : s);
  if (a < 0 || b < 0) mixUnknown(cpu, operation, d, s);
  else if (operation === 0 && (a === 0 || b === 0)) {
    if (a === 0) [origins[d], origins[d + 1]] = [b, origins[s + 1]!];
  } else if (!(operation === 1 && b === 0)) origins[d] = 0;
}

function mixUnknown(cpu: Registers, operation: number, d: number, s: number): void {
  const { origins } = cpu;
  const width = is32Bits(operation) ? LOW : ALL;
  const [a, b] = [maskOf(origins[d]!) & width, maskOf(origins[s]!) & width];
  const from = maskOf(origins[d]!) === 0 ? origins[s + 1]! : origins[d + 1]!;
  origins[d] = unknownBytes(combine(cpu, operation, d, s, a, b) & width);
  origins[d + 1] = from;
}

function combine(cpu: Registers, operation: number, d: number, s: number, a: number, b: number): number {
  switch (operation) {
    case 0: // add64, sub64, mul64 and their 32-bit kin: carries run upwards.
    case 1:
    case 2:
    case 15:
    case 16:
    case 17:
      return upwards(a | b);
    case 5: // and64, and32: a known zero decides.
    case 20:
      return (a & ~knownBytes(cpu, s, b, 0)) | (b & ~knownBytes(cpu, d, a, 0));
    case 4: // or64, or32: known ones decide.
    case 19:
      return (a & ~knownBytes(cpu, s, b, 0xff)) | (b & ~knownBytes(cpu, d, a, 0xff));
    case 10: // xor64, xor32
    case 25:
      return a | b;
    case 6: // shifts
    case 7:
    case 12:
      return b & 1 ? ALL : shifted(a, operation - 6, cpu.regs[s]! & 63, 64n);
    case 21:
    case 22:
    case 27:
      return b & 1 ? ALL : shifted(a, operation - 21, cpu.regs[s]! & 31, 32n);
    default:
      return a | b ? ALL : 0;
  }
}

/** All bytes from the lowest that is unknown. */
const upwards = (mask: number): number => -(mask & -mask) & ALL;

/** Bytes of a register that are known to have the value `byte`. */
function knownBytes(cpu: Registers, register: number, unknown: number, byte: number): number {
  let known = 0;
  for (let i = 0; i < 8; i++) {
    const value = (cpu.regs[register + (i >> 2)]! >>> (8 * (i & 3))) & 0xff;
    if (value === byte && (unknown & (1 << i)) === 0) known |= 1 << i;
  }
  return known;
}

/** `kind`: 0 to the left, 1 to the right, 6 to the right with the sign. */
function shifted(mask: number, kind: number, count: number, width: bigint): number {
  let bits = 0n;
  for (let i = 0; i < 8; i++) if (mask & (1 << i)) bits |= 0xffn << BigInt(8 * i);
  if (kind === 0) bits = BigInt.asUintN(Number(width), bits << BigInt(count));
  else if (kind === 1) bits = BigInt.asUintN(Number(width), bits) >> BigInt(count);
  else bits = BigInt.asUintN(Number(width), BigInt.asIntN(Number(width), bits) >> BigInt(count));
  let bytes = 0;
  for (let i = 0; i < 8; i++) if ((bits >> BigInt(8 * i)) & 0xffn) bytes |= 1 << i;
  return bytes;
}

/** The origin of the result of an operation on one register: negation, exchange and truncation of bytes. */
export function mixOne(cpu: Registers, pc: number, operation: number, d: number): void {
  const { origins } = cpu;
  const origin = origins[d]!;
  if (origin === UNSET) cpu.unset(pc, d);
  origins[d] = origin > 0 ? 0 : unknownBytes(afterOne(operation, maskOf(origin)));
}

function afterOne(operation: number, mask: number): number {
  switch (operation) {
    case 8: // neg64
      return upwards(mask);
    case 23: // neg32
      return upwards(mask) & LOW;
    case 35: // swap16
      return ((mask & 1) << 1) | ((mask & 2) >> 1);
    case 36: // swap32
      return reversed(mask) >> 4;
    case 37: // swap64
      return reversed(mask);
    case 38: // le16
      return mask & 3;
    case 39: // le32
      return mask & LOW;
    default:
      return mask;
  }
}

function reversed(mask: number): number {
  let result = 0;
  for (let i = 0; i < 8; i++) if (mask & (1 << i)) result |= 0x80 >> i;
  return result;
}

/** The origin of a register that another is moved into with `bytes` of its bytes; the sign fills the rest. */
export function narrow(
  cpu: Registers,
  pc: number,
  d: number,
  s: number,
  bytes: 1 | 2 | 4,
  fill: 0 | 0x0f | 0xff,
): void {
  const { origins } = cpu;
  const origin = origins[s]!;
  if (origin === UNSET) cpu.unset(pc, s);
  const mask = maskOf(origin) & ((1 << bytes) - 1);
  const sign = mask & (1 << (bytes - 1)) ? fill & ~((1 << bytes) - 1) : 0;
  origins[d + 1] = origins[s + 1]!;
  origins[d] = unknownBytes(mask | sign);
}

/** A branch on two registers, of which `bytes` bytes count: what is unknown decides nothing. */
export function decide(cpu: Registers, pc: number, d: number, s: number, bytes: 4 | 8): void {
  const mask = bytes === 4 ? LOW : ALL;
  for (const register of [d, s]) {
    const origin = cpu.origins[register]!;
    if (origin === UNSET) cpu.unset(pc, register);
    if (maskOf(origin) & mask) cpu.unknown(pc, register, "decides a branch");
  }
}
