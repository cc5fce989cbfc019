// xdpkit types ../../examples/edge/edge.o -o edge.types.ts: change the object and run it again, not this file.
import { readFileSync } from "node:fs";
import { Foreign, type ForeignConstant, type ForeignMap, type ForeignPerCpuMap, type Given } from "xdpkit";
import { type BpfObject, readElf, setVariables } from "xdpkit/object";

/** `enum reason`, 4 bytes: REASON_TRUNCATED 0, REASON_BAD_HEADER 1, REASON_DENIED 2, REASON_FRAGMENT 3, REASON_NOT_IP 4, REASON_CONTROL 5, REASON_PING_ANSWERED 6, REASON_GTP_U 7, REASON_SRV6 8, REASON_OTHER 9, REASONS 10; a number where none of them fits. */
export type Reason =
  | "REASON_TRUNCATED"
  | "REASON_BAD_HEADER"
  | "REASON_DENIED"
  | "REASON_FRAGMENT"
  | "REASON_NOT_IP"
  | "REASON_CONTROL"
  | "REASON_PING_ANSWERED"
  | "REASON_GTP_U"
  | "REASON_SRV6"
  | "REASON_OTHER"
  | "REASONS"
  | number;

/** `struct count`, 16 bytes. */
export interface Count {
  /** `__u64` */
  packets: bigint;
  /** `__u64` */
  bytes: bigint;
}

/** `struct prefix`, 8 bytes. */
export interface Prefix {
  /** `__u32` */
  length: number;
  /** `__u8[4]` */
  address: number[];
}

/** Variables by their names in C. */
export interface Variables {
  /** .rodata, 4 bytes. */
  gtp_port: number;
  /** .rodata, 4 bytes. */
  srv6_port: number;
}

/** Programs, for what takes one by its name. */
export const programs = {
  /** `SEC("xdp")` */
  edge: "edge",
} as const;
export type ProgramName = keyof typeof programs;

/** PERCPU_HASH, max_entries 10, key 4 bytes, value 16 bytes. */
export const reasons = new Foreign<ForeignPerCpuMap<Reason, Count>>("reasons");

/** LPM_TRIE, max_entries 1024, key 8 bytes, value 8 bytes. */
export const denied = new Foreign<ForeignMap<Prefix, bigint>>("denied");

/** .rodata, 4 bytes. */
export const gtp_port = new Foreign<ForeignConstant<number>>("gtp_port");

/** .rodata, 4 bytes. */
export const srv6_port = new Foreign<ForeignConstant<number>>("srv6_port");

/** The object; `variables` have other first values. */
export function object(variables: Given<Variables> = {}): BpfObject {
  const file = new URL("../../examples/edge/edge.o", import.meta.url);
  const elf = readElf(readFileSync(file), { name: "edge.o" });
  return setVariables(elf, variables);
}
