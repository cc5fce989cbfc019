/**
 * Numbers of policies and SIDs: those of their counters. What has a number keeps it across reloads, so that counters and
 * sessions go on; numbers of what has gone are given again.
 */
import type { Srv6Config } from "./config.ts";

/** Numbers of policies and SIDs in their tables: those that stay keep theirs, and so their counters. */
export interface Numbering {
  /** By name. */
  readonly policies: Readonly<Record<string, number>>;
  /** By prefix. */
  readonly sids: Readonly<Record<string, number>>;
}

/** Of a node without an earlier configuration. */
export const NO_NUMBERS: Numbering = { policies: {}, sids: {} };

/** From 1: 0 is none. */
function numbered(names: readonly string[], known: Readonly<Record<string, number>>): Record<string, number> {
  const kept = Object.fromEntries(
    names.filter((name) => Object.hasOwn(known, name)).map((name) => [name, known[name]!]),
  );
  const taken = new Set(Object.values(kept));
  let next = 1;
  for (const name of names) {
    if (Object.hasOwn(kept, name)) continue;
    while (taken.has(next)) next++;
    kept[name] = next;
    taken.add(next);
  }
  return kept;
}

/** Keeps the numbers of `before`, and gives new ones to what is new. */
export function numberingOf({ policies = [], sids = [] }: Srv6Config, before: Numbering = NO_NUMBERS): Numbering {
  return {
    policies: numbered(
      policies.map(({ name }) => name),
      before.policies,
    ),
    sids: numbered(
      sids.map(({ sid }) => sid),
      before.sids,
    ),
  };
}
