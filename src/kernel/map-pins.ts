/**
 * Maps that are pinned by name below a folder: what is there is used again, what is new is pinned.
 *
 * Invariant: a load that fails leaves the pins as they were, and so does an attachment that is refused. New maps are pinned when
 * everything has been loaded, as libbpf does. A map whose layout changed takes the place of the old one by a rename, which is
 * atomic, when the program that uses it has been attached: until then the folder is locked, so that no other start reads it.
 */
import { rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { xdpkitError } from "../base/index.ts";
import { btfById } from "./btf-by-id.ts";
import { possibleCpus } from "./cpu.ts";
import { lockPins } from "./folder-lock.ts";
import { finishReplacements, isUsedBesides } from "./left-pins.ts";
import type { LoadedObject } from "./load.ts";
import { mapInfo, openPinnedMap } from "./map-info.ts";
import { layoutDifference, type TypedMap } from "./map-layout.ts";
import { KernelMap } from "./maps.ts";
import { objectId } from "./object-info.ts";
import { makePinFolder, nextPin, pin, renamePin } from "./pins.ts";
import type { Upgrade } from "./upgrade.ts";

export class MapPins implements Upgrade, Disposable {
  readonly #folder: string;
  readonly #migrated: ReadonlySet<string>;
  /** Old maps that a migration reads, by name. */
  readonly #old = new Map<string, KernelMap>();
  #loaded: LoadedObject | undefined;
  #lock: Disposable | undefined;
  #hasMadeFolder = false;
  /** Maps that have no pin yet when they are loaded, and their pins as far as they have been made. */
  #new: readonly KernelMap[] = [];
  readonly #pinned = new Map<string, number>();
  #isAttaching = false;
  #isDone = false;

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

  /**
   * The pinned map where it fits; undefined when a new one is to be made.
   *
   * @throws XdpkitError KERNEL_PIN, KERNEL_PIN_LAYOUT, KERNEL_LOCKED
   */
  reuse(wanted: TypedMap): KernelMap | undefined {
    const { name, pinByName } = wanted.definition;
    if (!pinByName) return undefined;
    if (!this.#lock) {
      this.#takeLock();
      finishReplacements(this.#folder);
    }
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

  /**
   * Everything is loaded. What is new becomes visible now, unless a map is to be replaced: then all waits for the attachment.
   *
   * @throws XdpkitError KERNEL_PIN, KERNEL_CALL; then nothing has changed
   */
  ready(loaded: LoadedObject): void {
    this.#loaded = loaded;
    const { maps, reused } = loaded;
    this.#new = [...maps.values()].filter(({ definition: { name, pinByName } }) => pinByName && !reused.has(name));
    if (this.#old.size > 0) return;
    this.#put(loaded);
    this.#unlock();
  }

  /** For the first attachment that succeeds; what comes after it finds all done. */
  during<T>(attach: () => T): T {
    const loaded = this.#loaded;
    if (!loaded || this.#isDone || this.#isAttaching) return attach();
    this.#isAttaching = true;
    try {
      if (this.#new.length > 0 && !this.#lock) this.#takeLock();
      this.#requireSame();
      this.#put(loaded);
      const result = this.#attempt(attach, loaded);
      for (const name of this.#old.keys()) renamePin(nextPin(this.pathOf(name)), this.pathOf(name));
      this.#isDone = true;
      this.#release();
      return result;
    } finally {
      this.#isAttaching = false;
      this.#unlock();
    }
  }

  #attempt<T>(attach: () => T, loaded: LoadedObject): T {
    try {
      return attach();
    } catch (error) {
      this.#takeBack(loaded);
      throw error;
    }
  }

  /** The old maps must be pinned still: between a refused attachment and the next attempt others may have changed them. */
  #requireSame(): void {
    for (const [name, old] of this.#old) {
      using now = openPinnedMap(this.pathOf(name));
      if (now && objectId(now.fd) === objectId(old.fd)) continue;
      const difference = "another start has replaced it since it was read";
      throw xdpkitError(
        "KERNEL_PIN_LAYOUT",
        { map: name, path: this.pathOf(name), difference },
        { hint: "load again" },
      );
    }
  }

  /** Pins of new maps, those that wait for a rename, and slots. */
  #put(loaded: LoadedObject): void {
    try {
      for (const { fd, definition } of this.#new) {
        const path = this.pathOf(definition.name);
        const at = this.#old.has(definition.name) ? nextPin(path) : path;
        if (this.#pinned.has(at)) continue;
        pin(fd, at);
        this.#pinned.set(at, objectId(fd));
      }
      loaded.fillReused();
    } catch (error) {
      this.#takeBack(loaded);
      throw error;
    }
  }

  /** What another program uses by now stays: its start has found the pin. */
  #takeBack(loaded: LoadedObject): void {
    loaded.restoreReused();
    const own = new Set(loaded.programs.map(({ fd }) => objectId(fd)));
    for (const [path, id] of this.#pinned) {
      using now = openPinnedMap(path);
      if (now && objectId(now.fd) === id && !isUsedBesides(own, id)) rmSync(path);
      this.#pinned.delete(path);
    }
    this.#removeFolder();
  }

  #takeLock(): void {
    this.#lock = lockPins(this.#folder, () => {
      this.#hasMadeFolder = makePinFolder(this.#folder) || this.#hasMadeFolder;
    });
  }

  #unlock(): void {
    this.#lock?.[Symbol.dispose]();
    this.#lock = undefined;
  }

  /** One that was made for pins that there are not. */
  #removeFolder(): void {
    if (!this.#hasMadeFolder) return;
    try {
      rmdirSync(this.#folder);
      this.#hasMadeFolder = false;
    } catch {
      // Someone has put something there: it is theirs now.
    }
  }

  #release(): void {
    for (const map of this.#old.values()) map[Symbol.dispose]();
    this.#old.clear();
    this.#loaded?.keepReused();
  }

  [Symbol.dispose](): void {
    this.#release();
    if (this.#lock && this.#pinned.size === 0) this.#removeFolder();
    this.#unlock();
    this.#isDone = true;
  }
}
