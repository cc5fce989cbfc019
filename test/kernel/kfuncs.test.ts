/** Kernel functions of the machine against the kernel's: iterators, dynamic pointers over packets of one or more pieces. */
import { expect, it } from "vitest";
import { Pair, readDriver } from "../support/drivers.ts";
import { Random, runSeed } from "../support/random.ts";
import { suite } from "../support/require.ts";

const seed = runSeed();

suite("kernel functions", ["bpf", "kernel 6.11"], () => {
  const same = (pair: Pair, words: readonly (number | bigint)[], bytes: Uint8Array, packet: Uint8Array): bigint[] => {
    const { kernel, machine } = pair.call({ words, bytes, packet });
    expect(machine, `words ${words.join(", ")} of XDPKIT_SEED=${seed}, ${packet.length} bytes`).toEqual(kernel);
    return [...kernel.words];
  };

  it("bpf_iter_num", async () => {
    using pair = await Pair.of(readDriver("kfuncs"), "kfuncs");
    const edges = [0, 1, 5, 100, -1, -7, 0x7fff_ffff, -0x8000_0000];
    const results = edges.flatMap((start) =>
      [...edges, 9_000_000].map((end) =>
        end - start > 1000 && end - start <= 8 * 1024 * 1024
          ? 0n
          : same(pair, [0, start, end], new Uint8Array(0), new Uint8Array(64))[1]!,
      ),
    );
    expect([...new Set(results)].sort()).toEqual([-22n, -7n, 0n]);
  });

  it("bpf_iter_bits", async () => {
    using pair = await Pair.of(readDriver("kfuncs"), "kfuncs");
    const random = new Random(seed);
    const results = new Set<bigint>();
    for (let i = 0; i < 100; i++) {
      const count = random.pick([0, 1, 1, 2, 7, 60, 511, 512, 0xffff_ffff]);
      // More words than the parameters have would be read from what lies behind them.
      if (count > 60 && count < 512) continue;
      const bytes = random.bytes(512).map((byte) => (byte < 100 ? 0 : byte));
      results.add(same(pair, [1, count, random.chance(0.9) ? 1 : 0], bytes, new Uint8Array(64))[1]!);
    }
    expect([...results].sort()).toEqual([-22n, -7n, 0n]);
  });

  it.each([
    ["kfuncs", 14, 200],
    ["kfuncs_fragments", 3400, 9000],
  ] as const)("dynamic pointers: %s, packets of %i to %i bytes", async (program, from, to) => {
    using pair = await Pair.of(readDriver("kfuncs"), program);
    const random = new Random(seed);
    const adjusted = new Set<bigint>();
    const pieces = new Set<boolean>();
    for (let i = 0; i < 300; i++) {
      const packet = random.bytes(random.between(from, to));
      const at = (): number => random.pick([0, 1, 14, random.between(0, packet.length + 3), 0xffff_fff0]);
      const flags = (): number => (random.chance(0.1) ? 1 : 0);
      const [start, end] = random.chance(0.7) ? [0, packet.length] : [at(), at()];
      const offset = random.chance(0.7) ? random.between(0, packet.length) : at();
      const words = same(pair, [2, start, end, offset, flags(), flags(), flags()], random.bytes(512), packet);
      adjusted.add(words[3]!);
      pieces.add(words[10] !== -1n);
    }
    expect([...adjusted].sort()).toEqual([-22n, -34n, 0n]);
    expect(pieces.size).toBe(2);
  });
});
