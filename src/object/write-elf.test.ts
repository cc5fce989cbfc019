import { describe, expect, it } from "vitest";
import {
  allObjects,
  debianObjects,
  isBigEndian,
  ownObjects,
  readFile,
  readObjectFile,
} from "../../test/objects/corpus.ts";
import { extent } from "../../test/support/extent.ts";
import { Random, runSeed } from "../../test/support/random.ts";
import { randomProgram } from "../../test/support/random-programs.ts";
import { suite } from "../../test/support/require.ts";
import { XdpkitError } from "../base/index.ts";
import { describe as describeType, resolve, sizeOf } from "../btf/index.ts";
import { parse } from "../isa/index.ts";
import { assemble, type BpfMap, type BpfObject, printAssembly, programKind, readElf, writeElf } from "./index.ts";

const OBJECTS = extent(100, 1_000);
const littleEndian = allObjects.filter((file) => !isBigEndian(file));

/** A program made by code, without any BTF. */
function made(maps: readonly BpfMap[], text = "r0 = 2\nexit"): BpfObject {
  const name = "pass";
  const body = { instructions: parse(text), references: [], lines: [], relocations: [] };
  return {
    license: "GPL",
    functions: [{ name, section: "xdp", linkage: "global", program: programKind("xdp"), ...body }],
    maps,
    externs: [],
  };
}

function plainMap(name: string, changes: Partial<BpfMap> = {}): BpfMap {
  const shape = { type: 1, keySize: 4, valueSize: 8, maxEntries: 16, flags: 0, pinByName: false };
  return { name, style: "btf", ...shape, ...changes };
}

describe("what was read is written the same", () => {
  it.each(littleEndian)("$name", (file) => {
    const object = readElf(readFile(file));
    const written = writeElf(object, { legacyMaps: "keep" });
    expect(readElf(written)).toEqual(object);
    expect(writeElf(readElf(written), { legacyMaps: "keep" })).toEqual(written);
  });

  it("refuses big-endian objects", () => {
    const object = readElf(readObjectFile("ethertype-be.o"));
    expect(() => writeElf(object)).toThrow(expect.objectContaining({ code: "OBJECT_BIG_ENDIAN" }));
  });
});

describe("random objects", () => {
  it("are read as they were written, and assembled as they were printed", () => {
    // What a referenced instruction holds before it is linked means nothing.
    const code = (object: BpfObject) =>
      object.functions.map(({ name, section, linkage, instructions, references }) => {
        const linked = new Set(references.map(({ instruction }) => instruction));
        const held = instructions.map((one, index) => (linked.has(index) ? { ...one, imm: 0 } : one));
        return { name, section, linkage, instructions: held, references };
      });
    const seed = runSeed();
    for (let i = 0; i < OBJECTS; i++) {
      const object = randomProgram(new Random(seed + i));
      const written = writeElf(object);
      const read = readElf(written);
      expect(code(read), `XDPKIT_SEED=${seed + i}`).toEqual(code(object));
      expect(readElf(writeElf(read))).toEqual(read);
      expect(code(assemble(printAssembly(object)))).toEqual(code(object));
    }
  });
});

suite("the corpus", ["/usr/lib/x86_64-linux-gnu/bpf/xdp-dispatcher.o"], () => {
  it("holds what Debian's xdp-tools and libxdp install", () => {
    expect(debianObjects.length).toBeGreaterThanOrEqual(15);
    expect(ownObjects.length).toBeGreaterThanOrEqual(40);
  });
});

describe("large objects", () => {
  const [instructions, functions] = [extent(20_000, 100_000), extent(1_000, 5_000)];
  it(`writes, reads, prints and assembles ${instructions} instructions and ${functions} functions`, () => {
    const long = made([], "r0 = 2\n".repeat(instructions));
    const [pass] = long.functions;
    if (!pass) throw new Error("no function");
    const small = Array.from({ length: functions }, (_, i) => ({
      ...pass,
      name: `f${i}`,
      instructions: parse("exit"),
    }));
    const object = { ...long, functions: [pass, ...small] };
    const again = readElf(writeElf(object));
    expect(again.functions).toEqual(object.functions);
    expect(assemble(printAssembly(again)).functions).toEqual(object.functions);
  });
});

describe("maps without BTF", () => {
  it("declares legacy maps anew", () => {
    const object = readElf(writeElf(readElf(readObjectFile("iproute2.o"))));
    expect(object.maps.map(({ name, style, type }) => [name, style, type])).toEqual([
      ["jumps", "btf", 3],
      ["counters", "btf", 2],
      ["outer", "btf", 12],
    ]);
    expect(object.maps[0]?.slots).toEqual([{ index: 1, target: "odd" }]);
    expect(object.maps[2]).toMatchObject({
      slots: [{ index: 1, target: "counters" }],
      inner: { type: 2, valueSize: 8 },
    });
    expect(object.functions.find(({ name }) => name === "entry")?.references.map(({ kind }) => kind)).toEqual([
      "map",
      "map",
    ]);
  });

  it("makes types for keys and values of maps made by code", () => {
    const maps = [
      plainMap("plain"),
      plainMap("prefixes", { type: 11, keySize: 8, valueSize: 12, flags: 1 }),
      plainMap("queue", { type: 22, keySize: 0, valueSize: 4 }),
      plainMap("filter", { type: 30, keySize: 0, valueSize: 4, extra: 3n }),
      plainMap("pinned", { pinByName: true, numaNode: 0 }),
    ];
    const object = readElf(writeElf(made(maps)));
    const typeName = (id: number | undefined) =>
      id === undefined || !object.btf ? null : describeType(resolve(object.btf, id));
    expect(object.maps.map((map) => [map.name, typeName(map.keyType), typeName(map.valueType)])).toEqual([
      ["plain", "__u32", "__u64"],
      ["prefixes", "struct prefixes_key", "struct prefixes_value"],
      ["queue", null, null],
      ["filter", null, null],
      ["pinned", "__u32", "__u64"],
    ]);
    for (const [index, map] of maps.entries()) expect(object.maps[index]).toMatchObject(map);
    expect(object.btf && sizeOf(object.btf, object.maps[1]?.valueType ?? 0)).toBe(12);
  });

  it("adds maps to an object that has others, and keeps its type ids", () => {
    const object = readElf(readObjectFile("ethertype.o"));
    const more = readElf(writeElf({ ...object, maps: [...object.maps, plainMap("extra")] }));
    expect(more.maps.map(({ name }) => name)).toEqual(["by_type", "totals", "extra"]);
    expect(more.functions).toEqual(object.functions);
    const kept = object.btf?.types.filter((type) => !(type.kind === "section" && type.name === ".maps"));
    expect(more.btf?.types.filter((type) => kept?.includes(type) || type.kind !== "section")).toEqual(
      expect.arrayContaining(kept?.filter((type) => type.kind !== "section") ?? []),
    );
  });

  it("names what a reference misses", () => {
    const object = made([], "r1 = 0 ll\nexit");
    const [function_] = object.functions;
    const broken = {
      ...object,
      functions: [{ ...function_, references: [{ instruction: 0, kind: "map", map: "gone" }] }],
    };
    try {
      writeElf(broken as BpfObject);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(XdpkitError);
      expect(error).toMatchObject({ code: "OBJECT_UNDEFINED", problem: "pass refers to map gone, which is not there" });
    }
  });
});
