import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { allObjects, readFile, readObjectFile } from "../../test/objects/corpus.ts";
import { expectGolden } from "../../test/objects/golden.ts";
import { suite } from "../../test/support/require.ts";
import { XdpkitError } from "../base/index.ts";
import {
  alignmentOf,
  type Btf,
  type BtfType,
  decodeValue,
  encodeValue,
  findByName,
  nameIndex,
  printBtf,
  printType,
  readBtf,
  resolve,
  sizeOf,
  writeBtf,
} from "./index.ts";
import { printPadding } from "./print-padding.ts";

/** The `.BTF` section of an ELF file, found without the object layer, which stands above this one. */
function btfSection(file: Uint8Array): Uint8Array {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const little = view.getUint8(5) === 1;
  const table = Number(view.getBigUint64(0x28, little));
  const row = (index: number) => {
    const at = table + 64 * index;
    const offset = Number(view.getBigUint64(at + 24, little));
    return {
      name: view.getUint32(at, little),
      bytes: file.subarray(offset, offset + Number(view.getBigUint64(at + 32, little))),
    };
  };
  const names = row(view.getUint16(0x3e, little)).bytes;
  const nameAt = (offset: number) => new TextDecoder().decode(names.subarray(offset, names.indexOf(0, offset)));
  for (let i = 0; i < view.getUint16(0x3c, little); i++) if (nameAt(row(i).name) === ".BTF") return row(i).bytes;
  throw new Error("no .BTF");
}

const objectBtf = (name: string): Btf => readBtf(btfSection(readObjectFile(name)));

function failure(run: () => unknown): XdpkitError {
  try {
    run();
  } catch (error) {
    if (error instanceof XdpkitError) return error;
    throw error;
  }
  throw new Error("it did not throw");
}

const int = (name: string, size: number, signed = false): BtfType => ({
  kind: "int",
  name,
  size,
  bits: 8 * size,
  bitOffset: 0,
  signed,
  char: false,
  bool: false,
});

/** One type of each kind, 1 to 19. */
const EVERY_KIND: Btf = {
  types: [
    { kind: "void" },
    int("int", 4, true),
    { kind: "pointer", type: 4 },
    { kind: "array", element: 1, index: 1, length: 3 },
    {
      kind: "struct",
      name: "s",
      size: 16,
      bitfields: true,
      members: [
        { name: "a", type: 1, bitOffset: 0, bitSize: 3 },
        { name: "b", type: 3, bitOffset: 32, bitSize: 0 },
      ],
    },
    {
      kind: "union",
      name: "u",
      size: 4,
      bitfields: false,
      members: [{ name: "x", type: 1, bitOffset: 0, bitSize: 0 }],
    },
    {
      kind: "enum",
      name: "e",
      size: 4,
      signed: true,
      values: [
        { name: "A", value: -1 },
        { name: "B", value: 7 },
      ],
    },
    { kind: "forward", name: "later", union: true },
    { kind: "typedef", name: "t", type: 4 },
    { kind: "volatile", type: 1 },
    { kind: "const", type: 9 },
    { kind: "restrict", type: 2 },
    { kind: "function", name: "f", prototype: 13, linkage: "global" },
    {
      kind: "prototype",
      returns: 1,
      parameters: [
        { name: "p", type: 2 },
        { name: "", type: 0 },
      ],
    },
    { kind: "variable", name: "v", type: 1, linkage: "static" },
    { kind: "section", name: ".data", size: 4, variables: [{ type: 14, offset: 0, size: 4 }] },
    { kind: "float", name: "double", size: 8 },
    { kind: "declTag", name: "tag", type: 4, component: -1 },
    { kind: "typeTag", name: "user", type: 1, attribute: true },
    { kind: "enum64", name: "w", size: 8, signed: false, values: [{ name: "C", value: 2n ** 63n + 1n }] },
  ],
};

describe("read and write", () => {
  it("gives every kind back", () => {
    expect(readBtf(writeBtf(EVERY_KIND))).toEqual(EVERY_KIND);
  });

  it("writes a name once, and the same bytes for the same types", () => {
    const bytes = writeBtf(EVERY_KIND);
    expect(writeBtf(readBtf(bytes))).toEqual(bytes);
    const text = new TextDecoder("latin1").decode(bytes.subarray(bytes.indexOf(0, 24)));
    expect(text.split("\0double\0")).toHaveLength(2);
  });

  it.each(allObjects)("keeps the types of $name", (file) => {
    const btf = readBtf(btfSection(readFile(file)));
    expect(readBtf(writeBtf(btf))).toEqual(btf);
  });

  it("reads non-ASCII names", () => {
    const btf: Btf = { types: [{ kind: "void" }, int("größe_t", 4)] };
    expect(readBtf(writeBtf(btf))).toEqual(btf);
  });

  it("reads both byte orders alike", () => {
    const counts = (btf: Btf) => btf.types.map((type) => type.kind).sort();
    expect(counts(objectBtf("ethertype-be.o"))).toEqual(counts(objectBtf("ethertype.o")));
  });
});

describe("hostile BTF", () => {
  const valid = writeBtf(EVERY_KIND);
  const changed = (at: number, value: number) => {
    const bytes = valid.slice();
    new DataView(bytes.buffer).setUint32(at, value, true);
    return bytes;
  };

  it.each([
    ["an empty file", new Uint8Array(), "BTF_TRUNCATED", 0],
    ["another magic", Uint8Array.of(0x7f, 0x45, 1, 0), "BTF_MAGIC", 0],
    ["another version", Uint8Array.of(0x9f, 0xeb, 2, 0), "BTF_VERSION", 2],
    ["a short header", changed(4, 8), "BTF_TRUNCATED", 4],
    ["a type section beyond the end", changed(12, 0xffff_ffff), "BTF_TRUNCATED", 24],
    [
      "a string section beyond the end",
      changed(20, 0x1000_0000),
      "BTF_TRUNCATED",
      24 + new DataView(valid.buffer).getUint32(12, true),
    ],
    ["a name beyond the strings", changed(24, 0xffff), "BTF_NAME", 24],
    ["an unknown kind", changed(28, 31 << 24), "BTF_KIND", 28],
    ["an int of 17 bytes", changed(32, 17), "BTF_FIELD", 32],
    ["more members than bytes", changed(28, (4 << 24) | 0xffff), "BTF_TRUNCATED", 36],
    ["a type that is not there", changed(24 + 16 + 8, 99), "BTF_TYPE_ID", 24],
  ] as const)("%s", (_, bytes, code, offset) => {
    const error = failure(() => readBtf(bytes));
    expect({ code: error.code, at: error.at }).toEqual({ code, at: { kind: "byte", offset } });
    expect(error.hint).toMatch(/\w/);
  });

  it("counts offsets from the base", () => {
    expect(failure(() => readBtf(changed(28, 31 << 24), { base: 1000 })).at).toEqual({ kind: "byte", offset: 1028 });
  });

  it("ends on types that contain themselves", () => {
    const loop: Btf = {
      types: [{ kind: "void" }, { kind: "typedef", name: "a", type: 2 }, { kind: "const", type: 1 }],
    };
    for (const run of [() => sizeOf(loop, 1), () => printBtf(loop), () => alignmentOf(loop, 1)]) {
      expect(failure(run).code).toBe("BTF_CYCLE");
    }
    const array: Btf = { types: [{ kind: "void" }, { kind: "array", element: 1, index: 1, length: 2 }] };
    expect(failure(() => sizeOf(array, 1)).code).toBe("BTF_CYCLE");
    expect(failure(() => printType(array, 1)).code).toBe("BTF_CYCLE");
  });

  it("ends on anonymous structs that unfold without end", () => {
    const types: BtfType[] = [{ kind: "void" }];
    for (let id = 1; id < 60; id++) {
      const members = ["a", "b"].map((name) => ({ name, type: id + 1, bitOffset: 0, bitSize: 0 }));
      types.push({ kind: "struct", name: "", size: 0, bitfields: false, members });
    }
    types.push(int("int", 4));
    types.push({ kind: "typedef", name: "bomb", type: 1 });
    expect(failure(() => printType({ types }, 61)).code).toBe("BTF_LIMIT");
    expect(failure(() => decodeValue({ types }, 1, new Uint8Array())).code).toMatch(/^BTF_(LIMIT|VALUE_SIZE)$/);
    expect(alignmentOf({ types }, 1)).toBeGreaterThan(0);
  });
});

describe("queries", () => {
  const btf = objectBtf("types.o");
  const id = (kind: BtfType["kind"], name: string) => findByName(btf, kind, name) as number;

  it.each([
    ["struct", "packed", 15, 1],
    ["struct", "bits", 16, 8],
    ["struct", "tree", 64, 8],
    ["typedef", "matrix_t", 48, 4],
    ["union", "either", 4, 4],
    ["enum64", "wide", 8, 8],
  ] as const)("%s %s has %i bytes and alignment %i", (kind, name, size, alignment) => {
    expect([sizeOf(btf, id(kind, name)), alignmentOf(btf, id(kind, name))]).toEqual([size, alignment]);
  });

  it("finds what typedefs mean, and names", () => {
    expect(resolve(btf, id("typedef", "point_t"))).toMatchObject({ kind: "struct", name: "", size: 8 });
    expect(findByName(btf, "struct", "nobody")).toBeNull();
    expect(nameIndex(btf).get("tree")).toEqual([id("struct", "tree")]);
  });

  it("knows what has no size", () => {
    const error = failure(() => sizeOf(btf, findByName(btf, "forward", "opaque") as number));
    expect([error.code, error.problem]).toEqual(["BTF_NO_SIZE", "struct opaque, which is only declared, has no size"]);
  });
});

describe("C", () => {
  it("pads like the compiler", () => {
    const gap = (from: number, to: number, alignment: number, betweenBitfields = false) =>
      printPadding({ from, to, alignment, betweenBitfields });
    expect(gap(8, 32, 4)).toEqual([]);
    expect(gap(21, 64, 8, true)).toEqual(["long: 43"]);
    expect(gap(8, 128, 4)).toEqual(["long: 64"]);
    expect(gap(8, 64, 4)).toEqual(["long: 0"]);
    expect(gap(32, 40, 1)).toEqual(["char: 8"]);
  });

  it("is the golden file for types.o", () => {
    expectGolden("btf-types.h", printBtf(objectBtf("types.o")));
  });

  it("prints one type with what it needs", () => {
    const btf = objectBtf("types.o");
    expect(printType(btf, findByName(btf, "struct", "bits") as number)).toBe(
      "enum small {\n\tSMALL_A = 0,\n\tSMALL_B = 5,\n\tSMALL_C = -1,\n};\n\n" +
        "struct bits {\n\tunsigned int a: 3;\n\tunsigned int b: 13;\n\tint c: 5;\n\tlong: 43;\n" +
        "\tunsigned long long d: 40;\n\t_Bool e: 1;\n\tenum small f: 8;\n};\n\n",
    );
  });
});

const bpftool = (path: string) =>
  execFileSync("bpftool", ["btf", "dump", "file", path, "format", "c"], { encoding: "utf8", maxBuffer: 1 << 28 });

suite("as bpftool prints it", ["bpftool"], () => {
  it.each(allObjects)("$name", (file) => {
    expect(printBtf(readBtf(btfSection(readFile(file))))).toBe(bpftool(file.path));
  });
});

const VMLINUX = "/sys/kernel/btf/vmlinux";

suite("the kernel's own BTF", ["bpftool", VMLINUX], () => {
  const read = (): Uint8Array => new Uint8Array(readFileSync(VMLINUX));

  it("prints as bpftool prints it, and reads back what it writes", () => {
    const btf = readBtf(read());
    expect(btf.types.length).toBeGreaterThan(50_000);
    expect(printBtf(btf) === bpftool(VMLINUX)).toBe(true);
    expect(readBtf(writeBtf(btf)).types.length).toBe(btf.types.length);
  });

  it("reads four times as much in not much more than four times the time", () => {
    const { types } = readBtf(read());
    const first = writeBtf({ types: types.filter(({ kind }) => kind === "int" || kind === "forward") });
    const copies = (count: number): Uint8Array =>
      writeBtf({ types: Array.from({ length: count }, () => readBtf(first).types.slice(1)).flat() });
    const fastest = (bytes: Uint8Array): number =>
      Math.min(
        ...Array.from({ length: 7 }, () => {
          const start = performance.now();
          readBtf(bytes);
          return performance.now() - start;
        }),
      );
    const [small, large] = [copies(20), copies(80)];
    fastest(small);
    expect(fastest(large) / fastest(small)).toBeLessThan(10);
  });
});

describe("values", () => {
  const btf = objectBtf("types.o");
  const value = findByName(btf, "struct", "value") as number;
  const key = findByName(btf, "struct", "key") as number;
  const example = {
    packets: 2n ** 63n,
    state: "SMALL_C",
    mode: "WIDE_A",
    either: { number: 0x04030201, bytes: [1, 2, 3, 4], low: 0x0201, high: 0x0403 },
    name: "eth0",
    raw: [1, 0, 255, 9],
    bits: { a: 7, b: 4097, c: -16, d: 2n ** 39n + 5n, e: true, f: "SMALL_B" },
    points: [
      { x: -1, y: 2 },
      { x: 3, y: 4 },
    ],
    flag: true,
    delta: -2,
  };

  it("encodes and decodes a struct of everything", () => {
    const bytes = encodeValue(btf, value, example);
    expect(bytes).toHaveLength(80);
    expect(Array.from(bytes.subarray(0, 12))).toEqual([0, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0xff, 0xff, 0xff]);
    expect(decodeValue(btf, value, bytes)).toEqual(example);
  });

  it("takes text for numbers, and leaves out what is zero", () => {
    expect(Array.from(encodeValue(btf, key, { port: "0x50", address: "1" }))).toEqual([1, 0, 0, 0, 0x50, 0, 0, 0]);
    expect(decodeValue(btf, key, new Uint8Array(8))).toEqual({ address: 0, port: 0, protocol: 0, pad: 0 });
  });

  it("keeps bytes that are no text as numbers, and unnamed enumerators as numbers", () => {
    const bytes = encodeValue(btf, value, { state: 3, name: [1, 2, 3] });
    expect(decodeValue(btf, value, bytes)).toMatchObject({ state: 3, name: [1, 2, 3, 0, 0, 0, 0, 0] });
  });

  it("decodes what it encodes, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 80, maxLength: 80 }), fc.boolean(), (bytes, littleEndian) => {
        const options = { littleEndian };
        const decoded = decodeValue(btf, value, bytes, options);
        const again = encodeValue(btf, value, decoded, "$", options);
        expect(decodeValue(btf, value, again, options)).toEqual(decoded);
      }),
      { numRuns: 300 },
    );
  });

  it("places bit fields of big-endian values from the high end", () => {
    const types: BtfType[] = [
      { kind: "void" },
      int("u32", 4),
      {
        kind: "struct",
        name: "b",
        size: 4,
        bitfields: true,
        members: [
          { name: "a", type: 1, bitOffset: 0, bitSize: 4 },
          { name: "b", type: 1, bitOffset: 4, bitSize: 12 },
        ],
      },
    ];
    const bytes = Uint8Array.of(0xab, 0xcd, 0, 0);
    expect(decodeValue({ types }, 2, bytes, { littleEndian: false })).toEqual({ a: 0xa, b: 0xbcd });
    expect(decodeValue({ types }, 2, bytes)).toEqual({ a: 0xb, b: 0xcda });
  });

  it.each([
    [{ port: 70000 }, "BTF_VALUE_RANGE", "$.key.port", "70000 does not fit: 0 to 65535"],
    [{ port: "http" }, "BTF_VALUE", "$.key.port", 'found "http", expected an integer'],
    [{ port: 1.5 }, "BTF_VALUE", "$.key.port", "found 1.5, expected an integer"],
    [{ prt: 80 }, "BTF_VALUE_MEMBER", "$.key.prt", "there is no member prt"],
    [80, "BTF_VALUE", "$.key", "found 80, expected an object"],
  ] as const)("refuses the key %j", (wrong, code, path, message) => {
    const error = failure(() => encodeValue(btf, key, wrong, "$.key"));
    expect([error.code, error.at, error.problem]).toEqual([code, { kind: "path", path }, message]);
  });

  it.each([
    [{ state: "SMALL_D" }, "BTF_VALUE", "$.state"],
    [{ points: [{ x: 1, z: 2 }] }, "BTF_VALUE_MEMBER", "$.points[0].z"],
    [{ points: [{}, {}, {}] }, "BTF_VALUE_LENGTH", "$.points"],
    [{ name: "much too long" }, "BTF_VALUE_LENGTH", "$.name"],
    [{ bits: { a: 8 } }, "BTF_VALUE_RANGE", "$.bits.a"],
    [{ flag: "yes" }, "BTF_VALUE", "$.flag"],
    [{ raw: "text" }, "BTF_VALUE", "$.raw"],
  ] as const)("refuses the value %j", (wrong, code, path) => {
    const error = failure(() => encodeValue(btf, value, wrong as never));
    expect([error.code, error.at]).toEqual([code, { kind: "path", path }]);
  });

  it("wants the size of the type", () => {
    expect(failure(() => decodeValue(btf, key, new Uint8Array(7))).problem).toBe(
      "the value has 7 bytes, its type has 8",
    );
  });
});
