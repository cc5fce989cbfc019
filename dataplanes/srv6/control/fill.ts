/** Writes content into the tables of a loaded program or of a virtual machine. */
import type { Plane } from "../program/plane.ts";
import { ports } from "../program/tables.xdp.ts";
import type { Content, Entry } from "./content.ts";

/** What `load` and `createVm` give. */
export interface Target {
  /** As of `Vm` and `Loaded`. */
  map(handle: never): { setAll(entries: Iterable<readonly [never, never]>): void };
}

function grouped(entries: readonly Entry[]): ReadonlyMap<Entry["table"], readonly Entry[]> {
  const groups = new Map<Entry["table"], Entry[]>();
  for (const entry of entries) {
    const group = groups.get(entry.table);
    if (group) group.push(entry);
    else groups.set(entry.table, [entry]);
  }
  return groups;
}

/** Writes the content into the tables of a machine or of a loaded program. */
export function fill(target: Target, plane: Plane, content: Content): void {
  const handles = { ...plane.tables, ports };
  const byTable = grouped(content.entries);
  for (const [table, entries] of byTable)
    target
      .map(handles[table] as never)
      .setAll(entries.map(({ key, value }) => [key as never, value as never] as const));
}
