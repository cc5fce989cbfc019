/** Writes content into the tables of a loaded program or of a virtual machine. */
import type { Plane } from "../program/plane.ts";
import { ports } from "../program/tables.xdp.ts";
import type { Content } from "./content.ts";

/** What `load` and `createVm` give. */
export interface Target {
  map(handle: never): { set(key: never, value: never): void };
}

export function fill(target: Target, plane: Plane, content: Content): void {
  const handles = { ...plane.tables, ports };
  for (const { table, key, value } of content.entries)
    target.map(handles[table] as never).set(key as never, value as never);
}
