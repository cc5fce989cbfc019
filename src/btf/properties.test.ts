/** Random BTF of every kind, written and read; random bytes, read and written. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { XdpkitError } from "../base/index.ts";
import { type Btf, type BtfType, readBtf, writeBtf } from "./index.ts";

const COUNT = 12;
/** Any of the types of the file: the graphs need not make sense in C. */
const id = fc.integer({ min: 0, max: COUNT });
const name = fc.oneof(fc.constant(""), fc.stringMatching(/^[a-z_.é]{1,12}$/));
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const enumSize = fc.constantFrom(1, 2, 4, 8);
const floatSize = fc.constantFrom(2, 4, 8, 12, 16);
const list = <T>(one: fc.Arbitrary<T>) => fc.array(one, { maxLength: 5 });
const flag = fc.boolean();

const member = (bitfields: boolean) =>
  fc.record({
    name,
    type: id,
    bitOffset: fc.integer({ min: 0, max: bitfields ? 0xffffff : 0xffffffff }),
    bitSize: bitfields ? fc.integer({ min: 0, max: 255 }) : fc.constant(0),
  });

const composite = fc.boolean().chain((bitfields) =>
  fc.record({
    kind: fc.constantFrom("struct" as const, "union" as const),
    name,
    size: u32,
    bitfields: fc.constant(bitfields),
    members: list(member(bitfields)),
  }),
);

const enumeration = fc.boolean().chain((signed) =>
  fc.record({
    kind: fc.constant("enum" as const),
    name,
    size: enumSize,
    signed: fc.constant(signed),
    values: list(fc.record({ name, value: signed ? fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }) : u32 })),
  }),
);

const wideEnumeration = fc.boolean().chain((signed) =>
  fc.record({
    kind: fc.constant("enum64" as const),
    name,
    size: enumSize,
    signed: fc.constant(signed),
    values: list(
      fc.record({
        name,
        value: signed
          ? fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
          : fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      }),
    ),
  }),
);

const linkage = fc.constantFrom("static" as const, "global" as const, "extern" as const);
/** Present only when it is set, as the reader gives it. */
const attribute = flag.map((set) => (set ? { attribute: true } : {}));

/** One arbitrary per kind; the compiler knows when a kind is missing. */
const KINDS: { readonly [K in Exclude<BtfType["kind"], "void">]: fc.Arbitrary<BtfType> } = {
  int: fc
    .record({
      kind: fc.constant("int" as const),
      name,
      size: fc.constantFrom(1, 2, 4, 8, 16),
      bits: fc.nat(),
      bitOffset: fc.nat(),
      signed: flag,
      char: flag,
      bool: flag,
    })
    // Width and offset lie inside of the size.
    .map(({ bits, bitOffset, ...rest }) => {
      const width = bits % (8 * rest.size + 1);
      return { ...rest, bits: width, bitOffset: bitOffset % (8 * rest.size - width + 1) };
    }),
  pointer: fc.record({ kind: fc.constant("pointer"), type: id }),
  array: fc.record({ kind: fc.constant("array"), element: id, index: id, length: u32 }),
  struct: composite,
  union: composite,
  enum: enumeration,
  enum64: wideEnumeration,
  forward: fc.record({ kind: fc.constant("forward"), name, union: flag }),
  typedef: fc.record({ kind: fc.constant("typedef"), name, type: id }),
  volatile: fc.record({ kind: fc.constant("volatile"), type: id }),
  const: fc.record({ kind: fc.constant("const"), type: id }),
  restrict: fc.record({ kind: fc.constant("restrict"), type: id }),
  function: fc.record({ kind: fc.constant("function"), name, prototype: id, linkage }),
  prototype: fc.record({
    kind: fc.constant("prototype"),
    returns: id,
    parameters: list(fc.record({ name, type: id })),
  }),
  variable: fc.record({ kind: fc.constant("variable"), name, type: id, linkage }),
  section: fc.record({
    kind: fc.constant("section"),
    name,
    size: u32,
    variables: list(fc.record({ type: id, offset: u32, size: u32 })),
  }),
  float: fc.record({ kind: fc.constant("float"), name, size: floatSize }),
  declTag: fc
    .tuple(name, id, fc.integer({ min: -1, max: 0x7fffffff }), attribute)
    .map(([tag, type, component, rest]) => ({ kind: "declTag", name: tag, type, component, ...rest })),
  typeTag: fc.tuple(name, id, attribute).map(([tag, type, rest]) => ({ kind: "typeTag", name: tag, type, ...rest })),
};

/** `COUNT` types, one of the given kind among them. */
const withKind = (kind: keyof typeof KINDS): fc.Arbitrary<Btf> =>
  fc
    .tuple(
      KINDS[kind],
      fc.array(fc.oneof(...Object.values(KINDS)), { minLength: COUNT - 1, maxLength: COUNT - 1 }),
      fc.integer({ min: 0, max: COUNT - 1 }),
    )
    .map(([one, others, at]) => ({ types: [{ kind: "void" }, ...others.slice(0, at), one, ...others.slice(at)] }));

describe("properties", () => {
  it.each(Object.keys(KINDS) as (keyof typeof KINDS)[])("reads what it writes: %s", (kind) => {
    fc.assert(fc.property(withKind(kind), (btf) => void expect(readBtf(writeBtf(btf))).toEqual(btf)));
  });

  it("writes what it reads, whatever bytes were changed", () => {
    const change = fc.array(fc.tuple(fc.nat(1 << 12), fc.integer({ min: 0, max: 255 })), { maxLength: 3 });
    fc.assert(
      fc.property(withKind("struct"), change, (btf, changes) => {
        const bytes = writeBtf(btf);
        for (const [at, value] of changes) bytes[24 + (at % (bytes.length - 24))] = value;
        let read: Btf;
        try {
          read = readBtf(bytes);
        } catch (error) {
          if (error instanceof XdpkitError && error.code.startsWith("BTF_")) return;
          throw error;
        }
        expect(readBtf(writeBtf(read))).toEqual(read);
      }),
      { numRuns: 2000 },
    );
  });
});
