/** The fuzz targets on their seeds and on a fixed set of mutations: a short run of what `npm run fuzz` does for long. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { packetTargets } from "../../scripts/fuzz/packet.ts";

describe("fuzz targets", () => {
  it.each(Object.entries(packetTargets))("%s", async (_, { seeds, run }) => {
    const corpus = await seeds();
    expect(corpus.length).toBeGreaterThan(1);
    for (const bytes of corpus) await run(bytes);
    const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...corpus), edits, async (seed, changes) => {
        const bytes = Uint8Array.from(seed);
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        await run(bytes);
      }),
      { numRuns: 300, seed: 7 },
    );
  });
});
