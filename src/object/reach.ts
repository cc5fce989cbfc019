/**
 * What programs reach: functions they call or point to, maps they name, and what those maps hold from the start (programs
 * of a program array, inner maps).
 *
 * The machine and the kernel layer make only that: an object of many programs may declare maps that one engine or kernel
 * cannot make, and a program that does not reach them runs without.
 */
import type { BpfObject } from "./bpf-object.ts";

/** What programs need of their object: the functions that they call, and maps and variables that these refer to. */
export interface Reach {
  /** Names; the programs themselves among them. */
  readonly functions: ReadonlySet<string>;
  /** Names of maps, global data included. */
  readonly maps: ReadonlySet<string>;
}

/** Names that the object does not have are left out: linking names them. */
export function reachOf(object: BpfObject, programs: readonly string[]): Reach {
  const functions = new Map(object.functions.map((one) => [one.name, one]));
  const maps = new Map(object.maps.map((one) => [one.name, one]));
  const seen = { functions: new Set<string>(), maps: new Set<string>() };
  const pending = [...programs];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    // Programs and maps have one space of names in an object file, and a target may be either.
    if (functions.has(name) && !seen.functions.has(name)) {
      seen.functions.add(name);
      for (const reference of functions.get(name)!.references) {
        if (reference.kind === "function") pending.push(reference.function);
        else if (reference.kind !== "extern") pending.push(reference.map);
      }
    }
    if (maps.has(name) && !seen.maps.has(name)) {
      seen.maps.add(name);
      for (const { target } of maps.get(name)!.slots ?? []) pending.push(target);
    }
  }
  return seen;
}
