/** Random programs over the whole instruction set: the interpreter and the kernel must agree on every byte. */
import { expect, it } from "vitest";
import { printHex } from "../../src/base/index.ts";
import { LoadedObject } from "../../src/kernel/index.ts";
import type { BpfObject } from "../../src/object/index.ts";
import { link } from "../../src/object/index.ts";
import { createVm } from "../../src/vm/index.ts";
import { OPERATION } from "../../src/vm/operations.ts";
import { Text } from "../../src/vm/text.ts";
import { extent } from "../support/extent.ts";
import { Random, runSeed } from "../support/random.ts";
import { randomProgram, VALUE_BYTES } from "../support/random-programs.ts";
import { suite } from "../support/require.ts";

const PROGRAMS = extent(400, 10_000);
const KEY = new Uint8Array(4);

interface Outcome {
  readonly action: number;
  readonly packet: string;
  readonly state: string;
}

function inKernel(object: BpfObject, packet: Uint8Array, state: Uint8Array): Outcome {
  using loaded = new LoadedObject(object);
  const map = loaded.map("state");
  map.trySet(KEY, state);
  const { action, packet: after } = loaded.program("main").run(packet);
  return { action, packet: printHex(after), state: printHex(map.get(KEY)!) };
}

async function inInterpreter(object: BpfObject, packet: Uint8Array, state: Uint8Array): Promise<Outcome> {
  const vm = await createVm(object);
  vm.map("state").set(KEY, state);
  const { action, packet: after } = vm.run(packet);
  return { action, packet: printHex(after), state: printHex(vm.map("state").getBytes(KEY)!) };
}

/** Numbers of the machine's operations that a program uses. */
function operations(object: BpfObject): number[] {
  const text = new Text();
  const nothing = { value: 0, object: 0, base: 0 };
  text.add(link(object, "main"), { map: () => 0, mapValue: () => nothing, extern: () => nothing, kfunc: () => 0 });
  return Array.from({ length: text.code.length / 4 }, (_, i) => text.code[4 * i]! & 0xff);
}

suite("random programs", ["bpf"], () => {
  const seed = runSeed();

  it(`agree with the kernel: ${PROGRAMS} of them, XDPKIT_SEED=${seed}`, { timeout: 240_000 }, async () => {
    const used = new Set<number>();
    for (let i = 0; i < PROGRAMS; i++) {
      const random = new Random(seed + i);
      const object = randomProgram(random);
      const packet = random.bytes(random.between(60, 200));
      const state = random.bytes(VALUE_BYTES);
      const expected = inKernel(object, packet, state);
      expect(await inInterpreter(object, packet, state), `program ${i} of XDPKIT_SEED=${seed}`).toEqual(expected);
      for (const operation of operations(object)) used.add(operation);
    }
    const unused = Object.entries(OPERATION).filter(([, number]) => !used.has(number));
    // Covered elsewhere: loops, kernel functions, legacy loads (refused by XDP), and the machine's own operation.
    expect(unused.map(([name]) => name).sort()).toEqual(["break", "call_kfunc", "ld_abs", "ld_ind", "may_goto"]);
  });
});
