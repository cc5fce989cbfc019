/**
 * Maps beyond plain keys and values, against the kernel: bloom filters bit for bit, what user space may do to maps of
 * targets, and definitions at the limits of each type.
 */
import { expect, it } from "vitest";
import type { XdpkitError } from "../../src/base/index.ts";
import { KernelMap, LoadedObject, possibleCpus, tryCreateMap } from "../../src/kernel/index.ts";
import type { BpfMap } from "../../src/object/index.ts";
import { errno, MapFlag, MapType, type MapTypeName } from "../../src/uapi/index.ts";
import { createVm, type MapAccess } from "../../src/vm/index.ts";
import { checkMapDefinition } from "../../src/vm/maps/index.ts";
import { programOf } from "../support/assembly.ts";
import { Random, runSeed } from "../support/random.ts";
import { suite } from "../support/require.ts";

const seed = runSeed();
const word = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);

/** Packet: 14 bytes, 32 bytes of value, operation (1 push, else peek). The result is the verdict. */
const BLOOM = `
r7 = *(u32 *)(r1 + 0)
r8 = *(u32 *)(r1 + 4)
r2 = r7
r2 += 64
if r2 > r8 goto out
${[0, 8, 16, 24].map((at) => `r1 = *(u64 *)(r7 + ${14 + at})\n*(u64 *)(r10 - ${32 - at}) = r1`).join("\n")}
r6 = *(u8 *)(r7 + 46)
r1 = table ll
r2 = r10
r2 += -32
r3 = 0
if r6 == 1 goto push
call 89
exit
push:
call 87
exit
out:
r0 = 77
exit`;

function bloomPacket(value: Uint8Array, push: boolean): Uint8Array {
  const packet = new Uint8Array(64);
  packet.set(value, 14);
  packet[46] = push ? 1 : 0;
  return packet;
}

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

const MODES = ["any", "create", "replace"] as const;

interface Slot {
  readonly kernel: (loaded: LoadedObject) => Uint8Array;
  readonly machine: unknown;
}

const program: Slot = { kernel: (loaded) => word(loaded.program("main").fd), machine: "main" };
const port: Slot = { kernel: () => word(1), machine: 1 };
const cpu: Slot = { kernel: () => word(192), machine: { queueSize: 192 } };
const inner: Slot = { kernel: (loaded) => word(loaded.map("leaf").fd), machine: "leaf" };

const TARGETS: readonly (readonly [MapTypeName, Slot | undefined, string])[] = [
  ["PROG_ARRAY", program, ""],
  ["DEVMAP", port, ""],
  ["DEVMAP_HASH", port, ""],
  ["CPUMAP", cpu, ""],
  ["XSKMAP", undefined, ""],
  ["PERF_EVENT_ARRAY", undefined, ""],
  ["ARRAY_OF_MAPS", inner, ".inner table type=1 key=4 value=4 entries=4"],
  ["HASH_OF_MAPS", inner, ".inner table type=1 key=4 value=4 entries=4"],
];

function deletion(access: MapAccess, key: Uint8Array): number {
  let found = true;
  const result = attempt(() => {
    found = access.delete(key);
  });
  return result === 0 && !found ? -errno.ENOENT : result;
}

suite("special maps", ["bpf"], () => {
  const sizes = [
    [1, 4, 5],
    [8, 8, 0],
    [100, 16, 1],
    [1000, 6, 3],
    [37, 12, 7],
    [5000, 32, 15],
    [64, 13, 2],
    [333, 24, 9],
  ] as const;

  it.each(sizes)(
    "a bloom filter of %i values of %i bytes with %i hashes has the kernel's bits",
    async (entries, value, hashes) => {
      const flags = MapFlag.ZERO_SEED;
      const map = `.map table type=30 key=0 value=${value} entries=${entries} extra=${hashes} flags=${flags}`;
      const object = programOf(BLOOM, map);
      const vm = await createVm(object);
      using loaded = new LoadedObject(object);
      const kernel = loaded.program("main");
      const random = new Random(seed);
      let present = 0;
      // Full to a multiple of what it is made for, so that false answers are many.
      for (let i = 0; i < Math.min(entries * 3, 1500); i++) {
        const packet = bloomPacket(random.bytes(value), random.chance(0.6));
        const expected = kernel.run(packet).action;
        expect(vm.run(packet).action, `operation ${i} of XDPKIT_SEED=${seed}`).toBe(expected);
      }
      for (let i = 0; i < 1500; i++) {
        const packet = bloomPacket(random.bytes(value), false);
        const expected = kernel.run(packet).action;
        expect(vm.run(packet).action, `question ${i} of XDPKIT_SEED=${seed}`).toBe(expected);
        if (expected === 0) present++;
      }
      expect(present).toBeLessThan(1500);
    },
  );

  it.each(TARGETS)("%s answers user space as the kernel's", async (type, slot, more) => {
    const map = `.map table type=${MapType[type]} key=4 value=4 entries=4 flags=0\n${more}`;
    const object = programOf("r0 = 2\nexit", `.map leaf type=1 key=4 value=4 entries=4\n${map}`);
    // The kernel's CPUs are the machine's.
    const vm = await createVm(object, { cpus: possibleCpus() });
    using loaded = new LoadedObject(object);
    const [kernel, access] = [loaded.map("table"), vm.map("table")];
    if (type === "PERF_EVENT_ARRAY") for (let i = 0; i < 4; i++) access.delete(i);
    const random = new Random(seed);
    for (let i = 0; i < 300; i++) {
      const at = random.pick([0, 1, 2, 3, 4, 5, 9, 0xffffffff]);
      const mode = random.pick([0, 0, 1, 2]);
      const what = `step ${i} of XDPKIT_SEED=${seed}: ${at}, mode ${mode}`;
      const choice = random.between(0, 2);
      // A CPU that does not exist is refused before anything else is looked at, and hosts differ.
      if (type === "CPUMAP" && at >= 2 && at < 4) continue;
      if (choice === 0 && slot) {
        const expected = kernel.trySet(word(at), slot.kernel(loaded), mode);
        expect(
          attempt(() => access.set(word(at), slot.machine, MODES[mode])),
          what,
        ).toBe(expected);
      } else if (choice === 1) expect(deletion(access, word(at)), what).toBe(kernel.tryDelete(word(at)));
      else if (type !== "PROG_ARRAY" && type !== "PERF_EVENT_ARRAY" && type !== "XSKMAP") {
        expect(access.get(word(at)) !== undefined, what).toBe(kernel.get(word(at)) !== undefined);
      }
    }
  });

  it("definitions at the limits of their type", () => {
    const M = 1 << 22;
    const values = [M - 280, M - 279, M - 64, M - 52, M - 4, M, M + 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];
    const types = ["HASH", "LRU_HASH", "LPM_TRIE", "QUEUE", "STACK", "BLOOM_FILTER", "PERCPU_HASH"] as const;
    const keys: Readonly<Record<string, number>> = { QUEUE: 0, STACK: 0, BLOOM_FILTER: 0, LPM_TRIE: 8 };
    const rows = types.flatMap((type) => values.map((valueSize) => ({ type, keySize: keys[type] ?? 4, valueSize })));
    const more = [
      ...[M - 60, M - 56, M, 2 ** 31].map((keySize) => ({ type: "HASH" as const, keySize, valueSize: 8 })),
      { type: "ARRAY" as const, keySize: 4, valueSize: 2 ** 31 },
      ...[0n, 1n, 15n, 16n].map((extra) => ({ type: "BLOOM_FILTER" as const, keySize: 0, valueSize: 4, extra })),
      ...[0n, 1n].map((extra) => ({ type: "HASH" as const, keySize: 4, valueSize: 4, extra })),
      ...[2 ** 27 + 1, 2 ** 31, 2 ** 32 - 1].map((maxEntries) => ({
        type: "HASH" as const,
        keySize: 4,
        valueSize: 4,
        maxEntries,
        flags: MapFlag.NO_PREALLOC,
      })),
      { type: "DEVMAP_HASH" as const, keySize: 4, valueSize: 4, maxEntries: 2 ** 32 - 1 },
    ];
    for (const row of [...rows, ...more]) {
      const flags = row.type === "LPM_TRIE" ? MapFlag.NO_PREALLOC : 0;
      const shared = { name: "table", style: "btf" as const, maxEntries: 1, flags, pinByName: false };
      const definition: BpfMap = { ...shared, ...row, type: MapType[row.type] };
      const fd = tryCreateMap(definition, 0);
      if (fd >= 0) new KernelMap(fd, definition, 1)[Symbol.dispose]();
      expect(-(checkMapDefinition(definition)?.errno ?? 0) | 0, JSON.stringify({ ...row, extra: undefined })).toBe(
        Math.min(fd, 0),
      );
    }
  });
});
