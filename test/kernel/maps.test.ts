/**
 * Maps of the machine against the kernel's: random operations from programs and from user space, the same results, error
 * numbers and contents; and random definitions, accepted or refused with the same error number.
 */
import { expect, it } from "vitest";
import { printHex, type XdpkitError } from "../../src/base/index.ts";
import { parse } from "../../src/isa/index.ts";
import { KernelMap, LoadedObject, pinThread, possibleCpus, tryCreateMap } from "../../src/kernel/index.ts";
import type { BpfMap, BpfObject } from "../../src/object/index.ts";
import { errno, MapFlag, MapType, type MapTypeName } from "../../src/uapi/index.ts";
import { createVm } from "../../src/vm/index.ts";
import { checkMapDefinition } from "../../src/vm/maps/index.ts";
import { Random, runSeed } from "../support/random.ts";
import { suite } from "../support/require.ts";

const ROUNDS = 3000;
const FULL = `0x7f`;

/** Packet: 14 bytes, operation (4), flags (4), key (8), value (8). Answers r0; a value that was found goes back. */
const DRIVER = `
r6 = r1
r7 = *(u32 *)(r6 + 0x0)
r8 = *(u32 *)(r6 + 0x4)
r2 = r7
r2 += 0x40
if r2 <= r8 goto +0x2
r0 = ${FULL}
exit
r1 = *(u64 *)(r7 + 0x16)
*(u64 *)(r10 - 0x8) = r1
r1 = *(u64 *)(r7 + 0x1e)
*(u64 *)(r10 - 0x10) = r1
r9 = *(u32 *)(r7 + 0xe)
r4 = *(u32 *)(r7 + 0x12)
r1 = 0x0 ll
r2 = r10
r2 += -0x8
if r9 == 0x1 goto +0x7
if r9 == 0x2 goto +0x2
call 0x3
exit
r3 = r10
r3 += -0x10
call 0x2
exit
call 0x1
if r0 == 0x0 goto +0x4
r1 = *(u64 *)(r0 + 0x0)
*(u64 *)(r7 + 0x1e) = r1
r0 = 0x1
exit
r0 = 0x0
exit
`;
const MAP_SLOT = 14;

function driver(map: BpfMap): BpfObject {
  const instructions = parse(DRIVER.trim());
  const main = {
    name: "main",
    section: "xdp",
    linkage: "global" as const,
    program: { kind: "xdp", fragments: false, autoload: true },
    instructions,
    references: [{ instruction: MAP_SLOT, kind: "map" as const, map: map.name }],
    lines: [],
    relocations: [],
  };
  return { license: "GPL", functions: [main], maps: [map], externs: [] };
}

const define = (type: MapTypeName, maxEntries: number, flags = 0, keySize = 4): BpfMap => ({
  name: "subject",
  style: "btf",
  type: MapType[type],
  keySize,
  valueSize: 8,
  maxEntries,
  flags,
  pinByName: false,
});

const SUBJECTS: readonly (readonly [name: string, definition: BpfMap, keys: number])[] = [
  ["HASH", define("HASH", 16), 24],
  ["HASH without preallocation", define("HASH", 16, MapFlag.NO_PREALLOC), 24],
  ["PERCPU_HASH", define("PERCPU_HASH", 16), 24],
  ["ARRAY", define("ARRAY", 16), 18],
  ["PERCPU_ARRAY", define("PERCPU_ARRAY", 16), 18],
  ["LRU_HASH", define("LRU_HASH", 64), 96],
  ["LRU_HASH, small", define("LRU_HASH", 8), 20],
  ["LRU_HASH, large", define("LRU_HASH", 1024), 1500],
  ["LRU_HASH, a list per CPU", define("LRU_HASH", 64, MapFlag.NO_COMMON_LRU), 96],
  ["LRU_PERCPU_HASH", define("LRU_PERCPU_HASH", 64), 96],
  ["LPM_TRIE", define("LPM_TRIE", 32, MapFlag.NO_PREALLOC, 8), 64],
];

function key(definition: BpfMap, random: Random, keys: number): Uint8Array {
  const bytes = new Uint8Array(definition.keySize);
  const view = new DataView(bytes.buffer);
  if (definition.type !== MapType.LPM_TRIE) view.setUint32(0, random.between(0, keys - 1), true);
  else {
    view.setUint32(0, random.chance(0.02) ? 33 : random.pick([0, 1, 8, 9, 15, 16, 24, 31, 32]), true);
    view.setUint32(4, random.pick([0x0a000000, 0x0a000001, 0x0a010000, 0x0aff0000, 0xc0000201, 0x80000000, 0]), false);
  }
  return bytes;
}

function command(random: Random, operation: number, flags: number, at: Uint8Array, value: Uint8Array): Uint8Array {
  const packet = new Uint8Array(64);
  const view = new DataView(packet.buffer);
  view.setUint32(14, operation, true);
  view.setUint32(18, flags, true);
  packet.set(at, 22);
  packet.set(value, 30);
  packet[0] = random.u32() & 0xff;
  return packet;
}

const dump = (map: KernelMap): string[] =>
  Array.from(map.keys(), (one) => `${printHex(one)}=${printHex(map.get(one)!)}`).sort();

/** 0, or the negative error number behind VM_MAP_OPERATION. */
function attempt(operation: () => void): number {
  try {
    operation();
    return 0;
  } catch (error) {
    const name = /fails with (E\w+)/.exec((error as XdpkitError).message)?.[1] as keyof typeof errno | undefined;
    if (!name) throw error;
    return -errno[name];
  }
}

suite("maps", ["bpf"], () => {
  const seed = runSeed();
  pinThread(0);

  it.each(SUBJECTS)(`%s behaves as the kernel's over ${ROUNDS} operations`, async (_, definition, keys) => {
    const random = new Random(seed);
    const object = driver(definition);
    const vm = await createVm(object, { cpus: possibleCpus() });
    using loaded = new LoadedObject(object);
    const program = loaded.program("main");
    const map = loaded.map("subject");
    const access = vm.map("subject");
    for (let i = 0; i < ROUNDS; i++) {
      const at = key(definition, random, keys);
      const value = random.bytes(8);
      const flags = random.chance(0.6) ? 0 : random.pick([1, 2, 3, 8]);
      const choice = random.between(0, 9);
      const what = `operation ${i} (${choice}) of XDPKIT_SEED=${seed}, key ${printHex(at)}, flags ${flags}`;
      if (choice < 8) {
        const packet = command(random, choice < 4 ? 1 : choice < 7 ? 2 : 3, choice < 4 ? flags : 0, at, value);
        const expected = program.run(packet);
        const got = vm.run(packet);
        expect([got.action | 0, printHex(got.packet)], what).toEqual([expected.action | 0, printHex(expected.packet)]);
      } else if (choice === 8) {
        const wide = random.bytes(map.valueBytes);
        const got = attempt(() => access.set(at, wide, flags === 1 ? "create" : flags === 2 ? "replace" : "any"));
        expect(got, what).toBe(map.trySet(at, wide, flags > 2 ? 0 : flags));
      } else {
        const expected = map.get(at);
        const got = access.getBytes(at);
        expect(got && printHex(got), what).toBe(expected && printHex(expected));
      }
    }
    const contents = Array.from(access.keys(), (one) => `${printHex(one)}=${printHex(access.getBytes(one)!)}`).sort();
    expect(contents).toEqual(dump(map));
  });

  it("definitions are refused with the kernel's error numbers", () => {
    const random = new Random(seed);
    const names = Object.keys(MapType).filter((name) => TYPES.includes(name as MapTypeName)) as MapTypeName[];
    const answers = new Map<string, number>();
    for (let i = 0; i < 3000; i++) {
      const definition: BpfMap = {
        ...define(
          random.pick(names),
          random.pick([0, 1, 3, 64, 4096, 8192, 5000]),
          0,
          random.pick([0, 4, 4, 4, 5, 8, 20, 260, 264]),
        ),
        valueSize: random.pick([0, 4, 4, 8, 8, 16, 32768, 32776]),
        flags: random.chance(0.5)
          ? 0
          : random.pick([
              MapFlag.NO_PREALLOC,
              MapFlag.NO_COMMON_LRU,
              MapFlag.RDONLY,
              MapFlag.RDONLY_PROG,
              MapFlag.MMAPABLE,
              MapFlag.ZERO_SEED,
              MapFlag.INNER_MAP,
              1 << 20,
            ]),
      };
      // CONFIG_NR_CPUS differs between kernels.
      if (definition.type === MapType.CPUMAP && definition.maxEntries > 64) continue;
      const fd = tryCreateMap(definition, 0);
      const expected = fd >= 0 ? 0 : fd;
      if (fd >= 0) new KernelMap(fd, definition, 1)[Symbol.dispose]();
      const refused = checkMapDefinition(definition);
      const got = refused ? -refused.errno : 0;
      const type = names.find((name) => MapType[name] === definition.type);
      const what = `${type} ${JSON.stringify(definition)} of XDPKIT_SEED=${seed}`;
      expect(got, what).toBe(expected);
      answers.set(`${expected}`, (answers.get(`${expected}`) ?? 0) + 1);
    }
    expect([...answers.keys()].sort()).toEqual(["-22", "-524", "-7", "0"].sort());
  });
});

/** Maps of maps need an inner map and are left out. */
const TYPES: readonly MapTypeName[] = [
  "HASH",
  "ARRAY",
  "PROG_ARRAY",
  "PERF_EVENT_ARRAY",
  "PERCPU_HASH",
  "PERCPU_ARRAY",
  "LRU_HASH",
  "LRU_PERCPU_HASH",
  "LPM_TRIE",
  "DEVMAP",
  "CPUMAP",
  "XSKMAP",
  "QUEUE",
  "STACK",
  "DEVMAP_HASH",
  "RINGBUF",
  "BLOOM_FILTER",
  "USER_RINGBUF",
];
