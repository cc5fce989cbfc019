/** What a program gets: the packet and where it came from (`struct xdp_md`). */
import type { Schema, StructSchema } from "../schema/index.ts";
import type { Place } from "./place.ts";

declare const kind: unique symbol;

/** The packet that a program is given: `struct xdp_md`. */
export interface XdpContext {
  readonly [kind]: "xdp_md";
  /** Bytes of the linear part: `data_end - data`. */
  readonly length: number;
  /** Bytes of all fragments together (`bpf_xdp_get_buff_len`, kernel 5.18). */
  readonly totalLength: number;
  /** Index of the interface that the packet arrived on. */
  readonly ingressInterface: number;
  /** Number of the receive queue, from 0. */
  readonly rxQueue: number;

  /** The place at `offset`, or null when the packet ends before it. `offset` must be provably below 65536. */
  header<T>(schema: Schema<T>, offset: number): Place<T> | null;
  /** A position that advances as headers are taken. It exists at compile time: an offset, nothing else. */
  cursor(offset?: number): Cursor;

  /** Puts `schema` before the packet and returns its place at offset 0, uninitialised; null when there is no headroom. */
  prepend<T>(schema: StructSchema<T>): T | null;
  /** Replaces the first `removed` bytes by `schema`, with one adjustment; the place is uninitialised. */
  replaceHead<T>(removed: number, schema: StructSchema<T>): T | null;
  /** Removes `count` bytes from the front; false when the packet is too short. */
  removeHead(count: number): boolean;
  /** Sets the length of the packet: trims padding, or grows into the tailroom. */
  setLength(length: number): boolean;

  /** `bpf_xdp_adjust_head`: negative grows. True on success. Kills every place of the packet. */
  adjustHead(delta: number): boolean;
  /** `bpf_xdp_adjust_tail`: positive grows (kernel 5.8). True on success. Kills every place of the packet. */
  adjustTail(delta: number): boolean;
  /** `bpf_xdp_adjust_meta`: negative grows. True on success. Kills every place of the packet. */
  adjustMeta(delta: number): boolean;
  /** The metadata in front of the packet, when there is enough of it. */
  metadata<T>(schema: StructSchema<T>): T | null;
  /** Makes room for metadata and returns its place, uninitialised. */
  prependMetadata<T>(schema: StructSchema<T>): T | null;

  /** Copies bytes out of a packet that may have fragments (kernel 5.18). */
  loadBytes(offset: number, into: object): boolean;
  /**
   * Writes an object's bytes into the packet at an offset in bytes (`bpf_xdp_store_bytes`), also into fragments;
   * false beyond its end.
   */
  storeBytes(offset: number, from: object): boolean;

  /** Hardware hints (kfuncs, kernel 6.3). Null when the driver has none, or the program is not `deviceBound`. */
  rxTimestamp(): bigint | null;
  /** Null where the driver has none (`bpf_xdp_metadata_rx_hash`, since Linux 6.3). */
  rxHash(): RxHash | null;
  /** Kernel 6.8. */
  rxVlanTag(): RxVlanTag | null;
}

/** Of programs that run when a packet leaves by an element of a device map. */
export interface DevMapContext extends XdpContext {
  /** Index of the interface that the packet leaves by. */
  readonly egressInterface: number;
}

/** A place in the packet that moves behind the headers that were read. */
export interface Cursor {
  /** Bytes from the start of the packet. */
  readonly offset: number;
  /** The place here, or null; advances by its size when it is there. */
  take<T>(schema: Schema<T>): Place<T> | null;
  /** The place here plus `ahead` bytes, without advancing. */
  peek<T>(schema: Schema<T>, ahead?: number): Place<T> | null;
  /** Moves on by so many bytes; a constant, or a number that the compiler can bound. */
  skip(bytes: number): void;
}

/** What the network card computed over the packet. */
export interface RxHash {
  /** 32 bits. */
  readonly hash: number;
  /** `enum xdp_rss_hash_type`. */
  readonly type: number;
}

/** The VLAN tag that the network card took off. */
export interface RxVlanTag {
  /** In host order: 0x8100 or 0x88a8. */
  readonly protocol: number;
  /** The whole TCI. */
  readonly tag: number;
}
