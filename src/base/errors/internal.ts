/** Our own bugs. No input may reach them; fuzzers stop on them. */
import { entry } from "./entry.ts";

export const internalErrors = {
  INTERNAL_INVARIANT: entry(
    (p: { what: string }) => `internal error: ${p.what}`,
    () => "this is a bug in xdpkit; please report it with the input that shows it",
  ),
} as const;
