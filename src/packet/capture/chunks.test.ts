/** Any sizes from any chunks. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatBytes } from "../../base/index.ts";
import { ChunkReader } from "./chunks.ts";

describe("chunks", () => {
  it("takes any sizes from any chunks", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 200 }),
        fc.array(fc.integer({ min: 0, max: 50 })),
        async (chunks, sizes) => {
          const all = concatBytes(...chunks);
          const reader = new ChunkReader(chunks);
          let at = 0;
          for (const size of sizes) {
            const isThere = await reader.fill(size);
            expect(isThere).toBe(at + size <= all.length);
            if (!isThere) break;
            expect(reader.peek(size)).toEqual(all.subarray(at, at + size));
            expect(reader.take(size)).toEqual(all.subarray(at, at + size));
            at += size;
            expect(reader.position).toBe(at);
          }
        },
      ),
    );
  });
  it("a piece inside one chunk is a view, not a copy", async () => {
    const chunk = new Uint8Array(100);
    const reader = new ChunkReader([chunk]);
    await reader.fill(100);
    expect(reader.take(10).buffer).toBe(chunk.buffer);
  });
});
