import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { allObjects, type CorpusFile, readFile, readObjectFile } from "../../test/objects/corpus.ts";
import { expectGolden } from "../../test/objects/golden.ts";
import { suite } from "../../test/support/require.ts";
import { XdpkitError } from "../base/index.ts";
import { assemble, type BpfObject, disassemble, printAssembly, printDisassembly, readElf } from "./index.ts";

/** llvm-objdump's text behind the line that names the file. */
function objdump({ path }: CorpusFile, ...options: string[]): string {
  const text = execFileSync("llvm-objdump-19", ["-S", "--no-show-raw-insn", ...options, path], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  return text.split("\n").slice(2).join("\n");
}

suite("as llvm-objdump -S prints it", ["llvm-objdump-19"], () => {
  it.each(allObjects)("$name", (file) => {
    const mine = printDisassembly(readElf(readFile(file)), { dialect: "llvm" }).split("\n");
    const theirs = objdump(file).split("\n");
    // Below -mcpu=v3 llvm-objdump knows no 32-bit atomics but addition, and takes fetching for that.
    const unknown = /lock \*\(u32.* [|&^]=|atomic_fetch_\w+\(\(u32|32_32/;
    expect(mine.map((line, i) => (unknown.test(line) ? theirs[i] : line))).toEqual(theirs);
  });

  it.each(allObjects)("$name with --mcpu=v4", (file) => {
    expect(printDisassembly(readElf(readFile(file)), { dialect: "llvm-v3" })).toBe(objdump(file, "--mcpu=v4"));
  });
});

describe("disassembly", () => {
  it("is structured: slots of the section, labels, sources, references", () => {
    const lines = disassemble(readElf(readObjectFile("subprograms.o")), "second");
    expect(lines[0]).toMatchObject({ function: "second", section: "xdp", slot: 7, labels: ["second"] });
    expect(lines.find(({ reference }) => reference)).toMatchObject({
      reference: { kind: "function", function: "twice" },
    });
    expect(lines.some(({ source }) => source?.text.includes("twice(length)"))).toBe(true);
  });

  it("notes references when asked", () => {
    const text = printDisassembly(readElf(readObjectFile("callbacks.o")), { references: true, source: false });
    expect(text).toContain("r2 = 0x0 ll\t; function add_step\n");
    expect(text).toContain("r1 = 0x0 ll\t; map cells\n");
  });

  it("shows bytes when asked", () => {
    const text = printDisassembly(readElf(readObjectFile("assembler.o")), { bytes: true, function: "bounded" });
    expect(text).toContain("       2:\te5 00 03 00 00 00 00 00\tmay_goto +0x3 <bounded+0x30>\n");
  });

  it("is the golden file", () => {
    expectGolden("object-srv6.txt", printDisassembly(readElf(readObjectFile("srv6.o")), { references: true }));
    expectGolden("object-signed.txt", printDisassembly(readElf(readObjectFile("signed.o")), { bytes: true }));
  });

  it("knows its functions", () => {
    expect(() => disassemble(readElf(readObjectFile("vlan.o")), "nobody")).toThrow(
      expect.objectContaining({ code: "OBJECT_UNDEFINED" }),
    );
  });
});

/** Without what text does not carry: BTF, source lines, CO-RE. */
function textual(object: BpfObject): unknown {
  return {
    license: object.license,
    functions: object.functions.map(({ type: _, ...rest }) => ({ ...rest, lines: [], relocations: [] })),
    maps: object.maps.map(({ keyType: _, valueType: __, inner, data, ...rest }) => ({
      ...rest,
      inner: inner && { ...inner, keyType: undefined, valueType: undefined },
      data: data && { ...data, type: undefined, variables: data.variables.map(({ type: ___, ...row }) => row) },
    })),
    externs: object.externs.map((extern) => ({ ...extern, type: undefined })),
  };
}

describe("assembler", () => {
  it.each(allObjects)("assembles the disassembly of $name to the same instructions", (file) => {
    const object = readElf(readFile(file));
    const again = assemble(printDisassembly(object));
    expect(again.functions.map(({ name, section, instructions }) => ({ name, section, instructions }))).toEqual(
      object.functions.map(({ name, section, instructions }) => ({ name, section, instructions })),
    );
  });

  it.each(allObjects)("assembles the text of $name to the same object", (file) => {
    const object = readElf(readFile(file));
    expect(textual(assemble(printAssembly(object)))).toEqual(textual(object));
  });

  it("is the golden file", () => {
    expectGolden("object-nested.s", printAssembly(readElf(readObjectFile("nested.o"))));
  });

  const SOURCE = `
    ; counts packets, by hand
    .license "GPL"
    .map counts type=2 key=4 value=8 entries=1
    .data .bss size=16
    .variable last offset=8 size=4
    .section xdp
    .global count
      *(u32 *)(r10 - 4) = 0
      r2 = r10
      r2 += -4
      r1 = counts ll
      call 1
      if r0 == 0 goto out
      r1 = 1
      lock *(u64 *)(r0 + 0) += r1
      r1 = last + 2 ll          // a variable with an addend
      call helper
    out:
      r0 = 2
      exit
    .section .text
    .static helper
      exit
  `;

  it("reads what people write", () => {
    const object = assemble(SOURCE);
    const [count, helper] = object.functions;
    expect(count).toMatchObject({
      name: "count",
      section: "xdp",
      program: { kind: "xdp" },
      labels: [{ name: "out", instruction: 10 }],
    });
    expect(count?.references).toEqual([
      { instruction: 3, kind: "map", map: "counts" },
      { instruction: 8, kind: "mapValue", map: ".bss", offset: 10 },
      { instruction: 9, kind: "function", function: "helper" },
    ]);
    expect(helper).toMatchObject({ name: "helper", section: ".text", linkage: "static" });
    expect(helper).not.toHaveProperty("program");
  });

  it.each([
    [".map a type=2 key=4", ".map a key=4", "OBJECT_DIRECTIVE", 1, 1, ".map: type is missing"],
    ["unknown option", ".map a type=1 size=4", "OBJECT_DIRECTIVE", 1, 1, undefined],
    ["unknown directive", "\n  .mpa a type=1", "OBJECT_DIRECTIVE", 2, 3, ".mpa: there is no such directive"],
    [
      "code before a function",
      "exit",
      "OBJECT_DIRECTIVE",
      1,
      1,
      ".global: an instruction stands before the first function",
    ],
    [
      "bytes beyond the end",
      ".data .bss size=2\n.bytes 1 0a0b",
      "OBJECT_DIRECTIVE",
      2,
      1,
      ".bytes: 0a0b at 1 is no hexadecimal text within 2 bytes",
    ],
    [
      "an unknown map",
      ".global a\n r1 = 0 ll @map b\n exit",
      "OBJECT_UNDEFINED",
      2,
      2,
      "a refers to map b, which is not there",
    ],
    [
      "an unknown name",
      ".global a\n call b\n exit",
      "OBJECT_UNDEFINED",
      2,
      2,
      "a refers to symbol b, which is not there",
    ],
    [
      "a slot of nobody",
      ".map a type=3 key=4 value=4 entries=1\n.slot a 0 b",
      "OBJECT_UNDEFINED",
      undefined,
      undefined,
      "map a refers to map or function b, which is not there",
    ],
    ["an instruction", ".global a\n exti", "ISA_SYNTAX", 2, 2, "found `exti`, expected an instruction or a label"],
    [
      "a function twice",
      ".global a\nexit\n.global a",
      "OBJECT_DIRECTIVE",
      3,
      1,
      ".global: function a was declared already",
    ],
  ] as const)("refuses %s", (_, text, code, line, column, message) => {
    try {
      assemble(text, { file: "a.s" });
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(XdpkitError);
      expect(error).toMatchObject({
        code,
        ...(line ? { at: { file: "a.s", line, column } } : {}),
        ...(message ? { problem: message } : {}),
      });
    }
  });
});
