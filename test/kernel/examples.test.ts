/**
 * The examples three ways: compiled by us in the interpreter and in the kernel, and their C twins, in both. Same verdicts,
 * bytes and maps over random packets, malformed ones included; and the traffic makes every outcome happen.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { printHex } from "../../src/base/index.ts";
import { inNamespace, LoadedObject, pinThread, possibleCpus } from "../../src/kernel/index.ts";
import type { Outcomes } from "../../src/lang/index.ts";
import { type BpfObject, setGlobals } from "../../src/object/index.ts";
import { MapType } from "../../src/uapi/index.ts";
import { createVm, type Vm } from "../../src/vm/index.ts";
import { compileExample, fillKernel, fillVm, LONE, loadExample, TWINS, twinOf } from "../support/example-objects.ts";
import { ExampleNetwork, stateFor, trafficFor } from "../support/example-traffic/index.ts";
import { extent } from "../support/extent.ts";
import { runSeed } from "../support/random.ts";
import { suite } from "../support/require.ts";

const PACKETS = extent(1_500, 10_000);

/** Outcomes that no packet can bring about: the program tests for them because the verifier or the types ask for it. */
const IMPOSSIBLE: Readonly<Record<string, readonly string[]>> = {
  "end-psp": ["notOurs"], // is not used
  "gtp4-decap": ["noHeadroom"], // a test run has 256 bytes before the packet
  "gtp4-encap": ["noHeadroom", "tooLong"], // packets of a test run end at one page
  "load-balancer": ["icmpEcho", "noHeadroom", "tooLong"], // icmpEcho is not used
  "payload-cutter": ["failed"], // shortening works
  "icmp-errors": ["failed"], // as noHeadroom above
};

/** Maps that hold what the clock said: the kernel's is not the interpreter's. */
const WITH_TIMES: Readonly<Record<string, readonly string[]>> = { "token-bucket": ["shared"] };

/** The interpreter's clock stands still, the kernel's does not: no window ends during the test. */
const SETTINGS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "syn-tracking": { windowNs: 3_600_000_000_000n },
};

const COMPARED: readonly number[] = [
  MapType.HASH,
  MapType.LPM_TRIE,
  MapType.PERCPU_HASH,
  MapType.PERCPU_ARRAY,
  MapType.ARRAY,
];

/** Elements as text. Large arrays are only looked up in, and left out. */
function dump(loaded: LoadedObject): Map<string, string[]> {
  const maps = [...loaded.maps.values()].filter(
    ({ definition: { type, maxEntries, data } }) => !data && COMPARED.includes(type) && maxEntries < 1 << 21,
  );
  return new Map(
    maps.map((map) => [
      map.definition.name,
      Array.from(map.keys(), (key) => `${printHex(key)}=${printHex(map.get(key)!)}`).sort(),
    ]),
  );
}

function dumpVm(vm: Vm, names: Iterable<string>): Map<string, string[]> {
  return new Map(
    Array.from(names, (name) => [
      name,
      Array.from(vm.map(name).keys(), (key) => `${printHex(key)}=${printHex(vm.map(name).getBytes(key)!)}`).sort(),
    ]),
  );
}

/** Outcomes that stayed zero on every CPU. */
async function silent(example: string, elements: readonly string[] = []): Promise<string[]> {
  const outcomes = (await loadExample(example))["outcomes"] as Outcomes<string> | undefined;
  const names = outcomes?.names ?? [];
  const counters = elements[0]?.split("=")[1]?.match(/.{16}/g) ?? [];
  return names.filter((_, index) => counters.every((one, at) => at % names.length !== index || /^0+$/.test(one)));
}

/** An object in the interpreter and in the kernel, with the same content in its maps. */
class Pair implements Disposable {
  readonly #loaded: LoadedObject;
  readonly #vm: Vm;
  readonly #program: string;
  readonly #network: ExampleNetwork;

  static async of(name: string, original: BpfObject, program: string, network: ExampleNetwork): Promise<Pair> {
    const settings = SETTINGS[name];
    const object = settings ? setGlobals(original, ".rodata", settings, "$") : original;
    const vm = await createVm(object, { program, cpus: possibleCpus(), network: network.config });
    return new Pair(name, object, program, vm, network);
  }

  private constructor(name: string, object: BpfObject, program: string, vm: Vm, network: ExampleNetwork) {
    this.#loaded = new LoadedObject(object);
    this.#vm = vm;
    this.#program = program;
    this.#network = network;
    const used = new Set(object.maps.map((map) => map.name));
    const state = stateFor(name, network.egress).filter(({ map }) => used.has(map));
    fillKernel(this.#loaded, state);
    fillVm(vm, state);
  }

  /** Verdicts and bytes, first the kernel's, then the interpreter's. */
  run(packet: Uint8Array): readonly (readonly [action: number, packet: string])[] {
    const program = this.#loaded.program(this.#program);
    const inKernel = inNamespace(this.#network.namespace.name, () => program.run(packet));
    return [inKernel, this.#vm.run(packet)].map((one) => [one.action, printHex(one.packet)] as const);
  }

  /** What the maps hold, in the kernel and in the interpreter. */
  maps(): readonly [Map<string, string[]>, Map<string, string[]>] {
    const maps = dump(this.#loaded);
    return [maps, dumpVm(this.#vm, maps.keys())];
  }

  [Symbol.dispose](): void {
    this.#loaded[Symbol.dispose]();
  }
}

suite("examples", ["bpf", "root", "ip"], () => {
  const seed = runSeed();
  let network: ExampleNetwork;

  beforeAll(() => {
    pinThread(0);
    network = new ExampleNetwork();
  });
  afterAll(() => network[Symbol.dispose]());

  it.each(TWINS)(
    `%s, its C twin, kernel and interpreter agree over ${PACKETS} packets, XDPKIT_SEED=${seed}`,
    async (name, program) => {
      using theirs = await Pair.of(name, twinOf(name), program, network);
      using ours = await Pair.of(name, await compileExample(name), program, network);
      for (const [i, packet] of trafficFor(name, seed, PACKETS).entries()) {
        const [expected, ...others] = [...theirs.run(packet), ...ours.run(packet)];
        expect(others, `packet ${i}: ${printHex(packet)}`).toEqual(others.map(() => expected));
      }
      const [expected, ...others] = [...theirs.maps(), ...ours.maps()];
      for (const found of others) {
        // A map that no code of ours is left to use is not in the object.
        for (const [map, elements] of found) expect([map, elements]).toEqual([map, expected.get(map)]);
        expect(found.size).toBeGreaterThan(0);
      }
      expect(await silent(name, expected.get("outcomes"))).toEqual(IMPOSSIBLE[name] ?? []);
    },
  );

  it.each(LONE)(
    `%s does the same in kernel and interpreter over ${PACKETS} packets, XDPKIT_SEED=${seed}`,
    async (name, program) => {
      using ours = await Pair.of(name, await compileExample(name), program, network);
      for (const [i, packet] of trafficFor(name, seed, PACKETS).entries()) {
        const [inKernel, inVm] = ours.run(packet);
        expect(inVm, `packet ${i}: ${printHex(packet)}`).toEqual(inKernel);
      }
      const [inKernel, inVm] = ours.maps();
      for (const maps of [inKernel, inVm]) for (const map of WITH_TIMES[name] ?? []) maps.delete(map);
      expect(inVm).toEqual(inKernel);
    },
  );
});
