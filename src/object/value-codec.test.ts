/** Codecs by BTF where it says less than the bytes hold. */
import { expect, it } from "vitest";
import type { Btf } from "../btf/index.ts";
import { variableCodec } from "./value-codec.ts";

const INT = { kind: "int", bitOffset: 0, signed: false, char: false, bool: false } as const;

it("reads and writes a variable with a flexible array up to the array", () => {
  // struct { __u32 count; __u8 data[]; } flexible = { 2, { 1, 2 } };
  const btf: Btf = {
    types: [
      { kind: "void" },
      { ...INT, name: "__u32", size: 4, bits: 32 },
      { ...INT, name: "__u8", size: 1, bits: 8 },
      { kind: "array", element: 2, index: 1, length: 0 },
      {
        kind: "struct",
        name: "flexible",
        size: 4,
        bitfields: false,
        members: [
          { name: "count", type: 1, bitOffset: 0, bitSize: 0 },
          { name: "data", type: 3, bitOffset: 32, bitSize: 0 },
        ],
      },
    ],
  };
  const codec = variableCodec(btf, { name: "flexible", type: 4, offset: 0, size: 6, linkage: "global" });
  expect(codec.decode(Uint8Array.of(2, 0, 0, 0, 1, 2).subarray(0, codec.size))).toEqual({ count: 2, data: [] });
  expect([...codec.encode({ count: 3 }, "$")]).toEqual([3, 0, 0, 0]);
});
