/**
 * Unnamed bit fields that put members of a struct where BTF says they are (libbpf's btf_dump_emit_bit_padding).
 *
 * C pads by itself up to the next member's alignment. Only a gap that it would not make is written: first a step to a
 * boundary of the largest fitting type, then whole units of it, then a rest. Invariant: the gap is filled exactly.
 */
import { xdpkitError } from "../base/index.ts";

const UNITS = [
  { name: "long", bits: 64 },
  { name: "int", bits: 32 },
  { name: "short", bits: 16 },
  { name: "char", bits: 8 },
] as const satisfies readonly { name: string; bits: number }[];

/** Units in one gap, 1 MiB of them: no compiler leaves that much. */
const MAX_UNITS = 1 << 17;

export interface Gap {
  /** Bits from the start of the struct. */
  readonly from: number;
  readonly to: number;
  /** Bytes to which C aligns the next member, or the end of the struct. */
  readonly alignment: number;
  /** Between two bit fields, where C never pads to a boundary by itself. */
  readonly betweenBitfields: boolean;
}

const roundUp = (value: number, unit: number) => Math.ceil(value / unit) * unit;

/** `long: 43`, `int: 0`: declarations without their semicolons; empty when C makes the gap by itself. */
export function printPadding(gap: Gap): string[] {
  if (gap.from >= gap.to) return [];
  const unit = UNITS.find(({ bits }) => roundUp(gap.from, bits) <= gap.to) ?? UNITS[3];
  const boundary = roundUp(gap.from, unit.bits);
  if (boundary <= gap.from || boundary > gap.to) return fill(gap.from, gap.to, unit);
  const step = gap.betweenBitfields ? boundary - gap.from : 0;
  const mark = needsMark(gap, boundary) ? [`${unit.name}: ${step}`] : [];
  return [...mark, ...fill(boundary, gap.to, unit)];
}

/** Whether C would not reach the boundary by itself, or would let what follows slip into the hole before it. */
function needsMark({ from, to, alignment, betweenBitfields }: Gap, boundary: number): boolean {
  if (betweenBitfields) return true;
  if (boundary === to) return roundUp(from, alignment * 8) !== boundary;
  return to - boundary <= boundary - from;
}

function fill(from: number, to: number, unit: (typeof UNITS)[number]): string[] {
  const whole = Math.floor((to - from) / unit.bits);
  if (whole > MAX_UNITS) throw xdpkitError("BTF_LIMIT", { what: "padding of a struct", limit: MAX_UNITS });
  const rest = to - from - whole * unit.bits;
  const parts = Array.from({ length: whole }, () => `${unit.name}: ${unit.bits}`);
  if (rest === 0) return parts;
  const smallest = UNITS.findLast(({ bits }) => bits >= rest) ?? UNITS[0];
  return [...parts, `${smallest.name}: ${rest}`];
}
