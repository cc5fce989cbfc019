/** Random layouts and values, both ways. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  array,
  be16,
  be32,
  be64,
  bits,
  bool,
  bytes,
  decode,
  encode,
  flag,
  fromJson,
  i8,
  i16,
  i32,
  i64,
  ipv4Address,
  ipv6Address,
  layoutOf,
  mac,
  type Schema,
  type StructLayout,
  sameValue,
  struct,
  toJson,
  u8,
  u16,
  u32,
  u64,
} from "./index.ts";

/** A random schema with a generator of its values. */
interface Sample {
  readonly schema: Schema<unknown>;
  readonly value: fc.Arbitrary<unknown>;
}
const sample = (schema: Schema<unknown>, value: fc.Arbitrary<unknown>): Sample => ({ schema, value });
const octets = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const SCALARS: readonly Sample[] = [
  sample(u8, fc.integer({ min: 0, max: 255 })),
  sample(u16, fc.integer({ min: 0, max: 65535 })),
  sample(u32, fc.integer({ min: 0, max: 2 ** 32 - 1 })),
  sample(u64, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
  sample(i8, fc.integer({ min: -128, max: 127 })),
  sample(i16, fc.integer({ min: -32768, max: 32767 })),
  sample(i32, fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
  sample(i64, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
  sample(be16, fc.integer({ min: 0, max: 65535 })),
  sample(be32, fc.integer({ min: 0, max: 2 ** 32 - 1 })),
  sample(be64, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
  sample(bool, fc.boolean()),
  sample(bytes(5), octets(5)),
  sample(
    mac,
    octets(6).map((data) => mac(data)),
  ),
  sample(
    ipv4Address,
    octets(4).map((data) => ipv4Address(data)),
  ),
  sample(
    ipv6Address,
    octets(16).map((data) => ipv6Address(data)),
  ),
];

/** Bit groups of random widths that end on a byte. */
const bitGroup: fc.Arbitrary<readonly Sample[]> = fc
  .array(fc.integer({ min: 1, max: 32 }), { minLength: 1, maxLength: 6 })
  .map((widths) => {
    const rest = (8 - (widths.reduce((sum, width) => sum + width, 0) % 8)) % 8;
    return [...widths, ...(rest ? [rest] : [])].map((width) =>
      width === 1 ? sample(flag, fc.boolean()) : sample(bits(width), fc.integer({ min: 0, max: 2 ** width - 1 })),
    );
  });
const members = (depth: number): fc.Arbitrary<readonly Sample[]> =>
  fc
    .array(
      fc.oneof(
        fc.constantFrom(...SCALARS).map((one) => [one]),
        bitGroup,
        ...(depth > 0 ? [structs(depth - 1).map((one) => [one]), arrays(depth - 1).map((one) => [one])] : []),
      ),
      { maxLength: 5 },
    )
    .map((groups) => groups.flat());
const structs = (depth: number): fc.Arbitrary<Sample> =>
  members(depth).map((list) => {
    const Class = class extends struct(Object.fromEntries(list.map((one, i) => [`f${i}`, one.schema]))) {};
    const value = fc
      .tuple(...list.map((one) => one.value))
      .map((values) => new Class(Object.fromEntries(values.map((one, i) => [`f${i}`, one]))));
    return sample(Class as Schema<unknown>, value);
  });
const arrays = (depth: number): fc.Arbitrary<Sample> =>
  fc
    .tuple(fc.oneof(fc.constantFrom(...SCALARS), structs(depth)), fc.integer({ min: 0, max: 4 }))
    .map(([element, length]) =>
      sample(
        array(element.schema, length) as Schema<unknown>,
        fc.array(element.value, { minLength: length, maxLength: length }),
      ),
    );

describe("properties", () => {
  const both = (one: Sample) =>
    fc.assert(
      fc.property(one.value, (value) => {
        const data = encode(one.schema, value);
        expect(decode(one.schema, data)).toEqual(value);
        expect(
          sameValue(one.schema, fromJson(one.schema, JSON.parse(JSON.stringify(toJson(one.schema, value)))), value),
        ).toBe(true);
      }),
      { numRuns: 50 },
    );
  it("every scalar, value to bytes and back, and through JSON", () => {
    for (const one of SCALARS) both(one);
  });
  it("scalars: bytes to value to bytes", () => {
    for (const { schema } of SCALARS.filter((one) => one.schema !== bool)) {
      fc.assert(
        fc.property(octets(schema.size), (data) => void expect(encode(schema, decode(schema, data))).toEqual(data)),
      );
    }
  });
  it("random struct layouts", () => {
    fc.assert(
      fc.property(
        structs(2).chain((one) => fc.tuple(fc.constant(one), one.value)),
        ([{ schema }, value]) => {
          const data = encode(schema, value);
          expect(data.length).toBe(schema.size);
          expect(decode(schema, data)).toEqual(value);
          expect(encode(schema, decode(schema, data))).toEqual(data);
          expect(encode(schema, fromJson(schema, toJson(schema, value)))).toEqual(data);
        },
      ),
      { numRuns: 400 },
    );
  });
  it("fields of a random layout neither overlap nor misalign", () => {
    fc.assert(
      fc.property(structs(2), ({ schema }) => {
        const layout = layoutOf(schema) as StructLayout;
        let end = 0;
        for (const field of layout.fields) {
          expect(field.offsetBits).toBeGreaterThanOrEqual(end);
          if (field.layout.kind !== "bits") expect((field.offsetBits / 8) % field.layout.align).toBe(0);
          end = field.offsetBits + field.layout.size * 8;
        }
        expect(layout.size * 8).toBeGreaterThanOrEqual(end);
        expect(layout.size % layout.align).toBe(0);
      }),
    );
  });
});
