// xdpkit types ../objects/types.o -o types.types.ts: change the object and run it again, not this file.
import { readFileSync } from "node:fs";
import { Foreign, type ForeignMap, type ForeignVariable, type Given } from "xdpkit";
import { type BpfObject, readElf, setVariables } from "xdpkit/object";

/** `struct key`, 8 bytes. */
export interface Key {
  /** `__u32` */
  address: number;
  /** `__u16` */
  port: number;
  /** `__u8` */
  protocol: number;
  /** `__u8` */
  pad: number;
}

/** `enum small`, 4 bytes: SMALL_A 0, SMALL_B 5, SMALL_C -1; a number where none of them fits. */
export type Small = "SMALL_A" | "SMALL_B" | "SMALL_C" | number;

/** `enum wide`, 8 bytes: WIDE_A 1099511627776, WIDE_B 3; a bigint where none of them fits. */
export type Wide = "WIDE_A" | "WIDE_B" | bigint;

/** `union either`, 4 bytes; all members are the same bytes. */
export interface Either {
  /** `__u32` */
  number: number;
  /** `__u8[4]` */
  bytes: number[];
  /** `__u16` */
  low: number;
  /** `__u16` */
  high: number;
}

/** `struct bits`, 16 bytes. */
export interface Bits {
  /** `unsigned int : 3` */
  a: number;
  /** `unsigned int : 13` */
  b: number;
  /** `int : 5` */
  c: number;
  /** `unsigned long long : 40` */
  d: bigint;
  /** `_Bool : 1` */
  e: boolean;
  /** `enum small : 8` */
  f: Small;
}

/** `point_t`, 8 bytes. */
export interface PointT {
  /** `int` */
  x: number;
  /** `int` */
  y: number;
}

/** `struct value`, 80 bytes. */
export interface Value {
  /** `counter_t` */
  packets: bigint;
  /** `enum small` */
  state: Small;
  /** `enum wide` */
  mode: Wide;
  /** `union either` */
  either: Either;
  /** `char[8]` */
  name: string | number[];
  /** `__u8[4]` */
  raw: number[];
  /** `struct bits` */
  bits: Bits;
  /** `point_t[2]` */
  points: PointT[];
  /** `_Bool` */
  flag: boolean;
  /** `__s16` */
  delta: number;
}

/** `enum`, 4 bytes: LATE_A 9; a number where none of them fits. */
export type Late = "LATE_A" | number;

/** Variables by their names in C. */
export interface Variables {
  /** .bss, 4 bytes. */
  late: Late;
  /** .bss, 8 bytes. */
  all: bigint;
  /** .bss, 8 bytes. */
  root: bigint;
  /** .bss, 8 bytes. */
  callback: bigint;
}

/** Programs, for what takes one by its name. */
export const programs = {
  /** `SEC("xdp")` */
  touch: "touch",
} as const;
export type ProgramName = keyof typeof programs;

/** HASH, max_entries 8, key 8 bytes, value 80 bytes. */
export const values = new Foreign<ForeignMap<Key, Value>>("values");

/** .bss, 4 bytes. */
export const late = new Foreign<ForeignVariable<Late>>("late");

/** .bss, 8 bytes. */
export const all = new Foreign<ForeignVariable<bigint>>("all");

/** .bss, 8 bytes. */
export const root = new Foreign<ForeignVariable<bigint>>("root");

/** .bss, 8 bytes. */
export const callback = new Foreign<ForeignVariable<bigint>>("callback");

/** The object; `variables` have other first values. */
export function object(variables: Given<Variables> = {}): BpfObject {
  const file = new URL("../objects/types.o", import.meta.url);
  const elf = readElf(readFileSync(file), { name: "types.o" });
  return setVariables(elf, variables);
}
