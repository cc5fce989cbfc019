/**
 * Pins that a process left half replaced when it was killed, and who uses a map: the kernel keeps no list of a map's users, but
 * every program tells its maps.
 */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { descriptorKind, mayOpenByIds, objectId, objectIds } from "./object-info.ts";
import { renamePin, replacedBy, tryOpenPin } from "./pins.ts";
import { programInfoById } from "./program-info.ts";
import { closeFd } from "./syscall.ts";

/**
 * Whether a program other than those of `own` uses the map; ids. Where programs may not be listed (CAP_SYS_ADMIN) `unknown` is
 * the answer.
 */
export function isUsedBesides(own: ReadonlySet<number>, map: number, unknown = true): boolean {
  if (!mayOpenByIds()) return unknown;
  for (const id of objectIds("program")) if (!own.has(id) && programInfoById(id)?.mapIds.includes(map)) return true;
  return false;
}

const NOBODY: ReadonlySet<number> = new Set();

/**
 * Ends what was cut off between attachment and rename: a map that waits for its name gets it when a program uses it, which its
 * loader, being dead, has attached; else the upgrade did not happen. For the holder of the folder's lock.
 */
export function finishReplacements(folder: string): void {
  for (const name of readdirSync(folder)) {
    const replaced = replacedBy(name);
    const map = replaced === undefined ? undefined : pinnedMap(join(folder, name));
    if (replaced === undefined || map === undefined) continue;
    if (isUsedBesides(NOBODY, map, false)) renamePin(join(folder, name), join(folder, replaced));
    else rmSync(join(folder, name));
  }
}

/** Id of the map that is pinned there, if it is one. */
function pinnedMap(path: string): number | undefined {
  const fd = tryOpenPin(path);
  if (fd < 0) return undefined;
  try {
    return descriptorKind(fd) === "map" ? objectId(fd) : undefined;
  } finally {
    closeFd(fd);
  }
}
