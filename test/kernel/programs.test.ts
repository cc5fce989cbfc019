/**
 * Programs compiled by clang, in the interpreter and in the kernel: the same packets and maps give the same verdicts,
 * bytes and maps.
 */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { printHex } from "../../src/base/index.ts";
import { type KernelMap, LoadedObject, pinThread, possibleCpus } from "../../src/kernel/index.ts";
import { type BpfMap, type BpfObject, readElf } from "../../src/object/index.ts";
import { MapType } from "../../src/uapi/index.ts";
import { createVm, type MapAccess, type NetworkConfig, type Vm } from "../../src/vm/index.ts";
import { Random, runSeed } from "../support/random.ts";
import { ipv4Pool, ipv6Pool, POOL, randomPacket } from "../support/random-packets.ts";
import { suite } from "../support/require.ts";

const PACKETS = 300;

interface Subject {
  readonly file: string;
  readonly program: string;
  /** Maps whose content depends on time or on the kernel's own choice. */
  readonly except?: readonly string[];
}

const SUBJECTS: readonly Subject[] = [
  ...["v1", "v2", "v3", "v4"].map((version) => ({ file: `arithmetic-${version}`, program: "calculate" })),
  { file: "assembler", program: "bounded" },
  { file: "assembler", program: "conditions" },
  { file: "atomics", program: "change" },
  { file: "balancer", program: "balance" },
  // The clock decides how full a bucket is.
  { file: "bucket", program: "police", except: ["buckets"] },
  { file: "callbacks", program: "loop_over" },
  { file: "checksum", program: "renew_checksum" },
  { file: "checksum", program: "rewrite_source" },
  { file: "conntrack", program: "track" },
  { file: "custom-bss", program: "scribble" },
  { file: "cutter", program: "cut" },
  { file: "cutter", program: "grow" },
  { file: "denylist", program: "deny" },
  { file: "dispatch", program: "dispatch" },
  { file: "dispatch", program: "handle_again" },
  { file: "echo", program: "echo" },
  { file: "ethertype", program: "count_ethertype" },
  { file: "events", program: "reserve_event" },
  { file: "events", program: "copy_event" },
  { file: "fragments", program: "invert" },
  { file: "fragments", program: "describe_meta" },
  { file: "globals", program: "use_globals" },
  { file: "legacy", program: "count_sources" },
  { file: "loops", program: "sum_packet" },
  { file: "loops", program: "walk_options" },
  { file: "maps", program: "touch_maps" },
  { file: "nested", program: "nest" },
  { file: "perf", program: "sample" },
  { file: "queues", program: "remember" },
  { file: "queues", program: "filter" },
  { file: "router", program: "route" },
  { file: "sections", program: "plain" },
  { file: "signed", program: "divide" },
  { file: "signed", program: "far" },
  { file: "srv6", program: "end_behaviour" },
  { file: "subprograms", program: "first" },
  { file: "subprograms", program: "second" },
  { file: "subprograms", program: "third" },
  { file: "tunnel", program: "encapsulate" },
  { file: "tunnel", program: "decapsulate" },
  { file: "types", program: "touch" },
  { file: "vlan", program: "push_tag" },
  { file: "vlan", program: "pop_tag" },
];

const KEYED: readonly number[] = [
  MapType.HASH,
  MapType.PERCPU_HASH,
  MapType.LRU_HASH,
  MapType.LRU_PERCPU_HASH,
  MapType.LPM_TRIE,
  MapType.ARRAY,
  MapType.PERCPU_ARRAY,
];
const QUEUES: readonly number[] = [MapType.QUEUE, MapType.STACK];

/** The loopback interface that test runs arrive on, as this host has it. */
function loopback(): NetworkConfig {
  const forwards = (family: string): boolean =>
    readFileSync(`/proc/sys/net/${family}/conf/lo/forwarding`, "utf8").trim() !== "0";
  return {
    interfaces: [{ index: 1, name: "lo", mtu: 65535, forwarding: { ipv4: forwards("ipv4"), ipv6: forwards("ipv6") } }],
  };
}

function bytesOf(file: string): BpfObject {
  return readElf(readFileSync(new URL(`../objects/${file}.o`, import.meta.url)), { name: file });
}

/** Keys that the random packets will ask for. */
function keyFor({ keySize, type, maxEntries }: BpfMap, random: Random): Uint8Array {
  const address = keySize >= 16 ? ipv6Pool(random.between(0, POOL - 1)) : ipv4Pool(random.between(0, POOL - 1));
  const key = new Uint8Array(keySize);
  if (type === MapType.LPM_TRIE) {
    new DataView(key.buffer).setUint32(0, random.between(0, (keySize - 4) * 8), true);
    key.set(address.subarray(0, keySize - 4), 4);
  } else if (type === MapType.ARRAY || type === MapType.PERCPU_ARRAY) {
    new DataView(key.buffer).setUint32(0, random.between(0, maxEntries - 1), true);
  } else
    key.set(
      keySize === 2
        ? random.pick([Uint8Array.of(0, 8), Uint8Array.of(8, 0), Uint8Array.of(0x86, 0xdd)])
        : address.subarray(0, keySize),
    );
  return key;
}

/** Lays the same random content into both. */
function seedMaps(loaded: LoadedObject, vm: Vm, random: Random, except: readonly string[]): void {
  for (const map of loaded.maps.values()) {
    const { definition } = map;
    if (definition.data || except.includes(definition.name)) continue;
    if (KEYED.includes(definition.type)) {
      for (let i = Math.min(6, definition.maxEntries / 2); i > 0; i--) {
        const key = keyFor(definition, random);
        const value = random.bytes(map.valueBytes);
        const result = map.trySet(key, value);
        expect(result, `seeding ${definition.name}`).toBe(0);
        vm.map(definition.name).set(key, value);
      }
    } else if (definition.type === MapType.DEVMAP || definition.type === MapType.DEVMAP_HASH) {
      const value = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0).subarray(0, definition.valueSize);
      for (const index of [0, 1, 3]) {
        expect(map.trySet(new Uint8Array(Uint32Array.of(index).buffer), value)).toBe(0);
        vm.map(definition.name).set(index, { interface: 1 });
      }
    } else if (definition.type === MapType.PERF_EVENT_ARRAY) {
      // Nobody reads the kernel's, so nobody reads the machine's.
      for (let cpu = 0; cpu < possibleCpus(); cpu++) vm.map(definition.name).delete(cpu);
    }
  }
}

/** Every element as text, in an order of its own. */
function dumpKernel(map: KernelMap): string[] {
  if (QUEUES.includes(map.definition.type)) {
    const values: string[] = [];
    for (let value = map.pop(); value; value = map.pop()) values.push(printHex(value));
    return values;
  }
  return Array.from(map.keys(), (key) => `${printHex(key)}=${printHex(map.get(key)!)}`).sort();
}

function dumpVm(access: MapAccess): string[] {
  if (QUEUES.includes(access.definition.type))
    return access.values().map((value) => hexOf(value, access.definition.valueSize));
  return Array.from(access.keys(), (key) => `${printHex(key)}=${printHex(access.getBytes(key)!)}`).sort();
}

const hexOf = (value: unknown, size: number): string => {
  const bytes = new Uint8Array(size);
  new DataView(bytes.buffer).setUint32(0, Number(value), true);
  return printHex(bytes);
};

function compareMaps(loaded: LoadedObject, vm: Vm, except: readonly string[], what: string): void {
  for (const map of loaded.maps.values()) {
    const { name, type } = map.definition;
    if (except.includes(name) || !(KEYED.includes(type) || QUEUES.includes(type))) continue;
    expect(dumpVm(vm.map(name)), `map ${name}, ${what}`).toEqual(dumpKernel(map));
  }
}

suite("global data", ["bpf"], () => {
  it("that is read-only is frozen, other data is not", () => {
    using loaded = new LoadedObject(bytesOf("globals"));
    const set = (name: string) => {
      const map = loaded.map(name);
      return map.trySet(new Uint8Array(4), new Uint8Array(map.valueBytes));
    };
    expect([set(".rodata"), set(".data")]).toEqual([-1, 0]);
  });
});

suite("programs compiled by clang", ["bpf"], () => {
  const seed = runSeed();
  pinThread(0);

  it.each(SUBJECTS)(
    `$file $program agrees with the kernel over ${PACKETS} packets`,
    async ({ file, program, except = [] }) => {
      const random = new Random(seed);
      const object = bytesOf(file);
      const vm = await createVm(object, { program, cpus: possibleCpus(), network: loopback() });
      using loaded = new LoadedObject(object);
      seedMaps(loaded, vm, random, except);
      const inKernel = loaded.program(program);
      for (let i = 0; i < PACKETS; i++) {
        const packet = randomPacket(random);
        const metadata = random.chance(0.1) ? random.bytes(4 * random.between(1, 8)) : new Uint8Array(0);
        const expected = inKernel.run(packet, { metadata });
        const got = vm.run(packet, { metadata });
        const what = `packet ${i}, XDPKIT_SEED=${seed}: ${printHex(packet)}`;
        expect(got.action, what).toBe(expected.action);
        expect(printHex(got.packet), what).toBe(printHex(expected.packet));
        expect(printHex(got.metadata), what).toBe(printHex(expected.metadata));
      }
      compareMaps(loaded, vm, except, `XDPKIT_SEED=${seed}`);
    },
  );
});
