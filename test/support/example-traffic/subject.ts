/** What the traffic of one example consists of. */
import type { Random } from "../random.ts";
import { join, le32, mac, v4, v6 } from "./frames.ts";

/** Bytes as the map has them; of device and CPU maps the number alone, widened to the value's size where it is set. */
export interface MapEntry {
  readonly map: string;
  readonly key: Uint8Array;
  readonly value: Uint8Array | { readonly interface: number } | { readonly queueSize: number };
}

export interface Subject {
  readonly name: string;
  /** Well-formed packets of the kind that the example exists for. */
  readonly typical: readonly Uint8Array[];
  /** A packet that reaches one of its branches, not yet damaged. */
  readonly make: (random: Random) => Uint8Array;
  /** `egress`: the interface that routes and adjacencies lead to. */
  readonly state: (egress: number) => readonly MapEntry[];
}

export const entry = (map: string, key: Uint8Array, value: MapEntry["value"]): MapEntry => ({ map, key, value });
export const port = (egress: number): MapEntry => entry("ports", le32(egress), { interface: egress });

/** Adjacency 1: good; 2: an MTU of 100; 3: an interface that is not in `ports`. */
export const adjacencies = (egress: number): MapEntry[] =>
  [
    [1, egress, 1500],
    [2, egress, 100],
    [3, 9999, 1500],
  ].map(([id, index, mtu]) =>
    entry("adjacencies", le32(id!), join(le32(index!), le32(mtu!), mac("02:00:00:00:01:01"), mac("02:00:00:00:01:02"))),
  );

/** Keys of LPM tries. */
export const prefix4 = (address: string, length: number): Uint8Array => join(le32(length), v4(address));
export const prefix6 = (address: string, length: number): Uint8Array => join(le32(length), v6(address));
