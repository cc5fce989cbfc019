import { describe, expect, it } from "vitest";
import { allObjects, isBigEndian, ownObjects, readFile, readObjectFile } from "../../test/objects/corpus.ts";
import { XdpkitError } from "../base/index.ts";
import { type BpfMap, type BpfObject, link, programKind, readElf, writeElf } from "./index.ts";

const read = (name: string): BpfObject => readElf(readObjectFile(name), { name });
const mapOf = (object: BpfObject, name: string): BpfMap => object.maps.find((map) => map.name === name) as BpfMap;
const functionOf = (object: BpfObject, name: string) => {
  const found = object.functions.find((candidate) => candidate.name === name);
  if (!found) throw new Error(`no function ${name}`);
  return found;
};

describe("section names", () => {
  it.each([
    ["xdp", "xdp", false, true],
    ["xdp.frags", "xdp", true, true],
    ["?xdp", "xdp", false, false],
    ["xdp/devmap", "xdp/devmap", false, true],
    ["xdp.frags/devmap", "xdp/devmap", true, true],
    ["xdp_devmap/out", "xdp/devmap", false, true],
    ["xdp/cpumap", "xdp/cpumap", false, true],
    ["xdp_cpumap", "xdp/cpumap", false, true],
    ["xdp/router", "xdp", false, true],
    ["xdp_pass", "xdp", false, true],
    ["tc", "tc", false, true],
    ["fentry/tcp_connect", "fentry", false, true],
    ["?kprobe.multi/tcp*", "kprobe.multi", false, false],
    ["cgroup/bind4", "cgroup/bind4", false, true],
    ["prog", "unspec", false, true],
  ] as const)("%s is %s", (section, kind, fragments, autoload) => {
    expect(programKind(section)).toEqual({ kind, fragments, autoload });
  });
});

describe("maps", () => {
  it("reads every member of a definition", () => {
    const object = read("maps.o");
    expect(mapOf(object, "placed")).toEqual({
      name: "placed",
      style: "btf",
      type: 1,
      keySize: 4,
      valueSize: 8,
      maxEntries: 8,
      flags: 5,
      numaNode: 0,
      pinByName: false,
    });
    expect(mapOf(object, "pinned_by_name")).toMatchObject({ flags: 1024, pinByName: true });
    expect(mapOf(object, "bloom")).toMatchObject({ type: 30, keySize: 0, valueSize: 4, extra: 5n });
    expect(mapOf(object, "devmap_hash")).toMatchObject({ type: 25, valueSize: 8 });
    expect(object.maps).toHaveLength(20);
  });

  it("reads map-in-map with its template and contents", () => {
    const object = read("nested.o");
    const outer = mapOf(object, "by_parity");
    expect(outer).toMatchObject({ type: 12, keySize: 4, valueSize: 4 });
    expect(outer.inner).toMatchObject({ name: "by_parity.inner", type: 2, keySize: 4, valueSize: 8, maxEntries: 4 });
    expect(outer.slots).toEqual([
      { index: 0, target: "even" },
      { index: 1, target: "odd" },
      { index: 3, target: "even" },
    ]);
    expect(mapOf(object, "by_queue").inner).toMatchObject({ type: 1, keySize: 2, valueSize: 8 });
    expect(mapOf(object, "by_queue").slots).toBeUndefined();
  });

  it("reads program arrays that the object fills", () => {
    expect(mapOf(read("dispatch.o"), "handlers").slots).toEqual([
      { index: 0, target: "handle_ipv4" },
      { index: 2, target: "handle_ipv6" },
      { index: 3, target: "handle_again" },
    ]);
  });

  it("reads rows of bpf_map_def", () => {
    const object = read("legacy.o");
    expect(object.kernelVersion).toBe(0x050400);
    expect(object.maps.map(({ name, style, keySize, flags }) => [name, style, keySize, flags])).toEqual([
      ["packets_seen", "legacy", 4, 0],
      ["sources", "legacy", 6, 1],
    ]);
  });

  it("joins iproute2's maps by their identities", () => {
    const object = read("iproute2.o");
    expect(mapOf(object, "jumps").slots).toEqual([{ index: 1, target: "odd" }]);
    expect(mapOf(object, "outer")).toMatchObject({
      slots: [{ index: 1, target: "counters" }],
      inner: { name: "outer.inner", type: 2, maxEntries: 2 },
    });
  });

  it("makes maps of global data", () => {
    const object = read("globals.o");
    const summary = object.maps.map(({ name, flags, valueSize, data }) => [name, flags, valueSize, data?.readOnly]);
    expect(summary).toEqual([
      [".rodata", 0x480, 88, true],
      [".data", 0x400, 8, false],
      [".data.counters", 0x400, 8, false],
      [".rodata.limits", 0x480, 4, true],
      [".bss", 0x400, 76, false],
    ]);
    const counters = mapOf(object, ".data.counters").data;
    expect(Array.from(counters?.bytes ?? [])).toEqual([7, 0, 0, 0, 0, 0, 0, 0]);
    expect(counters?.variables).toEqual([
      { name: "hits", offset: 0, size: 8, linkage: "global", type: counters?.variables[0]?.type },
    ]);
    const weak = mapOf(object, ".bss").data?.variables.find(({ name }) => name === "weak_total");
    expect(weak).toMatchObject({ size: 8, linkage: "weak" });
    expect(mapOf(read("strings.o"), ".rodata.str1.1").data?.readOnly).toBe(true);
    expect(mapOf(read("custom-bss.o"), ".bss.scratch").valueSize).toBe(16);
  });

  it("completes the sizes and offsets of BTF sections", () => {
    const object = read("globals.o");
    const bss = object.btf?.types.find((type) => type.kind === "section" && type.name === ".bss");
    expect(bss).toMatchObject({ size: mapOf(object, ".bss").valueSize });
    const offsets = bss?.kind === "section" ? bss.variables.map(({ offset }) => offset) : [];
    expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
  });
});

describe("functions and references", () => {
  it("tells entry points from subprograms", () => {
    const object = read("subprograms.o");
    expect(
      object.functions.map(({ name, section, linkage, program }) => [name, section, linkage, program?.kind]),
    ).toEqual([
      ["classify", ".text", "global", undefined],
      ["chain", ".text", "static", undefined],
      ["adjust", ".text", "weak", undefined],
      ["never_called", ".text", "global", undefined],
      ["twice", ".text", "static", undefined],
      ["first", "xdp", "global", "xdp"],
      ["second", "xdp", "global", "xdp"],
      ["third", "xdp.frags", "global", "xdp"],
    ]);
    expect(functionOf(object, "classify").references).toEqual([
      { instruction: expect.any(Number), kind: "function", function: "chain" },
    ]);
  });

  it("reads addresses of callbacks, maps and data", () => {
    const object = read("callbacks.o");
    const kinds = functionOf(object, "loop_over").references.map((reference) =>
      Object.values(reference).slice(1).join(" "),
    );
    expect(kinds).toEqual(["function add_step", "map cells", "function add_cell", "map cells"]);
    const offsets = functionOf(read("globals.o"), "use_globals").references.flatMap((reference) =>
      reference.kind === "mapValue" ? [reference.map] : [],
    );
    expect(new Set(offsets)).toEqual(new Set([".rodata", ".data", ".data.counters", ".rodata.limits", ".bss"]));
  });

  it("gives each instruction its source line and function type", () => {
    const object = read("srv6.o");
    const end = functionOf(object, "end_behaviour");
    expect(end.lines[0]).toMatchObject({
      instruction: 0,
      file: "./srv6.c",
      text: expect.stringContaining("TAKE(struct ethhdr"),
    });
    expect(object.btf?.types[end.type ?? 0]).toMatchObject({ kind: "function", name: "end_behaviour" });
  });

  it("keeps the local labels of older compilers", () => {
    const debian = allObjects.find(({ name }) => name === "xdpfilt_alw_ip.o");
    if (!debian) return;
    expect(readElf(readFile(debian)).functions[0]?.labels?.[0]).toEqual({ name: "LBB0_3", instruction: 16 });
  });

  it("reads externs", () => {
    expect(
      read("kconfig.o").externs.map((extern) => [extern.name, extern.weak, "offset" in extern ? extern.offset : null]),
    ).toEqual(
      expect.arrayContaining([
        ["CONFIG_HZ", true, 0],
        ["LINUX_KERNEL_VERSION", false, 12],
      ]),
    );
    const kernel = Object.fromEntries(read("ksyms.o").externs.map((extern) => [extern.name, extern]));
    expect(kernel["init_task"]).toEqual({ kind: "ksym", name: "init_task", weak: true });
    expect(kernel["no_such_symbol"]).toMatchObject({ kind: "ksym", type: expect.any(Number) });
    expect(kernel["no_such_function"]).toMatchObject({ kind: "kfunc", weak: true, type: expect.any(Number) });
  });

  it("reads CO-RE relocations of every kind", () => {
    const kinds = read("core.o").functions.flatMap(({ relocations }) => relocations.map(({ kind }) => kind));
    expect(new Set(kinds).size).toBe(13);
    expect(functionOf(read("core.o"), "ask").relocations[4]).toMatchObject({
      kind: "fieldByteOffset",
      access: "0:2:3",
    });
  });

  it("reads big-endian objects to the same instructions", () => {
    const [big, little] = [read("ethertype-be.o"), read("ethertype.o")];
    expect(big.bigEndian).toBe(true);
    expect(little.bigEndian).toBeUndefined();
    expect(big.maps.map(({ name, maxEntries }) => [name, maxEntries])).toEqual(
      little.maps.map(({ name, maxEntries }) => [name, maxEntries]),
    );
    expect(big.functions[0]?.instructions[0]).toEqual(little.functions[0]?.instructions[0]);
  });

  it.each(allObjects)("reads $name strictly: no reserved bits, no unknown opcode", (file) => {
    const object = readElf(readFile(file), { strict: true });
    expect(object.functions.length).toBeGreaterThan(0);
    expect(object.license).toMatch(/GPL/);
    expect(object.bigEndian ?? false).toBe(isBigEndian(file));
  });
});

describe("link", () => {
  it("appends subprograms in the order of first use, and no dead ones", () => {
    const linked = link(read("subprograms.o"), "first");
    expect(linked.functions.map(({ function: { name } }) => name)).toEqual([
      "first",
      "classify",
      "chain",
      "twice",
      "adjust",
    ]);
    expect(link(read("subprograms.o"), "second").functions.map(({ function: { name } }) => name)).toEqual([
      "second",
      "twice",
      "adjust",
    ]);
  });

  it("resolves calls to distances that lead to the function", () => {
    const linked = link(read("subprograms.o"), "first");
    const starts = linked.functions.map(({ start }) => linked.slots[start]);
    const targets = linked.instructions.flatMap((instruction, index) =>
      instruction.opcode === 0x85 && instruction.src === 1 ? [(linked.slots[index] ?? 0) + 1 + instruction.imm] : [],
    );
    expect(targets.length).toBe(5);
    for (const target of targets) expect(starts).toContain(target);
  });

  it("resolves addresses of functions, and shifts everything else", () => {
    const object = read("callbacks.o");
    const linked = link(object, "loop_over");
    const addresses = linked.instructions.flatMap((instruction, index) =>
      instruction.opcode === 0x18 && instruction.src === 4 ? [(linked.slots[index] ?? 0) + 1 + instruction.imm] : [],
    );
    expect(addresses).toEqual(linked.functions.slice(1).map(({ start }) => linked.slots[start]));
    expect(linked.references).toEqual([
      { instruction: expect.any(Number), kind: "map", map: "cells" },
      { instruction: expect.any(Number), kind: "map", map: "cells" },
    ]);
    const added = linked.functions[1];
    const first = linked.lines.find(({ instruction }) => instruction === added?.start);
    expect(first?.text).toBe("\treturn index == sum->limit;");
  });

  it("knows its programs", () => {
    const error = failure(() => link(read("subprograms.o"), "classify"));
    expect([error.code, error.hint]).toEqual(["OBJECT_NO_PROGRAM", "its programs are first, second, third"]);
  });

  it("links functions that call each other once each", () => {
    const base = functionOf(read("subprograms.o"), "first");
    const call = { opcode: 0x85, dst: 0, src: 1, offset: 0, imm: -1 };
    const make = (name: string, callee: string, section: string) => {
      const { program, ...rest } = base;
      return {
        ...rest,
        ...(section === "xdp" && program ? { program } : {}),
        name,
        section,
        instructions: [call],
        references: [{ instruction: 0, kind: "function" as const, function: callee }],
        lines: [],
        relocations: [],
      };
    };
    const object = { license: "", functions: [make("a", "b", "xdp"), make("b", "a", ".text")], maps: [], externs: [] };
    expect(link(object, "a").instructions.map(({ imm }) => imm)).toEqual([0, -2]);
    const broken = { ...object, functions: object.functions.slice(0, 1) };
    expect(failure(() => link(broken, "a")).problem).toBe("a refers to function b, which is not there");
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

/** Changes 16, 32 or 64 bits of a file. */
function changed(name: string, at: number, bits: 16 | 32 | 64, value: number): Uint8Array {
  const bytes = readObjectFile(name);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bits === 16) view.setUint16(at, value, true);
  if (bits === 32) view.setUint32(at, value, true);
  if (bits === 64) view.setBigUint64(at, BigInt(value), true);
  return bytes;
}

/** Where a section's header stands in the file. */
function headerOf(name: string, section: string): number {
  const bytes = readObjectFile(name);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const table = Number(view.getBigUint64(0x28, true));
  const names = Number(view.getBigUint64(table + 64 * view.getUint16(0x3e, true) + 24, true));
  for (let i = 0; i < view.getUint16(0x3c, true); i++) {
    const start = names + view.getUint32(table + 64 * i, true);
    if (new TextDecoder().decode(bytes.subarray(start, bytes.indexOf(0, start))) === section) return table + 64 * i;
  }
  throw new Error(`no section ${section}`);
}

function offsetOf(name: string, section: string): number {
  const bytes = readObjectFile(name);
  return Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(headerOf(name, section) + 24, true));
}

describe("hostile files", () => {
  const file = "subprograms.o";
  const text = headerOf(file, ".text");
  const relocations = offsetOf(file, ".relxdp");

  it.each([
    ["nothing", new Uint8Array(), "OBJECT_NOT_ELF", 0],
    ["text", new TextEncoder().encode("int main(void)"), "OBJECT_NOT_ELF", 0],
    ["a header cut off", readObjectFile(file).slice(0, 40), "OBJECT_TRUNCATED", 40],
    ["32 bits", changed(file, 4, 16, 0x0101), "OBJECT_NOT_BPF", 4],
    ["an executable", changed(file, 16, 16, 2), "OBJECT_NOT_BPF", 16],
    ["x86-64", changed(file, 18, 16, 62), "OBJECT_NOT_BPF", 18],
    ["a section table beyond the end", changed(file, 0x28, 64, 0x7fff_ffff), "OBJECT_TRUNCATED", 0x28],
    ["65535 sections", changed(file, 0x3c, 16, 0xffff), "OBJECT_TRUNCATED", 0x28],
    ["names in a section that is not there", changed(file, 0x3e, 16, 0xfff0), "OBJECT_INDEX", 0x3e],
    ["a section beyond the end", changed(file, text + 32, 64, 2 ** 40), "OBJECT_TRUNCATED", text],
    ["a name beyond the table", changed(file, text, 32, 0xffff_ff), "OBJECT_STRING", text],
    ["sections that overlap", changed(file, text + 24, 64, 0x41), "OBJECT_OVERLAP", expect.any(Number)],
    ["half an instruction", changed(file, text + 32, 64, 12), "OBJECT_FUNCTION_PLACE", expect.any(Number)],
    ["a symbol that is not there", changed(file, relocations + 12, 32, 0xffff), "OBJECT_INDEX", relocations],
    ["an unknown relocation", changed(file, relocations + 8, 32, 77), "OBJECT_RELOCATION", relocations],
  ] as const)("%s", (_, bytes, code, offset) => {
    const error = failure(() => readElf(bytes, { name: "x.o" }));
    expect({ code: error.code, at: error.at }).toMatchObject({ code, at: { kind: "byte", file: "x.o", offset } });
    expect(error.hint).toMatch(/\w/);
  });

  it("refuses a .bss that would not fit into memory", () => {
    const error = failure(() => readElf(changed("events.o", headerOf("events.o", ".bss") + 32, 64, 2 ** 40)));
    expect([error.code, error.problem]).toEqual([
      "OBJECT_LIMIT",
      "global data in bytes is 1099511627776, more than 67108864",
    ]);
  });

  it("does not believe a license section without contents", () => {
    const header = headerOf("events.o", "license");
    const bytes = changed("events.o", header + 4, 32, 8);
    new DataView(bytes.buffer).setBigUint64(header + 32, 2n ** 50n, true);
    const object = readElf(bytes);
    expect(object.license).toBe("");
    expect(readElf(writeElf(object)).license).toBe("");
  });

  it("refuses to write sections of maps that no file could hold", () => {
    const object = readElf(readObjectFile("events.o"));
    const types = object.btf?.types.map((type) =>
      type.kind === "section" && type.name === ".maps" ? { ...type, size: 0xffff_ffff } : type,
    );
    expect(failure(() => writeElf({ ...object, btf: { types: types ?? [] } })).code).toBe("OBJECT_LIMIT");
  });

  it.each(ownObjects)("ends in a coded error wherever $name is cut off", (corpusFile) => {
    const bytes = readFile(corpusFile);
    for (let length = 0; length < bytes.length; length += 97) {
      expect(failure(() => readElf(bytes.slice(0, length))).code).toMatch(/^(OBJECT|BTF|ISA)_/);
    }
  });
});
