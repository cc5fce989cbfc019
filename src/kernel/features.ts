/**
 * What the running kernel can do, found by trying: distributions carry features back, so versions tell little.
 *
 * Every probe makes something small and lets go of it at once; nothing is attached. Answers are kept.
 */
import { XdpkitError } from "../base/index.ts";
import { encode, parse } from "../isa/index.ts";
import type { BpfMap } from "../object/index.ts";
import { errno, helperByName, MapFlag, MapType, type MapTypeName, ProgramType } from "../uapi/index.ts";
import { kernelFunctionId } from "./kernel-btf.ts";
import { tryCreateMap } from "./maps.ts";
import { FLAG_FRAGMENTS, loadProgram } from "./programs.ts";
import { attributes, BpfCommand, closeFd, tryBpf } from "./syscall.ts";

/** Something that not every kernel has. */
export interface Feature {
  /** The kernel that brought it. */
  readonly since: string;
  /** What cannot be done without it. */
  readonly what: string;
  /** Asks the running kernel. */
  readonly probe: () => boolean;
}

/** Sizes of maps that differ from a key and a value of 4 bytes and one entry. */
const SHAPES: Partial<Record<MapTypeName, Partial<BpfMap>>> = {
  LPM_TRIE: { keySize: 8, flags: MapFlag.NO_PREALLOC },
  QUEUE: { keySize: 0 },
  STACK: { keySize: 0 },
  BLOOM_FILTER: { keySize: 0 },
  RINGBUF: { keySize: 0, valueSize: 0, maxEntries: 1 << 16 },
  USER_RINGBUF: { keySize: 0, valueSize: 0, maxEntries: 1 << 16 },
  ARENA: { keySize: 0, valueSize: 0, flags: MapFlag.MMAPABLE },
};
const OF_MAPS: readonly MapTypeName[] = ["ARRAY_OF_MAPS", "HASH_OF_MAPS"];

/** Map types that XDP programs use. */
export const XDP_MAP_TYPES = [
  "HASH",
  "ARRAY",
  "PROG_ARRAY",
  "PERF_EVENT_ARRAY",
  "PERCPU_HASH",
  "PERCPU_ARRAY",
  "LRU_HASH",
  "LRU_PERCPU_HASH",
  "LPM_TRIE",
  "ARRAY_OF_MAPS",
  "HASH_OF_MAPS",
  "DEVMAP",
  "CPUMAP",
  "XSKMAP",
  "QUEUE",
  "STACK",
  "DEVMAP_HASH",
  "RINGBUF",
  "BLOOM_FILTER",
  "USER_RINGBUF",
  "ARENA",
] as const satisfies readonly MapTypeName[];

const SMALL = { keySize: 4, valueSize: 4, maxEntries: 1, flags: 0, style: "btf", pinByName: false } as const;

function createsMap(type: MapTypeName, shape: Partial<BpfMap> = {}, inner = 0): boolean {
  const fd = tryCreateMap({ ...SMALL, name: "probe", type: MapType[type], ...SHAPES[type], ...shape }, inner);
  if (fd < 0) return false;
  closeFd(fd);
  return true;
}

function createsMapOfMaps(type: MapTypeName): boolean {
  const inner = tryCreateMap({ ...SMALL, name: "inner", type: MapType.ARRAY });
  if (inner < 0) return false;
  const made = createsMap(type, {}, inner);
  closeFd(inner);
  return made;
}

/** The verifier's log of a program that was refused; undefined when it was loaded. @throws XdpkitError KERNEL_PERMISSION */
function refusalOf(instructions: Uint8Array, flags = 0): string | undefined {
  try {
    loadProgram({ name: "probe", type: ProgramType.XDP, instructions, license: "GPL", flags })[Symbol.dispose]();
    return undefined;
  } catch (error) {
    if (error instanceof XdpkitError && error.code === "KERNEL_REFUSED") return String(error.cause);
    throw error;
  }
}

const loads = (text: string, flags = 0): boolean => refusalOf(encode(parse(text)), flags) === undefined;

/** Features of the verifier and of XDP, by what they are called in the kernel's documentation. */
export const FEATURES = {
  "large programs": {
    since: "5.2",
    what: "programs of more than 4096 instructions",
    probe: () => loads(`${"r0 = 2\n".repeat(4096)}exit`),
  },
  "bounded loops": {
    since: "5.3",
    what: "loops that are not unrolled",
    probe: () => loads("r0 = 0\nr0 += 1\nif r0 < 0x4 goto -0x2\nexit"),
  },
  "32-bit jumps": {
    since: "5.1",
    what: "instruction set v3",
    probe: () => loads("r0 = 2\nif w0 > 0x4 goto +0x0\nexit"),
  },
  "atomic instructions": {
    since: "5.12",
    what: "atomics that give the old value",
    probe: () => loads("r0 = 0\n*(u64 *)(r10 - 0x8) = r0\nr0 = atomic_fetch_add((u64 *)(r10 - 0x8), r0)\nexit"),
  },
  "signed division": { since: "6.6", what: "instruction set v4", probe: () => loads("r0 = 4\nr0 s/= 0x2\nexit") },
  "program links": {
    since: "5.9",
    what: "attaching by BPF link",
    // BPF_LINK_DETACH came with the links of XDP; an unknown command is EINVAL.
    probe: () => tryBpf(BpfCommand.LinkDetach, attributes().u32(0, 0xffffffff)) === -errno.EBADF,
  },
  fragments: {
    since: "5.18",
    what: "packets larger than a page (xdp.frags)",
    probe: () => loads("r0 = 2\nexit", FLAG_FRAGMENTS),
  },
  "programs in devmaps": {
    since: "5.8",
    what: "a program per entry of a devmap",
    probe: () => createsMap("DEVMAP", { valueSize: 8 }),
  },
  "programs in cpumaps": {
    since: "5.9",
    what: "a program per entry of a cpumap",
    probe: () => createsMap("CPUMAP", { valueSize: 8 }),
  },
  "mappable arrays": {
    since: "5.5",
    what: "global variables that are read without system calls",
    probe: () => createsMap("ARRAY", { flags: MapFlag.MMAPABLE }),
  },
  "metadata functions": {
    since: "6.3",
    what: "the NIC's time stamp, hash and VLAN tag",
    probe: () => hasKernelFunction("bpf_xdp_metadata_rx_timestamp"),
  },
  "dynptr of packets": {
    since: "6.4",
    what: "bpf_dynptr_from_xdp",
    probe: () => hasKernelFunction("bpf_dynptr_from_xdp"),
  },
} as const satisfies Readonly<Record<string, Feature>>;

/** A row of `FEATURES`. */
export type FeatureName = keyof typeof FEATURES;

const answers = new Map<string, boolean>();

function once(key: string, probe: () => boolean): boolean {
  const known = answers.get(key);
  if (known !== undefined) return known;
  const answer = probe();
  answers.set(key, answer);
  return answer;
}

/** Whether the running kernel has it; asked once in a process. @throws XdpkitError KERNEL_UNAVAILABLE */
export function hasFeature(name: FeatureName): boolean {
  return once(`feature ${name}`, FEATURES[name].probe);
}

/** Whether such a map can be made. @throws XdpkitError KERNEL_UNAVAILABLE */
export function hasMapType(type: (typeof XDP_MAP_TYPES)[number]): boolean {
  return once(`map ${type}`, () => (OF_MAPS.includes(type) ? createsMapOfMaps(type) : createsMap(type)));
}

/** Whether an XDP program may call a helper, `bpf_loop`. @throws XdpkitError KERNEL_UNAVAILABLE */
export function hasHelper(name: string): boolean {
  const helper = helperByName(name);
  // The verifier looks for the helper first, and at its arguments afterwards.
  const missing = /unknown func|invalid func|cannot use helper/;
  return helper !== undefined && once(`helper ${name}`, () => !missing.test(refusalOf(call(helper.id)) ?? ""));
}

const call = (id: number): Uint8Array => encode(parse(`call 0x${id.toString(16)}\nr0 = 2\nexit`));

/** Whether the kernel's BTF has such a function; false also where there is no BTF. */
export function hasKernelFunction(name: string): boolean {
  return once(`function ${name}`, () => {
    try {
      return kernelFunctionId(name) !== undefined;
    } catch {
      return false;
    }
  });
}
