/** The table of map rules beside bpf(2): each type with fields on either side of each boundary, and fields in values. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { XdpkitError } from "../../src/base/index.ts";
import type { Btf, BtfType } from "../../src/btf/index.ts";
import { type LoadedBtf, loadBtf } from "../../src/kernel/btf.ts";
import { createKernelMap } from "../../src/kernel/create-map.ts";
import { KernelMap, tryCreateMap } from "../../src/kernel/index.ts";
import { closeFd } from "../../src/kernel/syscall.ts";
import type { BpfMap } from "../../src/object/index.ts";
import {
  errnoName,
  type MapFieldName,
  MapFlag,
  MapType,
  type MapTypeName,
  refusedFields,
  refusedMap,
  ringBufferSize,
} from "../../src/uapi/index.ts";
import { suite } from "../support/require.ts";

/** A shape that each type takes. */
const GOOD: Readonly<Record<string, readonly [key: number, value: number, entries: number, flags?: number]>> = {
  HASH: [4, 8, 4],
  PERCPU_HASH: [4, 8, 4],
  LRU_HASH: [4, 8, 4],
  LRU_PERCPU_HASH: [4, 8, 4],
  ARRAY: [4, 8, 4],
  PERCPU_ARRAY: [4, 8, 4],
  PROG_ARRAY: [4, 4, 4],
  PERF_EVENT_ARRAY: [4, 4, 4],
  LPM_TRIE: [8, 8, 4, MapFlag.NO_PREALLOC],
  ARRAY_OF_MAPS: [4, 4, 4],
  HASH_OF_MAPS: [4, 4, 4],
  DEVMAP: [4, 8, 4],
  DEVMAP_HASH: [4, 8, 4],
  CPUMAP: [4, 8, 4],
  XSKMAP: [4, 4, 4],
  QUEUE: [0, 8, 4],
  STACK: [0, 8, 4],
  RINGBUF: [0, 0, 4096],
  USER_RINGBUF: [0, 0, 4096],
  BLOOM_FILTER: [0, 8, 4],
};
const TYPES = Object.keys(GOOD) as MapTypeName[];

function goodMap(type: MapTypeName, more: Partial<BpfMap> = {}): BpfMap {
  const [keySize, valueSize, maxEntries, flags = 0] = GOOD[type]!;
  return {
    name: "table",
    style: "btf",
    type: MapType[type],
    keySize,
    valueSize,
    maxEntries,
    flags,
    pinByName: false,
    ...more,
  };
}

const BITS = Object.values(MapFlag);
const KEYS = [0, 1, 2, 3, 4, 5, 8, 260, 261, 4096];
const VALUES = [0, 1, 3, 4, 8, 9, 16, 32768, 32769];
const ENTRIES = [0, 1, 3, 100, 4095, 4096, 4097, 8192, 12288];

function changes(type: MapTypeName): Partial<BpfMap>[] {
  const flags = GOOD[type]![3] ?? 0;
  const pairs = BITS.flatMap((a) => BITS.map((b) => a | b));
  return [
    {},
    ...[...BITS, ...pairs, 1 << 20, flags === 0 ? 0 : -1].map((bits) => ({ flags: bits < 0 ? 0 : flags | bits })),
    ...KEYS.map((keySize) => ({ keySize })),
    ...VALUES.map((valueSize) => ({ valueSize })),
    ...ENTRIES.map((maxEntries) => ({ maxEntries })),
    ...[0n, 1n, 15n, 16n].map((extra) => ({ extra })),
  ];
}

/** Flags of which the answer depends on more than the shape: the stack's own, CLONE of local storage, nodes of memory. */
const isComparable = ({ type, maxEntries }: BpfMap): boolean => type !== MapType.CPUMAP || maxEntries <= 64;

const VOID: BtfType = { kind: "void" } as BtfType;
const INT: BtfType = {
  kind: "int",
  name: "unsigned int",
  size: 4,
  bits: 32,
  bitOffset: 0,
  signed: false,
  char: false,
  bool: false,
};
const member = (name: string, type: number, bytes: number) => ({ name, type, bitOffset: 8 * bytes, bitSize: 0 });
const struct = (name: string, size: number, members: readonly ReturnType<typeof member>[]): BtfType => ({
  kind: "struct",
  name,
  size,
  bitfields: false,
  members,
});
/** Ids: 1 u32, 2 u64, 3 the lock, 4 u64[2], 5 the timer, 6 a key of a trie, 7 nothing, 8 a lock, 9 none, 10 nested, 11 a timer, 12 both. */
const BTF: Btf = {
  types: [
    VOID,
    INT,
    { ...INT, name: "unsigned long", size: 8, bits: 64 } as BtfType,
    struct("bpf_spin_lock", 4, [member("val", 1, 0)]),
    { kind: "array", element: 2, index: 1, length: 2 } as BtfType,
    struct("bpf_timer", 16, [member("__opaque", 4, 0)]),
    struct("prefix", 8, [member("length", 1, 0), member("data", 1, 4)]),
    struct("plain", 8, [member("a", 1, 0), member("b", 1, 4)]),
    struct("locked", 8, [member("lock", 3, 0), member("n", 1, 4)]),
    struct("unlocked", 8, [member("a", 1, 0), member("b", 1, 4)]),
    struct("nested", 16, [member("inner", 8, 0), member("n", 2, 8)]),
    struct("timed", 24, [member("timer", 5, 0), member("n", 2, 16)]),
    struct("timed_locked", 24, [member("timer", 5, 0), member("lock", 3, 16), member("n", 1, 20)]),
  ],
};
const VALUES_WITH_FIELDS: readonly (readonly [type: number, size: number, fields: readonly MapFieldName[]])[] = [
  [7, 8, []],
  [8, 8, ["bpf_spin_lock"]],
  [10, 16, ["bpf_spin_lock"]],
  [11, 24, ["bpf_timer"]],
  [12, 24, ["bpf_timer", "bpf_spin_lock"]],
];

suite("rules of map types", ["bpf"], () => {
  let btf: LoadedBtf;
  let inner: number;
  beforeAll(() => {
    const loaded = loadBtf(BTF, []);
    if (loaded instanceof XdpkitError) throw loaded;
    btf = loaded;
    inner = tryCreateMap(goodMap("ARRAY"));
  });
  afterAll(() => {
    btf?.[Symbol.dispose]();
    closeFd(inner);
  });

  const answerOf = (map: BpfMap, types?: { fd: number; key: number; value: number }): string => {
    const isOfMaps = map.type === MapType.ARRAY_OF_MAPS || map.type === MapType.HASH_OF_MAPS;
    const fd = tryCreateMap(map, isOfMaps ? inner : 0, types);
    if (fd >= 0) new KernelMap(fd, map, 1)[Symbol.dispose]();
    return fd >= 0 ? "taken" : errnoName(fd);
  };

  it.each(TYPES)("%s is taken and refused as the table says", (type) => {
    const maps = changes(type)
      .map((more) => goodMap(type, more))
      .filter(isComparable);
    const show = (map: BpfMap, answer: string): string =>
      `key ${map.keySize} value ${map.valueSize} entries ${map.maxEntries} flags ${map.flags} extra ${map.extra}: ${answer}`;
    const expected = maps.map((map) => show(map, answerOf(map)));
    const found = maps.map((map) => {
      const refused = refusedMap(map, { memory: 2 ** 40 });
      return show(map, refused ? errnoName(-refused.errno) : "taken");
    });
    expect(found).toEqual(expected);
    expect(new Set(expected.map((one) => one.split(": ")[1])).size).toBeGreaterThan(1);
  });

  it.each(["HASH", "LRU_HASH", "PERCPU_HASH", "LRU_PERCPU_HASH", "ARRAY", "PERCPU_ARRAY", "LPM_TRIE"] as const)(
    "%s takes the fields in its values that the table says",
    (type) => {
      const answers = VALUES_WITH_FIELDS.flatMap(([value, valueSize, fields]) =>
        [0, MapFlag.RDONLY_PROG].map((flags) => {
          const map = goodMap(type, { valueSize, flags: flags | (GOOD[type]![3] ?? 0) });
          const key = type === "LPM_TRIE" ? 6 : 1;
          const what = `${fields.join(" and ")} flags ${flags}`;
          const refused = refusedMap(map, { memory: 2 ** 40 }) ?? refusedFields(map, fields);
          const answer = answerOf(map, { fd: btf.fd, key, value });
          return [`${what}: ${answer}`, `${what}: ${refused ? errnoName(-refused.errno) : "taken"}`] as const;
        }),
      );
      expect(answers.map(([, table]) => table)).toEqual(answers.map(([kernel]) => kernel));
    },
  );

  const sentenceOf = (map: BpfMap): string => {
    try {
      createKernelMap(map, { cpus: 1, btf: BTF, btfFd: btf.fd })[Symbol.dispose]();
      return "taken";
    } catch (error) {
      return `${(error as XdpkitError).code}: ${(error as XdpkitError).problem}`;
    }
  };

  it.each([
    [goodMap("HASH", { maxEntries: 0 }), "max_entries", "is 0; a map has at least one entry", "EINVAL"],
    [goodMap("ARRAY", { keySize: 8 }), "key_size", "is 8; it has to be 4", "EINVAL"],
    [goodMap("LPM_TRIE", { flags: 0 }), "map_flags", "lack BPF_F_NO_PREALLOC, which an LPM_TRIE needs", "EINVAL"],
    [goodMap("LPM_TRIE", { keySize: 4 }), "key_size", "is 4: 4 bytes of prefix length and 1 to 256 of data", "EINVAL"],
    [
      goodMap("LRU_HASH", { flags: 1 }),
      "map_flags",
      "have BPF_F_NO_PREALLOC: an LRU map is always preallocated",
      "ENOTSUPP",
    ],
    [
      goodMap("PERCPU_HASH", { valueSize: 40000 }),
      "value_size",
      "is 40,000; a per-CPU value has at most 32,768 bytes",
      "E2BIG",
    ],
    [goodMap("CPUMAP", { maxEntries: 100000 }), "max_entries", "is 100,000; there are at most 8,192 CPUs", "E2BIG"],
    [
      goodMap("ARRAY", { valueSize: 1 << 20, maxEntries: 1_000_000_000 }),
      "max_entries",
      "is 1,000,000,000: entries of 1,048,576,000,000,000 bytes in all",
      "ENOMEM",
    ],
    [goodMap("HASH_OF_MAPS"), "inner map", "is missing: `values` says what the map holds", "EINVAL"],
    [
      goodMap("LRU_HASH", { keyType: 1, valueType: 8 }),
      "value",
      "has a struct bpf_spin_lock, which may stand in values of HASH, ARRAY only, not of LRU_HASH",
      "EOPNOTSUPP",
    ],
    [
      goodMap("HASH", { flags: MapFlag.NUMA_NODE, numaNode: 999 }),
      "numa_node",
      "is 999, which is not online",
      "EINVAL",
    ],
  ])("%o: the loader says what is wrong with %s", (map, field, rule, errno) => {
    expect(sentenceOf(map)).toBe(`KERNEL_MAP_DEFINITION: the kernel refuses map table: ${field} ${rule} (${errno})`);
  });

  it("of two locks the kernel refuses the types, and the loader says so", () => {
    const twice = struct("twice", 8, [member("lock", 3, 0), member("other", 3, 4)]);
    const types: Btf = { types: [...BTF.types.slice(0, 9), twice] };
    expect(loadBtf(types, [])).toBeInstanceOf(XdpkitError);
    const map = goodMap("HASH", { keyType: 1, valueType: 9 });
    expect(() => createKernelMap(map, { cpus: 1, btf: types, btfFd: undefined })).toThrow(
      "value has more than one struct bpf_spin_lock; one is allowed (E2BIG)",
    );
  });

  it("ring buffers are made of as many whole pages as libbpf makes them of", () => {
    expect([1, 100, 4096, 4097, 5000, 6000, 8192, 12288, 2 ** 31].map((bytes) => ringBufferSize(bytes))).toEqual([
      4096,
      4096,
      4096,
      8192,
      8192,
      8192,
      8192,
      16384,
      2 ** 31,
    ]);
    expect([1, 4096, 65536, 65537].map((bytes) => ringBufferSize(bytes, 65536))).toEqual([65536, 65536, 65536, 131072]);
    using map = createKernelMap(goodMap("RINGBUF", { maxEntries: 6000 }), {
      cpus: 1,
      btf: undefined,
      btfFd: undefined,
    });
    expect(map.definition.maxEntries).toBe(8192);
    expect(sentenceOf(goodMap("RINGBUF", { maxEntries: 0 }))).toContain("max_entries");
  });
});
