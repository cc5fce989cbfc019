/**
 * How much a test does: little in `npm test`, much in `npm run test:long`, which the counts of docs/agreement.md are from.
 *
 * Invariant: a long run has every test of a short one; only counts differ.
 */

const isLong = process.env["XDPKIT_LONG"] === "1";

/** `few` in `npm test`, `many` in `npm run test:long`. */
export const extent = (few: number, many: number): number => (isLong ? many : few);
