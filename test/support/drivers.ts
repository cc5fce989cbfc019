/**
 * The compiled drivers of test/kernel/drivers, in the machine and in the kernel at once: what goes into the map
 * `parameters` (8 words, 512 bytes), what comes out in `results` (16 words, 512 bytes).
 */
import { readFileSync } from "node:fs";
import { printHex } from "../../src/base/index.ts";
import { LoadedObject, pinThread, possibleCpus } from "../../src/kernel/index.ts";
import { type BpfObject, readElf } from "../../src/object/index.ts";
import { createVm, type Vm, type VmOptions } from "../../src/vm/index.ts";

const FIRST = new Uint8Array(4);
const PACKET = new Uint8Array(64).fill(0x11);

export function readDriver(name: string): BpfObject {
  return readElf(readFileSync(new URL(`../kernel/drivers/${name}.o`, import.meta.url)), { name });
}

/** A copy whose read-only variables have other values. */
export function withConstants(object: BpfObject, constants: Readonly<Record<string, Uint8Array>>): BpfObject {
  const maps = object.maps.map((map) => {
    if (!map.data) return map;
    const bytes = map.data.bytes.slice();
    for (const { name, offset, size } of map.data.variables) {
      const value = constants[name];
      if (value) bytes.fill(0, offset, offset + size).set(value.subarray(0, size), offset);
    }
    return { ...map, data: { ...map.data, bytes } };
  });
  return { ...object, maps };
}

export interface Call {
  readonly words?: readonly (number | bigint)[];
  readonly bytes?: Uint8Array;
  readonly packet?: Uint8Array;
}

export interface Answer {
  readonly action: number;
  readonly words: readonly bigint[];
  readonly bytes: string;
}

/** One program in both places. The calling thread stays on CPU 0, as the machine's runs do. */
export class Pair implements Disposable {
  readonly vm: Vm;
  readonly loaded: LoadedObject;
  readonly #program: string;

  private constructor(vm: Vm, loaded: LoadedObject, program: string) {
    this.vm = vm;
    this.loaded = loaded;
    this.#program = program;
  }

  static async of(object: BpfObject, program: string, options: VmOptions = {}): Promise<Pair> {
    pinThread(0);
    const vm = await createVm(object, { unwritten: "zero", cpus: possibleCpus(), ...options, program });
    return new Pair(vm, new LoadedObject(object), program);
  }

  /** Answers of the kernel and of the machine. */
  call(call: Call): { readonly kernel: Answer; readonly machine: Answer } {
    const input = encodeInput(call);
    const clear = new Uint8Array(640);
    const { packet = PACKET } = call;
    this.loaded.map("parameters").trySet(FIRST, input);
    this.loaded.map("results").trySet(FIRST, clear);
    this.vm.map("parameters").set(FIRST, input);
    this.vm.map("results").set(FIRST, clear);
    const kernel = this.loaded.program(this.#program).run(packet).action;
    const machine = this.vm.run(packet).action;
    return {
      kernel: answer(kernel, this.loaded.map("results").get(FIRST)!),
      machine: answer(machine, this.vm.map("results").getBytes(FIRST)!),
    };
  }

  [Symbol.dispose](): void {
    this.loaded[Symbol.dispose]();
  }
}

function encodeInput({ words = [], bytes = FIRST }: Call): Uint8Array {
  const input = new Uint8Array(576);
  const view = new DataView(input.buffer);
  for (const [i, word] of words.entries()) view.setBigUint64(8 * i, BigInt.asUintN(64, BigInt(word)), true);
  input.set(bytes, 64);
  return input;
}

function answer(action: number, raw: Uint8Array): Answer {
  const view = new DataView(raw.buffer, raw.byteOffset);
  const words = Array.from({ length: 16 }, (_, i) => view.getBigInt64(8 * i, true));
  return { action, words, bytes: printHex(raw.subarray(128)) };
}
