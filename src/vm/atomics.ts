/**
 * Atomic operations (RFC 9669 section 5.3). One CPU runs at a time, so they are plain read-modify-writes.
 *
 * `imm` is the operation; bit 0 (BPF_FETCH) puts the old value into the source register.
 */
const FETCH = 0x01;
const XCHG = 0xe1;
const CMPXCHG = 0xf1;

/** The 32-bit operation at `a`; `s` is the source register's place. Fetched values are zero-extended. */
export function atomic32(regs: Int32Array, view: DataView, a: number, s: number, imm: number): void {
  const old = view.getInt32(a, true);
  const operand = regs[s]!;
  if (imm === CMPXCHG) {
    if (old === regs[0]) view.setInt32(a, operand, true);
    regs[0] = old;
    regs[1] = 0;
    return;
  }
  view.setInt32(a, imm === XCHG ? operand : combine(imm, old, operand), true);
  if ((imm & FETCH) === 0) return;
  regs[s] = old;
  regs[s + 1] = 0;
}

function combine(imm: number, old: number, operand: number): number {
  switch (imm & 0xf0) {
    case 0x00:
      return (old + operand) | 0;
    case 0x40:
      return old | operand;
    case 0x50:
      return old & operand;
    default:
      return old ^ operand;
  }
}

export function atomic64(regs: Int32Array, view: DataView, a: number, s: number, imm: number): void {
  const low = view.getInt32(a, true);
  const high = view.getInt32(a + 4, true);
  if (imm === CMPXCHG) {
    if (low === regs[0] && high === regs[1]) store(view, a, regs[s]!, regs[s + 1]!);
    regs[0] = low;
    regs[1] = high;
    return;
  }
  if (imm === XCHG) store(view, a, regs[s]!, regs[s + 1]!);
  else combine64(regs, view, a, s, imm, low, high);
  if ((imm & FETCH) === 0) return;
  regs[s] = low;
  regs[s + 1] = high;
}

function combine64(
  regs: Int32Array,
  view: DataView,
  a: number,
  s: number,
  imm: number,
  low: number,
  high: number,
): void {
  const sum = combine(imm, low, regs[s]!);
  const carry = (imm & 0xf0) === 0 && sum >>> 0 < low >>> 0 ? 1 : 0;
  store(view, a, sum, (combine(imm, high, regs[s + 1]!) + carry) | 0);
}

function store(view: DataView, a: number, low: number, high: number): void {
  view.setInt32(a, low, true);
  view.setInt32(a + 4, high, true);
}
