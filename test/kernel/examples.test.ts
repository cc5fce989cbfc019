/**
 * The C twins of the examples, in the interpreter and in the kernel: same verdicts, bytes and maps; and their traffic
 * makes every outcome happen.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { printHex } from "../../src/base/index.ts";
import { inNamespace, LoadedObject, pinThread, possibleCpus } from "../../src/kernel/index.ts";
import { MapType } from "../../src/uapi/index.ts";
import { createVm, type Vm } from "../../src/vm/index.ts";
import { fillKernel, fillVm, TWINS, twinOf } from "../support/example-objects.ts";
import { ExampleNetwork, stateFor, trafficFor } from "../support/example-traffic/index.ts";
import { runSeed } from "../support/random.ts";
import { suite } from "../support/require.ts";

const PACKETS = 3000;

/** Outcomes that no packet can bring about: the program tests for them because the verifier or the types ask for it. */
const IMPOSSIBLE: Readonly<Record<string, readonly string[]>> = {
  // notOurs is not used.
  "end-psp": ["01"],
  // noHeadroom: a test run has 256 bytes before the packet.
  "gtp4-decap": ["0e"],
  // noHeadroom; tooLong: packets of a test run end at one page.
  "gtp4-encap": ["06", "07"],
  // icmpEcho is not used; noHeadroom, tooLong.
  "load-balancer": ["04", "08", "09"],
  // failed: shortening works.
  "payload-cutter": ["05"],
  // failed: as noHeadroom above.
  "icmp-errors": ["03"],
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

/** Indices of a map of outcomes that stayed zero. */
const silent = (elements: readonly string[]): string[] =>
  elements.filter((text) => /=0*$/.test(text)).map((text) => text.slice(0, 2));

suite("C twins of the examples", ["bpf", "root", "ip"], () => {
  const seed = runSeed();
  let network: ExampleNetwork;

  beforeAll(() => {
    pinThread(0);
    network = new ExampleNetwork();
  });
  afterAll(() => network[Symbol.dispose]());

  it.each(TWINS)(`%s agrees with the kernel over ${PACKETS} packets, XDPKIT_SEED=${seed}`, async (name, program) => {
    const object = twinOf(name);
    const vm = await createVm(object, { program, cpus: possibleCpus(), network: network.config });
    using loaded = new LoadedObject(object);
    const state = stateFor(name, network.egress);
    fillKernel(loaded, state);
    fillVm(vm, state);
    const inKernel = loaded.program(program);
    for (const [i, packet] of trafficFor(name, seed, PACKETS).entries()) {
      const expected = inNamespace(network.namespace.name, () => inKernel.run(packet));
      const got = vm.run(packet);
      const what = `packet ${i}: ${printHex(packet)}`;
      expect([got.action, printHex(got.packet)], what).toEqual([expected.action, printHex(expected.packet)]);
    }
    const maps = dump(loaded);
    expect(dumpVm(vm, maps.keys())).toEqual(maps);
    expect(silent(maps.get("outcomes") ?? [])).toEqual(IMPOSSIBLE[name] ?? []);
  });
});
