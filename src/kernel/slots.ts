/**
 * Slots that an object sets in maps of programs and maps of maps; in a map that was there already what they held can be put
 * back.
 */
import { u32Bytes, xdpkitError } from "../base/index.ts";
import type { BpfMap } from "../object/index.ts";
import { errnoName, MapType } from "../uapi/index.ts";
import type { KernelMap } from "./maps.ts";
import { mayOpenByIds, openById } from "./object-info.ts";
import { closeFd } from "./syscall.ts";

/** Descriptors of programs and maps by their names in the object. */
export type FindTarget = (kind: "program" | "map", name: string) => number;

const kindOf = ({ type }: BpfMap): "program" | "map" => (type === MapType.PROG_ARRAY ? "program" : "map");

/** @throws XdpkitError KERNEL_CALL; what finding a target throws */
export function fillSlots(map: KernelMap, find: FindTarget): void {
  const { slots = [], name } = map.definition;
  for (const { index, target } of slots) {
    const result = map.trySet(u32Bytes(index), u32Bytes(find(kindOf(map.definition), target)));
    if (result < 0)
      throw xdpkitError("KERNEL_CALL", { call: `setting slot ${index} of ${name}`, errno: errnoName(result) });
  }
}

/** What the object's slots hold now. Invariant: descriptors keep it alive until it is put back or given up. */
export class SlotContents implements Disposable {
  readonly #map: KernelMap;
  /** Undefined for an empty slot. */
  readonly #held = new Map<number, number | undefined>();

  constructor(map: KernelMap) {
    this.#map = map;
    for (const { index } of map.definition.slots ?? []) {
      const held = this.#hold(index);
      if (held !== "unknown") this.#held.set(index, held);
    }
  }

  /** User space reads an id, which only an administrator may open (CAP_SYS_ADMIN): without that the new content stays. */
  #hold(index: number): number | undefined | "unknown" {
    const id = this.#map.get(u32Bytes(index));
    if (!id) return undefined;
    if (!mayOpenByIds()) return "unknown";
    return openById(kindOf(this.#map.definition), new DataView(id.buffer, id.byteOffset).getUint32(0, true));
  }

  restore(): void {
    for (const [index, fd] of this.#held) {
      if (fd === undefined) this.#map.tryDelete(u32Bytes(index));
      else this.#map.trySet(u32Bytes(index), u32Bytes(fd));
    }
  }

  [Symbol.dispose](): void {
    for (const fd of this.#held.values()) if (fd !== undefined) closeFd(fd);
    this.#held.clear();
  }
}
