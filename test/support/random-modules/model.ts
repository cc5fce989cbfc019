/**
 * What the generator of modules knows about the text that it writes: values with their ranges, structs with their fields,
 * and what is in scope.
 *
 * Invariant: a range is never tighter than plain interval arithmetic gives, so a compiler that does no more than that can
 * prove what we relied on.
 */
import type { Random } from "../random.ts";

/** A number with the range of its values. */
export interface NumberText {
  readonly text: string;
  readonly min: number;
  readonly max: number;
  /** tsc knows it as a literal type (`5`, `c ? 1 : 2`): comparing two of them for equality is an error there. */
  readonly literal?: boolean;
}

/** An unsigned bigint; `clean` when it is not a difference, which the language does not let us compare. */
export interface BigText {
  readonly text: string;
  readonly clean: boolean;
}

export type AddressKind = "mac" | "ipv4" | "ipv6";

export type FieldType =
  | {
      readonly kind: "number";
      readonly schema: string;
      readonly min: number;
      readonly max: number;
      readonly isAtomic: boolean;
    }
  | { readonly kind: "big"; readonly schema: string; readonly signed: boolean; readonly isAtomic: boolean }
  | { readonly kind: "bool"; readonly schema: string }
  | { readonly kind: "address"; readonly schema: string; readonly family: AddressKind }
  | { readonly kind: "array"; readonly schema: string; readonly element: NumberType; readonly length: number }
  | { readonly kind: "struct"; readonly schema: string; readonly struct: StructModel };
export type NumberType = Extract<FieldType, { kind: "number" }>;

export interface FieldModel {
  readonly name: string;
  readonly type: FieldType;
}

export interface StructModel {
  readonly name: string;
  readonly fields: readonly FieldModel[];
  /** Bytes, padding included, or a little more. */
  readonly size: number;
  /** Getters that give a number. */
  readonly getters: readonly { readonly name: string; readonly min: number; readonly max: number }[];
}

/** Where a place lies: `shared` and `perCpu` are values of maps. */
export type Home = "packet" | "stack" | "shared" | "perCpu";

export interface PlaceName {
  readonly name: string;
  readonly struct: StructModel;
  readonly home: Home;
  /** The map that it came from. */
  readonly map?: string;
  readonly loopDepth: number;
  /** It may not be used any more: overwritten as a whole, or its map or packet was changed. */
  dead: boolean;
}

export interface NumberVariable extends NumberText {
  /** What may be assigned; absent for a constant. Variables of the range of a cast only. */
  readonly cast?: string;
  /** Its range takes more than the loop's head to see: not used as an index. */
  readonly isLoose?: boolean;
}
export interface BigVariable extends BigText {
  readonly isMutable: boolean;
}
export interface BoolVariable {
  readonly text: string;
  readonly isMutable: boolean;
}

/** Names by kind, and the enclosing scope. */
export class Scope {
  readonly outer: Scope | undefined;
  readonly loopDepth: number;
  readonly numbers: NumberVariable[] = [];
  readonly bigs: BigVariable[] = [];
  readonly signeds: BoolVariable[] = [];
  readonly bools: BoolVariable[] = [];
  readonly addresses: { readonly text: string; readonly family: AddressKind }[] = [];
  readonly places: PlaceName[] = [];

  constructor(outer?: Scope, loopDepth = outer?.loopDepth ?? 0) {
    this.outer = outer;
    this.loopDepth = loopDepth;
  }

  /** What is visible, innermost last. */
  all<K extends "numbers" | "bigs" | "signeds" | "bools" | "addresses" | "places">(kind: K): Scope[K] {
    const outer = this.outer?.all(kind) ?? [];
    return [...outer, ...this[kind]] as Scope[K];
  }

  livePlaces(): PlaceName[] {
    return this.all("places").filter(({ dead }) => !dead);
  }
}

export const U32 = 0xffffffff;
/** Half of what JavaScript holds exactly: no sum or product comes near 2^53. */
export const LIMIT = 2 ** 52;

/** The casts and what they give. */
export const CASTS: Readonly<Record<string, readonly [min: number, max: number]>> = {
  u8: [0, 0xff],
  u16: [0, 0xffff],
  u32: [0, U32],
  i8: [-0x80, 0x7f],
  i16: [-0x8000, 0x7fff],
  i32: [-0x80000000, 0x7fffffff],
};

const number = (schema: string, min: number, max: number, isAtomic = false): NumberType => ({
  kind: "number",
  schema,
  min,
  max,
  isAtomic,
});

export const bitsType = (width: number): NumberType => number(`bits(${width})`, 0, 2 ** width - 1);

/** The types of number fields by their schema. */
export const NUMBER_TYPES: readonly NumberType[] = [
  number("u8", 0, 0xff),
  number("u16", 0, 0xffff),
  number("u32", 0, U32, true),
  number("i8", -0x80, 0x7f),
  number("i16", -0x8000, 0x7fff),
  number("i32", -0x80000000, 0x7fffffff, true),
  number("be16", 0, 0xffff),
  number("be32", 0, U32),
];
export const BIG_TYPES: readonly FieldType[] = [
  { kind: "big", schema: "u64", signed: false, isAtomic: true },
  { kind: "big", schema: "i64", signed: true, isAtomic: true },
  { kind: "big", schema: "be64", signed: false, isAtomic: false },
];
export const BOOL: FieldType = { kind: "bool", schema: "bool" };
export const FLAG: FieldType = { kind: "bool", schema: "flag" };
export const ADDRESS_TYPES: readonly Extract<FieldType, { kind: "address" }>[] = [
  { kind: "address", schema: "mac", family: "mac" },
  { kind: "address", schema: "ipv4Address", family: "ipv4" },
  { kind: "address", schema: "ipv6Address", family: "ipv6" },
];

const [u8, , , , , , be16, be32] = NUMBER_TYPES as readonly NumberType[];
const [mac, ipv4, ipv6] = ADDRESS_TYPES;

function header(
  name: string,
  size: number,
  fields: Readonly<Record<string, FieldType>>,
  getters: StructModel["getters"] = [],
) {
  return { name, size, getters, fields: Object.entries(fields).map(([field, type]) => ({ name: field, type })) };
}

/** Headers of xdpkit/packet; the fields that programs use. */
export const ETHERNET: StructModel = header("Ethernet", 14, { destination: mac!, source: mac!, etherType: be16! });
export const HEADERS: readonly StructModel[] = [
  ETHERNET,
  header(
    "Ipv4",
    20,
    {
      version: bitsType(4),
      ihl: bitsType(4),
      dscp: bitsType(6),
      ecn: bitsType(2),
      totalLength: be16!,
      identification: be16!,
      dontFragment: FLAG,
      moreFragments: FLAG,
      fragmentOffset: bitsType(13),
      ttl: u8!,
      protocol: u8!,
      checksum: be16!,
      source: ipv4!,
      destination: ipv4!,
    },
    [{ name: "headerLength", min: 0, max: 60 }],
  ),
  header("Ipv6", 40, {
    version: bitsType(4),
    trafficClass: bitsType(8),
    flowLabel: bitsType(20),
    payloadLength: be16!,
    nextHeader: u8!,
    hopLimit: u8!,
    source: ipv6!,
    destination: ipv6!,
  }),
  header("Udp", 8, { sourcePort: be16!, destinationPort: be16!, length: be16!, checksum: be16! }),
  header("VlanTag", 4, { priority: bitsType(3), dropEligible: FLAG, vlan: bitsType(12), etherType: be16! }),
  header("GtpU", 8, {
    version: bitsType(3),
    protocolType: FLAG,
    hasExtension: FLAG,
    messageType: u8!,
    length: be16!,
    teid: be32!,
  }),
];

export interface MapModel {
  readonly name: string;
  readonly type: "HashMap" | "LruHashMap" | "ArrayMap" | "PerCpuArray";
  /** Of a hash map: the type of its keys, a struct or a scalar. */
  readonly key: FieldType | undefined;
  readonly value: StructModel | NumberType;
  readonly maxEntries: number;
}

/** What the helper functions of a module take and give; numbers come and go as u32. */
export type HelperKind = "number" | "nullable" | "record" | "place" | "header";
export interface HelperModel {
  readonly name: string;
  readonly kind: HelperKind;
  readonly parameters: number;
  readonly struct?: StructModel;
}

/** All declarations of a module. */
export interface ModuleModel {
  readonly structs: StructModel[];
  readonly maps: MapModel[];
  readonly helpers: HelperModel[];
  /** Staged constants of type number, bigint and of addresses. */
  readonly numbers: NumberText[];
  readonly bigs: BigText[];
  /** Names of bigint constants below zero. */
  readonly signeds: string[];
  readonly addresses: { readonly text: string; readonly family: AddressKind }[];
  readonly globals: { readonly name: string; readonly type: FieldType; readonly isSetting: boolean }[];
  readonly outcomes: readonly string[];
  /** Staged arrays: of records `{ port, weight }`, and of functions from u32 to u32. */
  readonly tables: string[];
  readonly functions: string[];
}

/** One of several makers, each with its weight. */
export function choose<T>(random: Random, rows: readonly (readonly [weight: number, make: () => T])[]): T {
  const total = rows.reduce((sum, [weight]) => sum + weight, 0);
  let at = random.between(0, total - 1);
  for (const [weight, make] of rows) if ((at -= weight) < 0) return make();
  return rows[0]![1]();
}
