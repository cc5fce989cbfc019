/**
 * What the command line knows of a module beyond its object: JSON by the schemas of its maps, so that a map file says
 * `"192.0.2.0/24"` where BTF knows bytes only, and the names of its outcomes.
 *
 * Handles may come from another copy of the package (the loader's): they are known by what they have, not by their class.
 */
import { jsonCodec, type MapCodecs, type MapHandle, mapCodecs, type Outcomes } from "../lang/index.ts";

export interface ModuleHandles {
  /** By the maps' names in the object, as all here. */
  readonly codecs: ReadonlyMap<string, MapCodecs>;
  /** Names of counters. */
  readonly outcomes: ReadonlyMap<string, readonly string[]>;
}

export function handlesOf(names: ReadonlyMap<object, string>): ModuleHandles {
  const codecs = new Map<string, MapCodecs>();
  const outcomes = new Map<string, readonly string[]>();
  for (const [handle, name] of names) {
    if ("declaration" in handle) codecs.set(name, mapCodecs(handle as MapHandle, jsonCodec));
    else if ("names" in handle) outcomes.set(name, (handle as Outcomes<string>).names);
  }
  return { codecs, outcomes };
}
