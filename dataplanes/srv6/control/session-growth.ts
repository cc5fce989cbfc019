/** The table of sessions of a running data plane grows: how large it is, and what must not be lost when it does. */
import { type Loaded, openPinnedMap, replacePin } from "xdpkit/kernel";
import { CARRIED_AT_ONCE, Carried } from "../program/carry.xdp.ts";
import { Srv6Error } from "./error.ts";
import { REST_MS, type SessionTable } from "./sessions.ts";

/** 2 GiB. */
const MOST_SLOTS = 2 ** 26;

/** Slots of the table that an earlier process left; 0: none. */
export function pinnedSlots(path: string): number {
  const map = openPinnedMap(path);
  map?.[Symbol.dispose]();
  return map?.definition.maxEntries ?? 0;
}

/** Does `work` with so many slots, or with twice as many, until the sessions have a place. @throws Srv6Error SRV6_FULL */
export function withRoom<T>(slots: number, work: (slots: number) => T): T {
  for (let tried = slots; ; tried *= 2) {
    try {
      return work(tried);
    } catch (error) {
      if (!(error instanceof Srv6Error && error.code === "SRV6_FULL") || tried >= MOST_SLOTS) throw error;
    }
  }
}

/** Once no program reads the smaller table: what was counted there is added, and the larger one is what is pinned. */
export function finishGrowth(loaded: Loaded, table: SessionTable, path: string): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, REST_MS);
  const program = loaded.program("srv6_carry");
  const records = [...table.uncounted()].map((one) => new Carried({ ...one, spare: 0 }));
  for (let i = 0; i < records.length; i += CARRIED_AT_ONCE) program.run(bytesOf(records.slice(i, i + CARRIED_AT_ONCE)));
  for (const { definition, fd } of loaded.maps) if (definition.name === "sessions") replacePin(fd, path);
}

function bytesOf(records: readonly Carried[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(records.length * Carried.size));
  for (const [i, { slot, packets, bytes }] of records.entries()) {
    view.setUint32(i * Carried.size, slot, true);
    view.setBigUint64(i * Carried.size + 8, packets, true);
    view.setBigUint64(i * Carried.size + 16, bytes, true);
  }
  return new Uint8Array(view.buffer);
}
