/**
 * Helpers of the machine against the kernel's, with random arguments: probing reads, dynamic pointers, ring buffers,
 * loops and walks, redirects, tail calls.
 */
import { describe, expect, it } from "vitest";
import type { BpfObject } from "../../src/object/index.ts";
import { type Answer, type Call, Pair, readDriver } from "../support/drivers.ts";
import { Random, runSeed } from "../support/random.ts";
import { suite } from "../support/require.ts";

const key = (index: number): Uint8Array => new Uint8Array(Uint32Array.of(index).buffer);
const wide = (value: number): Uint8Array => new Uint8Array(BigUint64Array.of(BigInt(value)).buffer);
const seed = runSeed();

/** Both answers must be equal; returns the kernel's. */
function same(pair: Pair, call: Call, what = ""): Answer {
  const { kernel, machine } = pair.call(call);
  const { packet: _packet, ...shown } = call;
  const words = (shown.words ?? []).join(", ");
  expect(machine, `${what} of words ${words}, XDPKIT_SEED=${seed}`).toEqual(kernel);
  return kernel;
}

function seen(answers: Iterable<Answer>, word = 0): number[] {
  return [...new Set(Array.from(answers, (answer) => Number(answer.words[word])))].sort((a, b) => a - b);
}

/** The same bytes into a map of both. */
function setBoth(pair: Pair, map: string, at: Uint8Array, value: Uint8Array): void {
  expect(pair.loaded.map(map).trySet(at, value), `seeding ${map}`).toBe(0);
  pair.vm.map(map).set(at, value);
}

suite("helpers on memory", ["bpf"], () => {
  const object: BpfObject = readDriver("memory");

  it("bpf_probe_read and its kin", async () => {
    using pair = await Pair.of(object, "probe");
    const random = new Random(seed);
    const answers: Answer[] = [];
    // None of them is memory of the machine, whose addresses begin at 4096.
    const bad = [0, 1, 8, 4095, 0x7fff_ffff, 0xffff_ffff, 0x7fff_ffff_f000n, 0xdead_0000_0000_0000n, -1n];
    for (const operation of [0, 1, 2, 3]) {
      for (const address of bad) {
        for (const size of [0, 1, 8, 63]) answers.push(same(pair, { words: [address, size, 0, operation] }));
      }
      for (let i = 0; i < 200; i++) {
        const bytes = random.bytes(512).map((byte) => (byte < 30 ? 0 : byte));
        const words = [random.between(0, 255), random.between(0, 63), 1, operation];
        answers.push(same(pair, { words, bytes }));
      }
    }
    expect(seen(answers).slice(0, 3)).toEqual([-34, -14, 0]);
  });

  it("dynamic pointers", async () => {
    using pair = await Pair.of(object, "dynamic");
    const random = new Random(seed);
    const answers: Answer[] = [];
    const offset = (): number | bigint =>
      random.pick([
        0,
        1,
        7,
        8,
        240,
        248,
        250,
        254,
        255,
        256,
        0xffffffff,
        0xfffffff8,
        2n ** 32n,
        random.between(0, 255),
      ]);
    for (let i = 0; i < 3000; i++) {
      const flags = (): number => (random.chance(0.8) ? 0 : random.pick([1, 2, 8]));
      const words = [random.between(0, 255), offset(), random.between(0, 15), flags(), flags(), flags(), offset()];
      answers.push(same(pair, { words, bytes: random.bytes(512) }));
    }
    expect([seen(answers, 0), seen(answers, 1), seen(answers, 2)]).toEqual([
      [-22, 0],
      [-22, -7, 0],
      [-22, -7, 0],
    ]);
  });

  it("a ring buffer until it is full and after", async () => {
    const random = new Random(seed);
    const answers: Answer[] = [];
    for (let round = 0; round < 40; round++) {
      using pair = await Pair.of(object, "ring_use");
      for (let i = 0; i < 40; i++) {
        const flags = random.chance(0.9) ? 0 : random.pick([1, 2, 3, 4]);
        const size = random.pick([0, 1, 8, 100, 500, 511, 4080, 4088, 4089, 2 ** 24, 2 ** 30, random.between(0, 511)]);
        const words = [random.between(0, 3), size, flags, random.between(0, 1)];
        answers.push(same(pair, { words, bytes: random.bytes(512) }, `call ${i} of round ${round}`));
      }
    }
    expect(seen(answers)).toEqual([-22, -11, -7, 0, 1]);
  });

  it("loops and walks", async () => {
    const random = new Random(seed);
    const answers: Answer[] = [];
    for (let round = 0; round < 150; round++) {
      using pair = await Pair.of(object, "walk");
      for (let i = 0; i < 24; i++) setBoth(pair, "cells", key(i), wide(random.between(0, 99)));
      for (let i = random.between(0, 32); i > 0; i--) setBoth(pair, "table", key(random.u32()), wide(i));
      const kind = round % 5;
      // Counts, limits and flags take turns, so that every answer comes up whatever the seed.
      const turn = Math.floor(round / 5);
      const rounds = [0, 1, 5, 100, 0x80_0000, 0x80_0001, 0xffff_ffff, 2n ** 32n + 3n][turn % 8]!;
      // A walk that stops early over a hash depends on the order of its buckets.
      const limit = kind === 1 ? 0 : [0, 1, 2, 7, 24, 30][turn % 6]!;
      const quick = kind === 0 && limit === 0 && rounds === 0x80_0000 ? 1 : limit;
      const flags = round % 11 === 10 ? random.pick([1, 2n ** 32n]) : 0;
      answers.push(same(pair, { words: [rounds, flags, quick, random.between(0, 3), kind] }));
      const left = Array.from(pair.loaded.map("table").keys(), String).sort();
      expect(Array.from(pair.vm.map("table").keys(), String).sort()).toEqual(left);
    }
    expect(seen(answers)).toEqual(expect.arrayContaining([-22, -7, 0, 1, 24]));
  });

  it("bpf_perf_event_output without readers, bpf_map_lookup_percpu_elem", async () => {
    using pair = await Pair.of(object, "sample");
    for (let cpu = 0; cpu < 3; cpu++) pair.vm.map("samples").delete(cpu);
    const answers: Answer[] = [];
    const current = 0xffff_ffffn;
    const flags = [
      0,
      1,
      2,
      3,
      100,
      current,
      current | (64n << 32n),
      64n << 32n,
      65n << 32n,
      0xfffffn << 32n,
      1n << 52n,
    ];
    for (const flag of [...flags, -1n, 1n << 63n]) {
      for (const [at, cpu] of [
        [0, 0],
        [3, 1],
        [4, 0],
        [0, 5000],
        [0, 0xffff_ffff],
      ] as const) {
        answers.push(same(pair, { words: [flag, 7, at, cpu] }));
      }
    }
    expect(seen(answers)).toEqual([-22, -14, -7, -2]);
  });
});

suite("helpers on targets", ["bpf"], () => {
  const object = readDriver("targets");

  it("bpf_redirect and bpf_redirect_map answer every flag as the kernel's", async () => {
    using pair = await Pair.of(object, "redirect");
    for (const index of [1, 5]) {
      for (const ports of ["ports", "hashed_ports"]) {
        expect(pair.loaded.map(ports).trySet(key(index), key(1))).toBe(0);
        pair.vm.map(ports).set(index, 1);
      }
    }
    expect(pair.loaded.map("cpus").trySet(key(1), key(192))).toBe(0);
    pair.vm.map("cpus").set(1, { queueSize: 192 });
    const flags = [...Array.from({ length: 40 }, (_, i) => i), 64, 256, 0x8000_0000, 2n ** 32n, 2n ** 32n + 2n, -1n];
    const answers: Answer[] = [];
    for (const kind of [0, 1, 2, 3, 4]) {
      for (const at of [0, 1, 3, 5, 8, 100, 0xffff_ffff, 2n ** 32n + 1n]) {
        for (const flag of flags) answers.push(same(pair, { words: [at, flag, kind] }));
      }
    }
    expect(seen(answers)).toEqual([0, 1, 2, 3, 4]);
  });

  describe("tail calls", () => {
    async function prepared(program: string, slots: Readonly<Record<number, string>>): Promise<Pair> {
      const pair = await Pair.of(object, program);
      for (const [index, name] of Object.entries(slots)) {
        expect(pair.loaded.map("programs").trySet(key(Number(index)), key(pair.loaded.program(name).fd))).toBe(0);
        pair.vm.map("programs").set(Number(index), name);
      }
      return pair;
    }

    it("end at the 33rd", async () => {
      using pair = await prepared("again", { 0: "again" });
      const answer = same(pair, { words: [0] });
      expect([answer.action, ...answer.words.slice(0, 2)]).toEqual([3, 34n, 1n]);
    });

    it.each([1, 3, 4, 5, 0xffff_ffff])("fall through at slot %i, which is empty or none", async (slot) => {
      using pair = await prepared("again", { 0: "again" });
      const answer = same(pair, { words: [slot] });
      expect([answer.action, ...answer.words.slice(0, 2)]).toEqual([3, 1n, 1n]);
    });

    const slots = { 0: "again", 1: "from_function", 2: "with_functions", 3: "redirect" };
    it.each([
      [0, 1, 1, 0],
      [0, 2, 2, 9],
      [0, 0, 2, 9],
      [9, 2, 0, 9],
      [0, 2, 3, 3],
      [1, 1, 1, 1],
      [9, 1, 1, 9],
      [2, 2, 2, 2],
      [0, 9, 9, 0],
    ])("from a function: slots %j", async (...words) => {
      using pair = await prepared("from_function", slots);
      same(pair, { words }, words.join());
    });
    it.each([
      [0, 1, 2, 0],
      [0, 1, 2, 1],
      [0, 1, 2, 2],
      [0, 9, 9, 1],
    ])("of a program with functions: slots %j", async (...words) => {
      using pair = await prepared("with_functions", slots);
      same(pair, { words }, words.join());
    });
  });
});
