import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readObjectFile } from "../../test/objects/corpus.ts";
import { suite } from "../../test/support/require.ts";
import { XdpkitError } from "../base/index.ts";
import { type Btf, type BtfMember, type BtfType, readBtf } from "../btf/index.ts";
import { type Instruction, parse, print } from "../isa/index.ts";
import { POISON_HELPER } from "./core-patch.ts";
import { essentialName } from "./core-types.ts";
import { applyCoreRelocations, type BpfObject, type CoreKind, type CoreRelocation, readElf } from "./index.ts";

const VMLINUX = "/sys/kernel/btf/vmlinux";

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

function struct(name: string, size: number, members: readonly (readonly [string, number, number, number?])[]): BtfType {
  const list = members.map(
    ([member, type, bitOffset, bitSize = 0]): BtfMember => ({ name: member, type, bitOffset, bitSize }),
  );
  return { kind: "struct", name, size, bitfields: list.some(({ bitSize }) => bitSize > 0), members: list };
}

/** What the program was compiled with: ids 1 to 6. */
const LOCAL: Btf = {
  types: [
    { kind: "void" },
    int("unsigned int", 4),
    int("int", 4, true),
    struct("flow___old", 16, [
      ["a", 1, 0],
      ["b", 2, 32],
      ["bits", 1, 64, 3],
      ["gone", 1, 96],
    ]),
    {
      kind: "enum",
      name: "mode",
      size: 4,
      signed: false,
      values: [
        { name: "FAST___x", value: 1 },
        { name: "LOST", value: 2 },
      ],
    },
    { kind: "pointer", type: 3 },
    struct("nowhere", 4, [["a", 1, 0]]),
  ],
};

/** What the kernel has: `a` is wider and moved, `b` in an anonymous union, the bits elsewhere. */
const TARGET: Btf = {
  types: [
    { kind: "void" },
    int("u64", 8),
    int("int", 4, true),
    { kind: "union", name: "", size: 4, bitfields: false, members: [{ name: "b", type: 2, bitOffset: 0, bitSize: 0 }] },
    int("u8", 1),
    struct("flow", 40, [
      ["", 3, 96],
      ["a", 1, 192],
      ["bits", 4, 261, 2],
    ]),
    {
      kind: "enum",
      name: "mode",
      size: 4,
      signed: false,
      values: [
        { name: "SLOW", value: 1 },
        { name: "FAST", value: 9 },
      ],
    },
  ],
};

function program(text: string, kind: CoreKind, type: number, access: string, instruction = 0): BpfObject {
  const relocations: CoreRelocation[] = [{ instruction, kind, type, access }];
  const lines = [{ instruction: 0, file: "a.c", text: "x", line: 3, column: 7 }];
  const function_ = { name: "f", section: "xdp", linkage: "global" as const, references: [], lines, relocations };
  return {
    license: "GPL",
    functions: [{ ...function_, instructions: parse(text) }],
    maps: [],
    externs: [],
    btf: LOCAL,
  };
}

function relocated(text: string, kind: CoreKind, type: number, access: string, target = TARGET): string[] {
  const { object } = applyCoreRelocations(program(text, kind, type, access), target);
  return (object.functions[0]?.instructions ?? []).map((instruction: Instruction) => print(instruction));
}

const BAD = `call 0x${POISON_HELPER.toString(16)}`;

describe("kinds", () => {
  it.each([
    ["r1 = 0", "fieldByteOffset", 3, "0:0", "r1 = 0x18"],
    ["r1 = 4", "fieldByteOffset", 3, "0:1", "r1 = 0xc"],
    ["r1 = *(u32 *)(r1 + 0)", "fieldByteOffset", 3, "0:0", "r1 = *(u64 *)(r1 + 0x18)"],
    ["*(u32 *)(r1 + 4) = r2", "fieldByteOffset", 3, "0:1", "*(u32 *)(r1 + 0xc) = r2"],
    ["r1 = 4", "fieldByteSize", 3, "0:0", "r1 = 0x8"],
    ["r1 = 1", "fieldExists", 3, "0:1", "r1 = 0x1"],
    ["r1 = 1", "fieldExists", 3, "0:3", "r1 = 0x0"],
    ["r1 = 1", "fieldSigned", 3, "0:1", "r1 = 0x1"],
    ["r1 = 8", "fieldByteOffset", 3, "0:2", "r1 = 0x20"],
    ["r1 = 4", "fieldByteSize", 3, "0:2", "r1 = 0x1"],
    ["r1 <<= 61", "fieldLeftShift", 3, "0:2", "r1 <<= 0x39"],
    ["r1 >>= 61", "fieldRightShift", 3, "0:2", "r1 >>= 0x3e"],
    ["r1 = 3 ll", "typeIdLocal", 3, "0", "r1 = 0x3 ll"],
    ["r1 = 3 ll", "typeIdTarget", 3, "0", "r1 = 0x5 ll"],
    ["r1 = 1", "typeExists", 3, "0", "r1 = 0x1"],
    ["r1 = 1", "typeExists", 6, "0", "r1 = 0x0"],
    ["r1 = 16", "typeSize", 3, "0", "r1 = 0x28"],
    ["r1 = 1", "typeMatches", 3, "0", "r1 = 0x0"],
    ["r1 = 1", "enumValueExists", 4, "0", "r1 = 0x1"],
    ["r1 = 1", "enumValueExists", 4, "1", "r1 = 0x0"],
    ["r1 = 1 ll", "enumValue", 4, "0", "r1 = 0x9 ll"],
  ] as const)("%s by %s of %i %s is %s", (text, kind, type, access, after) => {
    expect(relocated(text, kind, type, access)).toEqual([after]);
  });

  it("poisons what is not there; of ld_imm64 both slots, and what follows moves", () => {
    expect(relocated("r1 = *(u32 *)(r1 + 12)", "fieldByteOffset", 3, "0:3")).toEqual([BAD]);
    expect(relocated("r1 = 2 ll\nexit", "enumValue", 4, "1")).toEqual([BAD, BAD, "exit"]);
    const { object, outcomes } = applyCoreRelocations(program("r1 = 2 ll\nexit", "enumValue", 4, "1"), TARGET);
    expect(object.functions[0]?.relocations).toEqual([]);
    expect(outcomes).toEqual([
      {
        function: "f",
        instruction: 0,
        kind: "enumValue",
        what: "enum mode.LOST",
        outcome: "poisoned",
        value: 0n,
        targetType: null,
      },
    ]);
  });

  it("poisons a load that would lose its sign", () => {
    const target: Btf = { types: [...TARGET.types, int("long", 8, true), struct("nowhere", 8, [["a", 7, 0]])] };
    expect(relocated("r1 = *(u32 *)(r1 + 0)", "fieldByteOffset", 6, "0:0", target)).toEqual([BAD]);
  });

  it("finds names without their flavour", () => {
    expect(["flow", "flow___old", "a___b___c", "____x", "x___"].map(essentialName)).toEqual([
      "flow",
      "flow",
      "a___b",
      "____x",
      "x___",
    ]);
  });
});

function failure(run: () => unknown): XdpkitError {
  try {
    run();
  } catch (error) {
    if (error instanceof XdpkitError) return error;
    throw error;
  }
  throw new Error("it did not throw");
}

describe("refusals", () => {
  it.each([
    [
      "another value",
      "r1 = 5",
      "fieldByteOffset",
      3,
      "0:1",
      "the instruction holds 5, but the object's own BTF says 4",
    ],
    ["no immediate", "r1 = r2", "fieldByteOffset", 3, "0:1", "the instruction has no immediate"],
    ["no such member", "r1 = 5", "fieldByteOffset", 3, "0:9", "struct flow___old has no member 9"],
    ["no access", "r1 = 5", "fieldByteOffset", 3, "0:-1", "`0:-1` is no access specification"],
    ["no enum", "r1 = 5", "enumValue", 3, "0", "struct has no enumerator 0"],
  ] as const)("%s", (_, text, kind, type, access, problem) => {
    const error = failure(() => relocated(text, kind, type, access));
    expect(error.code).toBe("OBJECT_CORE");
    expect(error.problem).toContain(problem);
    expect(error.at).toMatchObject({ kind: "instruction", program: "f", index: 0, source: { file: "a.c", line: 3 } });
  });

  it.each([
    [0x7fff, "r1 = *(u32 *)(r1 + 0x7fff)"],
    [0x8000, "offset 32768 does not fit into the instruction"],
  ])("a member at byte %i: %s", (offset, expected) => {
    const target: Btf = { types: [...TARGET.types, int("u32", 4), struct("nowhere", 0x10000, [["a", 7, 8 * offset]])] };
    const run = () => relocated("r1 = *(u32 *)(r1 + 0)", "fieldByteOffset", 6, "0:0", target);
    if (offset < 0x8000) expect(run()).toEqual([expected]);
    else expect(failure(run).problem).toContain(expected);
  });

  it("refuses candidates that disagree", () => {
    const target: Btf = { types: [...TARGET.types, struct("flow", 8, [["a", 1, 64]])] };
    expect(failure(() => relocated("r1 = 0", "fieldByteOffset", 3, "0:0", target)).problem).toContain(
      "different answers",
    );
  });

  it("needs BTF", () => {
    const { btf: _, ...bare } = program("r1 = 0", "fieldByteOffset", 3, "0:0");
    expect(failure(() => applyCoreRelocations(bare, TARGET)).code).toBe("OBJECT_BTF_MISSING");
  });
});

suite("as libbpf does it", ["root", "bpftool", "unshare", VMLINUX], () => {
  it("patches each instruction of core.o to the value that libbpf logs", () => {
    const target = readBtf(new Uint8Array(readFileSync(VMLINUX)));
    const { outcomes } = applyCoreRelocations(readElf(readObjectFile("core.o")), target);
    const mine = outcomes.map(
      ({ function: name, outcome, value }) => `${name} ${outcome === "poisoned" ? "poisoned" : value}`,
    );
    expect(mine).toEqual(libbpfLog("core.o"));
    expect(mine).toHaveLength(51);
  });
});

/** What `bpftool -d prog loadall` says of each relocation, in order; the programs stay in a mount of their own. */
function libbpfLog(name: string): string[] {
  const path = new URL(`../../test/objects/${name}`, import.meta.url).pathname;
  const script = 'mount -t bpf none /sys/fs/bpf && bpftool -d prog loadall "$0" /sys/fs/bpf/core 2>&1; true';
  const log = execFileSync("unshare", ["-m", "sh", "-c", script, path], { encoding: "utf8", maxBuffer: 1 << 26 });
  return [...log.matchAll(/prog '(\w+)': relo #\d+: (?:patched insn .* -> (\d+)|substituting insn)/g)].map(
    ([, program_, value]) => `${program_} ${value ?? "poisoned"}`,
  );
}
