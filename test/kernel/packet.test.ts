/**
 * The packet buffer against the kernel's: random sequences of adjustments and copies, with metadata and with fragments.
 * After each step the result, the lengths and the bytes must be the same (net/core/filter.c).
 */
import { expect, it } from "vitest";
import { printHex } from "../../src/base/index.ts";
import { LoadedObject } from "../../src/kernel/index.ts";
import { createVm, type Vm } from "../../src/vm/index.ts";
import { readDriver } from "../support/drivers.ts";
import { Random, runSeed } from "../support/random.ts";
import { suite } from "../support/require.ts";

const COMMANDS = 12;
const CHUNK = 4096;
const Operation = { Head: 1, Tail: 2, Meta: 3, Load: 4, Store: 5, Touch: 6 } as const;

interface Command {
  readonly operation: number;
  readonly number: number;
  readonly length: number;
  readonly fill: number;
}

const EDGES = [0, 1, -1, 4, -4, 14, -14, 40, -40, 216, -216, 217, -217, 252, -252, 256, -256];
/** XDP_PACKET_HEADROOM, a page less its ends, a page, what a signed number cannot negate. */
const FAR = [3520, -3520, 3506, 4096, -4096, 4095, -4097, 20_000, -20_000, 0x7fffffff, -0x80000000, -0x7fffffff];

function randomCommand(random: Random, size: number): Command {
  const operation = random.pick([1, 1, 2, 2, 2, 3, 4, 4, 5, 6, 6]);
  const fill = random.u32();
  if (operation === Operation.Load || operation === Operation.Store) {
    const length = random.chance(0.2) ? random.between(1, CHUNK) : random.between(1, 64);
    const number = random.pick([0, 1, 3519, 3520, 65535, 65536, size - length, size, random.between(0, size)]);
    return { operation, number: Math.max(0, number), length, fill };
  }
  const near = random.chance(0.6) ? random.pick(EDGES) : random.between(-300, 300);
  const big = random.chance(0.5) ? random.pick(FAR) : random.between(-size, size);
  return { operation, number: random.chance(0.75) ? near : big, length: 1, fill };
}

function encodeCommand({ operation, number, length, fill }: Command): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, operation, true);
  view.setInt32(4, number, true);
  view.setUint32(8, length, true);
  view.setUint32(12, fill, true);
  return bytes;
}

const keyOf = (index: number): Uint8Array => new Uint8Array(Uint32Array.of(index).buffer);

interface Side {
  set(map: string, key: Uint8Array, value: Uint8Array): void;
  get(map: string, key: Uint8Array): Uint8Array;
  run(packet: Uint8Array, metadata: Uint8Array): { packet: Uint8Array; metadata: Uint8Array; action: number };
}

const machineSide = (vm: Vm): Side => ({
  set: (map, key, value) => vm.map(map).set(key, value),
  get: (map, key) => vm.map(map).getBytes(key)!,
  run: (packet, metadata) => vm.run(packet, { metadata, ingressInterface: 1 }),
});

const kernelSide = (loaded: LoadedObject, program: string): Side => ({
  set: (map, key, value) => expect(loaded.map(map).trySet(key, value)).toBe(0),
  get: (map, key) => loaded.map(map).get(key)!,
  run: (packet, metadata) => loaded.program(program).run(packet, { metadata }),
});

/** Everything that can be seen afterwards, one line for each command. */
function perform(side: Side, commands: readonly Command[], packet: Uint8Array, metadata: Uint8Array): string[] {
  const used = commands.filter(({ operation }) => operation === Operation.Load || operation === Operation.Store);
  for (let i = 0; i < COMMANDS; i++) {
    side.set("commands", keyOf(i), commands[i] ? encodeCommand(commands[i]!) : encodeCommand({ ...STOP }));
    side.set("states", keyOf(i), new Uint8Array(32));
    if (used.length > 0) side.set("chunks", keyOf(i), new Uint8Array(CHUNK).fill(0x30 + i));
  }
  const { action, packet: after, metadata: metadataAfter } = side.run(packet, metadata);
  const rows = commands.map((command, i) => {
    const state = new DataView(side.get("states", keyOf(i)).buffer);
    const numbers = [8, 12, 16, 24, 28].map((at) => state.getUint32(at, true));
    const chunk = used.includes(command) ? printHex(side.get("chunks", keyOf(i)).subarray(0, command.length)) : "";
    return `${JSON.stringify(command)} = ${state.getBigInt64(0, true)}, ${numbers.join(" ")} ${chunk}`;
  });
  return [...rows, `${action} ${printHex(metadataAfter)}`, `${after.length} ${printHex(after)}`];
}

const STOP: Command = { operation: 0, number: 0, length: 1, fill: 0 };

suite("the packet buffer", ["bpf"], () => {
  const seed = runSeed();

  const cases = [
    ["adjust", 300, 14, 3520],
    ["adjust", 300, 60, 200],
    ["adjust_fragments", 200, 14, 3600],
    ["adjust_fragments", 300, 3500, 20_000],
  ] as const;

  it.each(cases)(`%s: %i sequences on packets of %i to %i bytes`, async (program, rounds, from, to) => {
    const object = readDriver("adjust");
    using loaded = new LoadedObject(object);
    const machine = machineSide(await createVm(object, { program, unwritten: "zero" }));
    const kernel = kernelSide(loaded, program);
    const random = new Random(seed);
    const results = new Set<string>();
    for (let i = 0; i < rounds; i++) {
      const metadata = random.chance(0.3) ? random.bytes(4 * random.between(1, 54)) : new Uint8Array(0);
      const packet = random.bytes(random.between(from, to));
      const commands = Array.from({ length: random.between(1, COMMANDS) }, () => randomCommand(random, packet.length));
      const expected = perform(kernel, commands, packet, metadata);
      const what = `sequence ${i} of XDPKIT_SEED=${seed}, ${packet.length} bytes, metadata ${metadata.length}`;
      expect(perform(machine, commands, packet, metadata), what).toEqual(expected);
      for (const row of expected) results.add(/= (-?\d+),/.exec(row)?.[1] ?? "");
    }
    expect([...results]).toEqual(expect.arrayContaining(["0", "-22"]));
  });
});
