/**
 * Maps that are pinned by name below a folder: what is there is used again, what is new is pinned.
 *
 * Invariant: pins change only in `commit`, when everything has been loaded: a load that fails leaves what was there. A map
 * whose layout changed takes the place of the old one by a rename, which is atomic, when its entries have been carried over.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { xdpkitError } from "../base/index.ts";
import { btfById } from "./btf-by-id.ts";
import { possibleCpus } from "./cpu.ts";
import { mapInfo, openPinnedMap } from "./map-info.ts";
import { layoutDifference, type TypedMap } from "./map-layout.ts";
import { KernelMap } from "./maps.ts";
import { makePinFolder, pin, replacePin } from "./pins.ts";

export class MapPins implements Disposable {
  readonly #folder: string;
  readonly #migrated: ReadonlySet<string>;
  /** Old maps that a migration reads, by name. */
  readonly #old = new Map<string, KernelMap>();

  /** `migrated`: names of maps whose layout may change. */
  constructor(folder: string, migrated: ReadonlySet<string>) {
    this.#folder = folder;
    this.#migrated = migrated;
  }

  pathOf(name: string): string {
    return join(this.#folder, name);
  }

  /** Maps whose entries wait for a migration. */
  get old(): ReadonlyMap<string, KernelMap> {
    return this.#old;
  }

  /** The pinned map where it fits; undefined when a new one is to be made. @throws XdpkitError KERNEL_PIN, KERNEL_PIN_LAYOUT */
  reuse(wanted: TypedMap): KernelMap | undefined {
    const { name, pinByName } = wanted.definition;
    if (!pinByName) return undefined;
    const path = this.pathOf(name);
    const found = openPinnedMap(path);
    if (!found) return undefined;
    const { definition, btfId } = mapInfo(found.fd);
    const difference = layoutDifference(wanted, { definition, btf: btfId === 0 ? undefined : btfById(btfId) });
    if (difference === undefined) return new KernelMap(found.surrender(), wanted.definition, possibleCpus());
    if (this.#migrated.has(name)) {
      this.#old.set(name, found);
      return undefined;
    }
    found[Symbol.dispose]();
    throw xdpkitError("KERNEL_PIN_LAYOUT", { map: name, path, difference });
  }

  /** Pins what is not pinned yet; when that fails, what it has pinned goes again. @throws XdpkitError KERNEL_PIN */
  commit(maps: Iterable<KernelMap>, reused: ReadonlySet<string>): void {
    const all = [...maps].filter(({ definition: { name, pinByName } }) => pinByName && !reused.has(name));
    if (all.length > 0) makePinFolder(this.#folder);
    const pinned: string[] = [];
    try {
      for (const { fd, definition } of all) {
        if (this.#old.has(definition.name)) continue;
        pin(fd, this.pathOf(definition.name));
        pinned.push(this.pathOf(definition.name));
      }
      for (const { fd, definition } of all)
        if (this.#old.has(definition.name)) replacePin(fd, this.pathOf(definition.name));
    } catch (error) {
      for (const path of pinned) rmSync(path);
      throw error;
    }
  }

  [Symbol.dispose](): void {
    for (const map of this.#old.values()) map[Symbol.dispose]();
    this.#old.clear();
  }
}
