/** What a sentence of the verifier means: a row of the tables in this folder. */
import type { VerifierLog } from "../verifier-log.ts";

/** `instruction 5`, or with its source line: `instruction 5 (end.c:12)`. */
export type Place = (slot: number) => string;

/** Words that depend on what the sentence names, or on what the log knows. */
export type Words = string | ((groups: readonly string[], log: VerifierLog, place: Place) => string);

export interface Reason {
  /** The kernel's sentence, as any kernel since 5.4 writes it; what the words need is in groups. */
  readonly sentence: RegExp;
  /** Continues "the kernel refuses program NAME: ". */
  readonly reason: Words;
  /** What to change. */
  readonly hint: Words;
}

/** `byte 14`, `bytes 14 to 17`. */
export const span = (start: number, size: number): string =>
  size === 1 ? `byte ${start}` : `bytes ${start} to ${start + size - 1}`;

/** True when the instruction at the end of the path stores: `5: (63) *(u32 *)(r2 +0) = r1`. */
export const isStore = ({ path }: VerifierLog): boolean =>
  /^\d+: \([0-9a-f]{2}\) (?:lock )?\*\(/.test(path.at(-1) ?? "");
