/**
 * Nanoseconds of one run of a program in the kernel, whatever it does to the packet: a wrapper (wrapper/restore.c) puts
 * the packet back and jumps to the program, and the same wrapper around an empty program is subtracted.
 *
 * Invariant: the programs compared take turns in every round, on one CPU, in one process.
 */
import { readFileSync } from "node:fs";
import { type KernelProgram, LoadedObject } from "../src/kernel/index.ts";
import { readElf } from "../src/object/index.ts";

/** `struct template`: where its fields are. */
const TEMPLATE_LENGTH = 8;
const TEMPLATE_RANDOM_AT = 12;
const TEMPLATE_RANDOM_COUNT = 16;
const TEMPLATE_PACKET = 24;

/** A number of 4 bytes in network order, 1 to `count`, other in every run, `at` bytes from the start of the packet. */
export interface Random {
  readonly at: number;
  readonly count: number;
}
const FIRST = new Uint8Array(4);

/** A subject's wrapper. */
class Wrapper implements Disposable {
  readonly #loaded = new LoadedObject(
    readElf(readFileSync(new URL("wrapper/restore.o", import.meta.url)), { name: "restore" }),
  );
  readonly #restore: KernelProgram;

  /** `subject`: undefined for the empty program. */
  constructor(subject?: KernelProgram) {
    this.#restore = this.#loaded.program("restore");
    const { fd } = subject ?? this.#loaded.program("empty");
    const result = this.#loaded.map("subject").trySet(FIRST, new Uint8Array(Uint32Array.of(fd).buffer));
    if (result < 0) throw new Error(`the wrapper cannot call the program: error ${-result}`);
  }

  /**
   * What comes out of the last of `repeat` runs, and nanoseconds per run. The kernel's clock, though it gives whole
   * nanoseconds: it stops while another process has the CPU (bpf_test_timer_leave).
   */
  run(
    packet: Uint8Array,
    repeat: number,
    random?: Random,
  ): { action: number; packet: Uint8Array; nanoseconds: number } {
    const map = this.#loaded.map("templates");
    const template = new Uint8Array(map.definition.valueSize);
    new DataView(template.buffer).setUint32(TEMPLATE_LENGTH, packet.length, true);
    template.set(packet, TEMPLATE_PACKET);
    const view = new DataView(template.buffer);
    view.setUint32(TEMPLATE_RANDOM_AT, random?.at ?? 0, true);
    view.setUint32(TEMPLATE_RANDOM_COUNT, random?.count ?? 0, true);
    const result = map.trySet(FIRST, template);
    if (result < 0) throw new Error(`the wrapper takes no packet of ${packet.length} bytes: error ${-result}`);
    const { action, packet: out, durationNs } = this.#restore.run(packet, { repeat });
    return { action, packet: out, nanoseconds: durationNs };
  }

  [Symbol.dispose](): void {
    this.#loaded[Symbol.dispose]();
  }
}

/** Per packet: nanoseconds of each program, the wrapper taken off. */
export interface Timing {
  readonly middles: readonly number[];
  /** Half the distance between the quartiles of each program's rounds. */
  readonly spreads: readonly number[];
}

/** The mean of the middle half: as robust as the median, and finer than whole nanoseconds. */
function middle(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.slice(Math.floor(sorted.length / 4), Math.ceil((3 * sorted.length) / 4));
  return half.reduce((sum, value) => sum + value, 0) / half.length;
}

const quartile = (values: readonly number[], part: number): number =>
  [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) * part)]!;

export class KernelTimer implements Disposable {
  readonly #wrappers: readonly Wrapper[];
  readonly #empty = new Wrapper();
  /** Runs something where the programs shall run, such as in a namespace. */
  readonly #inside: <T>(body: () => T) => T;

  constructor(programs: readonly KernelProgram[], inside: <T>(body: () => T) => T) {
    this.#wrappers = programs.map((program) => new Wrapper(program));
    this.#inside = inside;
  }

  /** @throws Error when a program does something else the second time, or the programs differ */
  time(packet: Uint8Array, rounds: number, repeat: number, random?: Random): Timing {
    if (!random) this.#check(packet);
    const samples = this.#wrappers.map((): number[] => []);
    for (let round = 0; round < rounds; round++) {
      const base = this.#measure(this.#empty, packet, repeat, random);
      this.#wrappers.forEach((_, turn) => {
        // Whoever goes first in one round goes last in the next.
        const i = round % 2 === 0 ? turn : this.#wrappers.length - 1 - turn;
        samples[i]!.push(this.#measure(this.#wrappers[i]!, packet, repeat, random) - base);
      });
    }
    return {
      middles: samples.map(middle),
      spreads: samples.map((values) => (quartile(values, 0.75) - quartile(values, 0.25)) / 2),
    };
  }

  #measure(wrapper: Wrapper, packet: Uint8Array, repeat: number, random?: Random): number {
    return this.#inside(() => wrapper.run(packet, repeat, random).nanoseconds);
  }

  #check(packet: Uint8Array): void {
    const results = this.#wrappers.flatMap((wrapper) =>
      [1, 2, 17].map((repeat) => this.#inside(() => wrapper.run(packet, repeat))),
    );
    const [first] = results;
    const same = results.every(
      ({ action, packet: out }) => action === first!.action && Buffer.compare(out, first!.packet) === 0,
    );
    if (!same) throw new Error(`a program is not the same in every run: actions ${results.map((one) => one.action)}`);
    const untouched = this.#inside(() => this.#empty.run(packet, 3)).packet;
    if (Buffer.compare(untouched, packet) !== 0) throw new Error("the wrapper does not put the packet back");
  }

  [Symbol.dispose](): void {
    for (const wrapper of this.#wrappers) wrapper[Symbol.dispose]();
    this.#empty[Symbol.dispose]();
  }
}
