/** Several moves at once, put into an order in which no source is overwritten before it is read. */
import type { Register } from "./machine.ts";

export interface Copy {
  readonly dst: Register;
  readonly src: Register;
}

/** Destinations are distinct. A cycle takes one register more, from `temporary`. */
export function sequence(copies: readonly Copy[], temporary: () => Register): Copy[] {
  const ordered: Copy[] = [];
  let pending = copies.filter(({ dst, src }) => dst !== src);
  while (pending.length > 0) {
    const ready = pending.filter(({ dst }) => !pending.some((other) => other.src === dst));
    if (ready.length > 0) {
      ordered.push(...ready);
      pending = pending.filter((one) => !ready.includes(one));
      continue;
    }
    // Only cycles are left: one source moves out of the way.
    const [first] = pending as [Copy];
    const aside = temporary();
    ordered.push({ dst: aside, src: first.src });
    pending = pending.map((one) => (one.src === first.src ? { ...one, src: aside } : one));
  }
  return ordered;
}
