/** What readers must not lose or misread: sections of others, long definitions, labels, wide fields, addresses in data. */
import { describe, expect, it } from "vitest";
import { type Btf, encodeValue, readBtf, writeBtf } from "../btf/index.ts";
import { assemble } from "./assemble.ts";
import type { BpfObject } from "./bpf-object.ts";
import { printDisassembly } from "./disassemble.ts";
import { link } from "./link.ts";
import { printAssembly } from "./print-assembly.ts";
import { readElf } from "./read-elf.ts";
import { writeElf } from "./write-elf.ts";

const SIMPLE = assemble('.license "GPL"\n.section xdp\n.global main\nr0 = 2\nexit\n');

describe("objects keep", () => {
  it("sections of data that no loader knows, with their symbols", () => {
    const config = {
      section: ".xdp_run_config",
      readOnly: false,
      bytes: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
      variables: [{ name: "run_config", offset: 0, size: 8, linkage: "global" as const }],
    };
    const again = readElf(writeElf({ ...SIMPLE, sections: [config] }));
    expect(again.sections).toEqual([config]);
    expect(again.maps).toEqual([]);
  });

  it("legacy map definitions as long as BTF says they are", () => {
    const definition = (size: number): BpfObject => {
      const object = assemble(
        ".map flows style=legacy type=1 key=4 value=8 entries=16\n.section xdp\n.global main\nr0 = 2\nexit\n",
      );
      const btf: Btf = {
        types: [
          { kind: "void" },
          { kind: "int", name: "u8", size: 1, bits: 8, bitOffset: 0, signed: false, char: false, bool: false },
          { kind: "array", element: 1, index: 1, length: size },
          { kind: "variable", name: "flows", type: 2, linkage: "global" },
          { kind: "section", name: "maps", size, variables: [{ type: 3, offset: 0, size }] },
        ],
      };
      return { ...object, btf };
    };
    for (const size of [20, 28, 36, 60]) {
      const again = readElf(writeElf(definition(size), { legacyMaps: "keep" }));
      const section = again.btf!.types.at(-1)!;
      expect(section).toMatchObject({ size, variables: [{ offset: 0, size }] });
      expect(again.maps[0]).toMatchObject({ name: "flows", style: "legacy", maxEntries: 16 });
    }
  });

  it("labels that look like functions", () => {
    const object = assemble(".section xdp\n.global main\nr0 = 0\nagain:\nr0 += 1\nif r0 < 5 goto again\nexit\n");
    const text = printDisassembly(object);
    expect(text).toContain("0000000000000008 <again>:\t; label\n");
    const names = (one: BpfObject) => one.functions.map(({ name, instructions }) => `${name} ${instructions.length}`);
    expect(names(assemble(text))).toEqual(["main 4"]);
    expect(printDisassembly(object, { dialect: "llvm" })).toContain("0000000000000008 <again>:\n");
  });

  it.each([1n << 44n, (1n << 64n) - 1n, 5n])("map_extra %i, of 64 bits", (extra) => {
    const object = assemble(`.map arena type=33 key=0 value=0 entries=100 flags=1024 extra=${extra}`);
    expect(assemble(printAssembly(object)).maps[0]!.extra).toBe(extra);
    expect(() => assemble(".map arena type=33 key=0 value=0 entries=1 extra=18446744073709551616")).toThrow(
      "18446744073709551616 is no number of 64 bits",
    );
  });
});

describe("readers refuse", () => {
  const withSize = (kind: "enum" | "enum64" | "float", size: number): Uint8Array =>
    writeBtf({
      types: [
        { kind: "void" },
        kind === "float" ? { kind, name: "x", size } : { kind, name: "x", size, signed: false, values: [] },
      ],
    } as Btf);

  it.each([
    ["enum", [1, 2, 4, 8], [0, 3, 5, 16, 0x2000_0000]],
    ["enum64", [1, 2, 4, 8], [0, 3, 16, 0x2000_0000]],
    ["float", [2, 4, 8, 12, 16], [0, 1, 3, 10, 32]],
  ] as const)("an %s of a size that the kernel does not take", (kind, good, bad) => {
    for (const size of good) expect(readBtf(withSize(kind, size)).types[1]).toMatchObject({ size });
    for (const size of bad) {
      expect(() => readBtf(withSize(kind, size))).toThrow(expect.objectContaining({ code: "BTF_FIELD" }));
    }
  });

  it("to encode a value that nobody can hold", () => {
    const types = [
      { kind: "void" },
      { kind: "int", name: "u32", size: 4, bits: 32, bitOffset: 0, signed: false, char: false, bool: false },
      { kind: "array", element: 1, index: 1, length: 0x8000_0000 },
    ] as Btf["types"];
    expect(() => encodeValue({ types }, 2, [])).toThrow(expect.objectContaining({ code: "BTF_LIMIT" }));
  });

  it("to link a program that uses a table of addresses", () => {
    const object = assemble(
      ".data .rodata size=32\n.variable names offset=0 size=16\n.variable mixed offset=16 size=16\n.section xdp\n.global main\nr1 = names ll\nr0 = 2\nexit\n.global other\nr1 = mixed ll\nr0 = 2\nexit\n",
    );
    const [map] = object.maps;
    const addresses = [0, 8, 16].map((offset) => ({ offset, target: ".rodata.str1.1" }));
    const given = { ...object, maps: [{ ...map!, data: { ...map!.data!, addresses } }] };
    expect(() => link(given, "main")).toThrow(
      expect.objectContaining({
        code: "OBJECT_DATA_ADDRESSES",
        problem:
          "variable names of section .rodata holds addresses (of .rodata.str1.1), which no loader fills in (.rel.rodata)",
        at: { kind: "instruction", program: "main", index: 0 },
      }),
    );
    // Half of `mixed` are numbers, which a program may use.
    expect(link(given, "other").name).toBe("other");
  });
});
