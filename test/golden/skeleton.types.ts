// xdpkit types ../objects/skeleton.o -o skeleton.types.ts --record events=event --record samples=event --record commands=event: change the object and run it again, not this file.
import { readFileSync } from "node:fs";
import {
  type EventSource,
  Foreign,
  type ForeignConstant,
  type ForeignCpuMap,
  type ForeignMap,
  type ForeignMapOfMaps,
  type ForeignPerCpuMap,
  type ForeignProgramArray,
  type ForeignQueue,
  type ForeignSamples,
  type ForeignVariable,
  type Given,
  type UserRingAccess,
} from "xdpkit";
import { type BpfObject, readElf, setVariables } from "xdpkit/object";

/** `enum role`, 4 bytes: CLIENT 0, SERVER 7, OTHER -1; a number where none of them fits. */
export type Role = "CLIENT" | "SERVER" | "OTHER" | number;

/** `struct event`, 16 bytes. */
export interface Event {
  /** `__u64` */
  length: bigint;
  /** `enum role` */
  role: Role;
}

/** `struct`, 8 bytes. */
export interface SessionsKey {
  /** `__u32` */
  tenant: number;
  /** `__u16` */
  number: number;
}

/** `mac_t`, 6 bytes. */
export interface MacT {
  /** `__u8[6]` */
  bytes: number[];
}

/** `struct endpoint`, 8 bytes. */
export interface Endpoint {
  /** `mac_t` */
  mac: MacT;
  /** `__be16` */
  port: number;
}

/** `union`, 16 bytes; all members are the same bytes. */
export interface SessionPeer {
  /** `__be32` */
  v4: number;
  /** `__u8[16]` */
  v6: number[];
}

/** `enum class`, 8 bytes: NARROW 1, WIDE_AS_CAN_BE 1099511627776; a bigint where none of them fits. */
export type Class = "NARROW" | "WIDE_AS_CAN_BE" | bigint;

/** `struct session`, 128 bytes. */
export interface Session {
  /** `struct endpoint[2]` */
  ends: Endpoint[];
  /** `enum role` */
  role: Role;
  /** `__u8[2][3]` */
  grid: number[][];
  /** `__s64` */
  skew: bigint;
  /** `union` */
  peer: SessionPeer;
  /** `__u16 : 14` */
  mtu: number;
  /** `__u16 : 1` */
  open: number;
  /** `enum role : 8` */
  side: Role;
  /** `_Bool` */
  flag: boolean;
  /** `char[8]` */
  label: string | number[];
  /** `char[2][4]` */
  lines: (string | number[])[];
  /** `enum class` */
  class: Class;
  /** `void *` */
  cookie: bigint;
  /** `unsigned __int128` */
  total: bigint;
  /** `signed char` */
  delta: number;
  /** `__u32` */
  word: number;
  /** `__u16` */
  low: number;
  /** `__u16` */
  high: number;
}

/** `struct packed`, 11 bytes. */
export interface Packed {
  /** `__u8` */
  kind: number;
  /** `__u64` */
  count: bigint;
  /** `__u16` */
  rest: number;
}

/** `const volatile struct`, 24 bytes. */
export interface Await {
  /** `__u32` */
  limit: number;
  /** `__u64 : 20` */
  few: number;
  /** `char[12]` */
  name: string | number[];
}

/** Variables by their names in C. */
export interface Variables {
  /** .rodata, 24 bytes. */
  await: Await;
  /** .rodata, 1 byte. */
  step: number;
  /** .data, 4 bytes. */
  last: Role;
  /** .data, 16 bytes. */
  ratios: number[];
  /** .data.tables, 12 bytes. */
  table: number[];
  /** .bss, 8 bytes. */
  seen: bigint;
  /** .bss, 4 bytes. */
  hidden: number;
  /** .bss, 8 bytes. */
  unused: bigint;
}

/** Programs, for what takes one by its name. */
export const programs = {
  /** `SEC("xdp")` */
  count: "count",
  /** `SEC("xdp")` */
  jump_to_the_program_that_is_in_the_table: "jump_to_the_program_that_is_in_the_table",
  /** `SEC("xdp/cpumap")` */
  delete: "delete",
} as const;
export type ProgramName = keyof typeof programs;

/** ARRAY, max_entries 4, key 4 bytes, value 8 bytes. */
export const left = new Foreign<ForeignMap<number, bigint>>("left");

/** ARRAY_OF_MAPS, max_entries 2, key 4 bytes, value 4 bytes. */
export const sides = new Foreign<ForeignMapOfMaps<number, "left" | "right">>("sides");

/** RINGBUF, max_entries 4096, key 0 bytes, value 0 bytes. */
export const events = new Foreign<EventSource<Event>>("events", { record: "event" });

/** RINGBUF, max_entries 4096, key 0 bytes, value 0 bytes. Records are bytes: --record says what they are. */
export const raw = new Foreign<EventSource<Uint8Array>>("raw");

/** PERF_EVENT_ARRAY, max_entries 0, key 4 bytes, value 4 bytes. */
export const samples = new Foreign<ForeignSamples<Event>>("samples", { record: "event" });

/** USER_RINGBUF, max_entries 4096, key 0 bytes, value 0 bytes. */
export const commands = new Foreign<UserRingAccess<Given<Event>>>("commands", { record: "event" });

/** PROG_ARRAY, max_entries 4, key 4 bytes, value 4 bytes. */
export const programs_ = new Foreign<ForeignProgramArray<number, ProgramName>>("programs");

/** HASH, max_entries 16, key 8 bytes, value 128 bytes. */
export const sessions = new Foreign<ForeignMap<SessionsKey, Session>>("sessions");

/** PERCPU_ARRAY, max_entries 2, key 4 bytes, value 11 bytes. */
export const function_ = new Foreign<ForeignPerCpuMap<Role, Packed>>("function");

/** HASH, max_entries 4, key 3 bytes, value 8 bytes. */
export const object_ = new Foreign<ForeignMap<string, bigint>>("object");

/** QUEUE, max_entries 4, key 0 bytes, value 8 bytes. */
export const waiting_endpoints_of_the_sessions_that_have_not_been_seen_yet = new Foreign<ForeignQueue<Endpoint>>(
  "waiting_endpoints_of_the_sessions_that_have_not_been_seen_yet",
);

/** CPUMAP, max_entries 4, key 4 bytes, value 8 bytes. */
export const cpus = new Foreign<ForeignCpuMap<number, ProgramName>>("cpus");

/** ARRAY, max_entries 4, key 4 bytes, value 8 bytes. */
export const right = new Foreign<ForeignMap<number, bigint>>("right");

/** .rodata, 24 bytes. */
export const await_ = new Foreign<ForeignConstant<Await>>("await");

/** .rodata, 1 byte. */
export const step = new Foreign<ForeignConstant<number>>("step");

/** .data, 4 bytes. */
export const last = new Foreign<ForeignVariable<Role>>("last");

/** .data, 16 bytes. */
export const ratios = new Foreign<ForeignVariable<number[]>>("ratios");

/** .data.tables, 12 bytes. */
export const table = new Foreign<ForeignVariable<number[]>>("table");

/** .bss, 8 bytes. */
export const seen = new Foreign<ForeignVariable<bigint>>("seen");

/** .bss, 4 bytes. */
export const hidden = new Foreign<ForeignVariable<number>>("hidden");

/** .bss, 8 bytes. */
export const unused = new Foreign<ForeignVariable<bigint>>("unused");

/** The object; `variables` have other first values. */
export function object(variables: Given<Variables> = {}): BpfObject {
  const file = new URL("../objects/skeleton.o", import.meta.url);
  const elf = readElf(readFileSync(file), { name: "skeleton.o" });
  return setVariables(elf, variables);
}
