/** The last dropped packets that the program showed, numbered as they came. */
import type { EventSource } from "xdpkit";
import { DROPPED, type Dropped, type Sample } from "../program/outcomes.xdp.ts";

export interface DroppedPacket {
  /** 1, 2, …: gaps are packets that are not kept any more. */
  readonly number: number;
  /** Nanoseconds since 1970. */
  readonly time: bigint;
  readonly interfaceIndex: number;
  readonly reason: Dropped;
  /** Of the frame as it arrived, bytes. */
  readonly length: number;
  /** Its first bytes, tags included. */
  readonly packet: Uint8Array;
}

export type ShownPacket = Sample & { readonly packet?: Uint8Array };

/** Packets that are kept. */
const MOST = 1000;
const STATIONS_BYTES = 12;

/** Tags stand behind the addresses. */
function withTags(packet: Uint8Array, tags: readonly number[]): Uint8Array {
  const present = tags.filter((tag) => tag !== 0);
  const bytes = new Uint8Array(packet.length + 4 * present.length);
  bytes.set(packet.subarray(0, STATIONS_BYTES));
  const view = new DataView(bytes.buffer);
  for (const [index, tag] of present.entries()) view.setUint32(STATIONS_BYTES + 4 * index, tag);
  bytes.set(packet.subarray(STATIONS_BYTES), STATIONS_BYTES + 4 * present.length);
  return bytes;
}

/** Of a time since boot, as CLOCK_MONOTONIC has it. */
const wallClock = (sinceBoot: bigint): bigint =>
  BigInt(Date.now()) * 1_000_000n - (process.hrtime.bigint() - sinceBoot);

export class DropLog {
  #kept: DroppedPacket[] = [];
  #count = 0;
  #stop: (() => void) | undefined;

  /** From now on it listens to this one only. */
  listen(source: EventSource<ShownPacket>): void {
    const stop = source.on((sample) => this.#add(sample));
    this.#stop?.();
    this.#stop = stop;
  }

  /** Those behind a number, the oldest first. */
  since(number: number): readonly DroppedPacket[] {
    return this.#kept.filter((one) => one.number > number);
  }

  close(): void {
    this.#stop?.();
    this.#stop = undefined;
  }

  #add({ time, interfaceIndex, reason, length, shown, outer, inner, packet = new Uint8Array() }: ShownPacket): void {
    const tags = [outer, inner];
    this.#kept.push({
      number: ++this.#count,
      time: wallClock(time),
      interfaceIndex,
      reason: DROPPED[reason]!,
      length: length + 4 * tags.filter((tag) => tag !== 0).length,
      packet: withTags(packet.subarray(0, shown), tags),
    });
    if (this.#kept.length > 2 * MOST) this.#kept = this.#kept.slice(-MOST);
  }
}
