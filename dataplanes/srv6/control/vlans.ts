/** VLANs as the program knows them: tags are one number each, protocol and identifier. */
import type { VlanConfig } from "./config.ts";

const DOT1Q = 0x8100;
const DOT1AD = 0x88a8;

const word = (protocol: number, id: number): number => ((protocol << 16) | id) >>> 0;

/** Outermost first; `inner` 0: one tag. */
export function tagsOf({ tags, outerProtocol = "802.1ad" }: VlanConfig): {
  readonly outer: number;
  readonly inner: number;
} {
  const [first, second] = tags;
  if (second === undefined) return { outer: word(DOT1Q, first!), inner: 0 };
  return { outer: word(outerProtocol === "802.1Q" ? DOT1Q : DOT1AD, first!), inner: word(DOT1Q, second) };
}
