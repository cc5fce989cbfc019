/** What the verifier's sentences mean to the author of an XDP program, and what to do: the tables in reasons/. */
import { callReasons } from "./reasons/calls.ts";
import { memoryReasons } from "./reasons/memory.ts";
import { packetReasons } from "./reasons/packet.ts";
import { pointerReasons } from "./reasons/pointers.ts";
import type { Place, Words } from "./reasons/reason.ts";
import { resourceReasons } from "./reasons/resources.ts";
import { structureReasons } from "./reasons/structure.ts";
import { typeReasons } from "./reasons/types.ts";
import type { VerifierLog } from "./verifier-log.ts";

/** The first row that fits wins: those that know more stand before those that know less. */
export const VERIFIER_REASONS = [
  ...packetReasons,
  ...memoryReasons,
  ...pointerReasons,
  ...typeReasons,
  ...structureReasons,
  ...resourceReasons,
  ...callReasons,
];

export interface Explanation {
  readonly reason: string;
  readonly hint: string;
}

/** Undefined for sentences that no row knows. */
export function explain(log: VerifierLog, place: Place = (slot) => `instruction ${slot}`): Explanation | undefined {
  for (const row of VERIFIER_REASONS) {
    for (const sentence of log.sentences) {
      const match = row.sentence.exec(sentence);
      if (!match) continue;
      const say = (words: Words): string => (typeof words === "string" ? words : words(match.slice(1), log, place));
      return { reason: say(row.reason), hint: say(row.hint) };
    }
  }
  return undefined;
}
