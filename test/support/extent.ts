/**
 * How much a test does: little in `npm test`, much in `npm run test:long`, which the counts of docs/agreement.md are from.
 *
 * Invariant: a long run has every test of a short one; only counts differ.
 */
import { it } from "vitest";
import { runSeed } from "./random.ts";

const isLong = process.env["XDPKIT_LONG"] === "1";
/** Each test, with the counts of a short run: what must hold for a change to land. */
const isWhole = isLong || process.env["XDPKIT_WHOLE"] === "1";

/** `few` in `npm test`, `many` in `npm run test:long`. */
export const extent = (few: number, many: number): number => (isLong ? many : few);

/**
 * `it` for long tests that are alike, one after the other: `npm test` runs every `few`th, from one that the seed chooses;
 * XDPKIT_WHOLE=1 and `npm run test:long` run all.
 */
export function oneIn(few: number): (title: string, body: () => Promise<void>, timeoutMs?: number) => void {
  const seed = runSeed();
  let turn = seed % few;
  return (title, body, timeoutMs) => {
    const isDrawn = isWhole || turn++ % few === 0;
    if (isDrawn) it(title, body, timeoutMs);
    else it.skip(`${title} (not drawn by XDPKIT_SEED=${seed}; XDPKIT_WHOLE=1 runs it)`, body);
  };
}
