/** Loading objects of clang as they are: what depends on the running kernel is settled on the way. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { type BtfType, readBtf } from "../../src/btf/index.ts";
import { LoadedObject, mapInfo } from "../../src/kernel/index.ts";
import { assemble, type BpfFunction, type BpfObject, readElf } from "../../src/object/index.ts";
import { MapFlag, MapType } from "../../src/uapi/index.ts";
import { createVm } from "../../src/vm/index.ts";
import { suite } from "../support/require.ts";

/** So many bytes of x86 code. */
function codeOf(bytes: number): string[] {
  const stores = Array.from({ length: 3 }, (_, i) => i).find((i) => (bytes - 7 * i) % 3 === 0)!;
  const moves = (bytes - 7 * stores) / 3;
  return [...Array<string>(stores).fill("*(u8 *)(r10 - 505) = 0"), ...Array<string>(moves).fill("r4 = r2")];
}

/**
 * The first six jumps become short one pass of the JIT compiler after another, the last three of them at once: 12 bytes less.
 * The jumps back are over `distance` bytes; with those 12 they grow by as much.
 */
const unsettled = (distance: number): string => `.license "GPL"
.section xdp
.global unsettled
r2 = *(u32 *)(r1 + 12)
r3 = 0
${["x1", "x2", "x3", "y2", "y1", "y0"].map((to, index) => `if r2 == ${index + 100} goto ${to}`).join("\n")}
${[...codeOf(60), "y0:", ...codeOf(23), "x1:", ...codeOf(10), "x2:", ...codeOf(10), "x3:", ...codeOf(6)].join("\n")}
${["y2:", ...codeOf(6), "y1:", "t1:", ...codeOf(7), "t2:", ...codeOf(6), "t3:"].join("\n")}
r3 += 1
${codeOf(distance - 23).join("\n")}
if r3 < 3 goto t1
if r3 < 5 goto t2
if r3 < 7 goto t3
r0 = r3
exit
`;

suite("loading an object", ["bpf", "bpftool", "/sys/kernel/btf/vmlinux"], () => {
  it("makes storage of sockets with its types, beside an XDP program that does not use it", () => {
    const object = readElf(readFileSync(new URL("../objects/maps.o", import.meta.url)), { name: "maps" });
    const hash = object.maps.find(({ type, valueType }) => type === MapType.HASH && valueType !== undefined)!;
    const storage = {
      ...hash,
      name: "per_socket",
      type: MapType.SK_STORAGE,
      maxEntries: 0,
      flags: MapFlag.NO_PREALLOC,
    };
    using loaded = new LoadedObject({ ...object, maps: [...object.maps, storage] });
    const { definition, btfId } = mapInfo(loaded.map("per_socket").fd);
    expect([definition.type, btfId > 0]).toEqual([MapType.SK_STORAGE, true]);
  });

  it("tells what is wrong with a map to who reaches for it", () => {
    const object = assemble(`.license "GPL"
.map per_socket type=24 key=4 value=8 entries=0 flags=1
.map big type=1 key=4 value=8 entries=0
.map outer type=12 key=4 value=4 entries=1
.inner outer type=1 key=4 value=8 entries=0
.slot outer 0 big
.section xdp
.global pass
r0 = 2
exit
.section xdp
.global user
r1 = outer ll
r0 = 2
exit
`);
    using loaded = new LoadedObject(object);
    expect(loaded.program("pass").run(new Uint8Array(60)).action).toBe(2);
    expect([...loaded.maps.keys()]).toEqual([]);
    const refused = (map: string, field: string) =>
      expect.objectContaining({
        code: "KERNEL_MAP_DEFINITION",
        message: expect.stringContaining(`refuses map ${map}: ${field}`),
      });
    expect(() => loaded.map("big")).toThrow(refused("big", "max_entries"));
    expect(() => loaded.program("user")).toThrow(refused("outer.inner", "max_entries"));
    expect(() => loaded.map("per_socket")).toThrow(refused("per_socket", "BTF of key and value is missing"));
    expect(() => loaded.map("nothing")).toThrow(expect.objectContaining({ code: "KERNEL_UNKNOWN_MAP" }));
  });

  it("answers CO-RE's questions for the running kernel", () => {
    const object = readElf(readFileSync(new URL("../objects/core.o", import.meta.url)), { name: "core" });
    using loaded = new LoadedObject(object);
    loaded.program("ask").run(new Uint8Array(60));
    const bytes = loaded.map(".bss").get(new Uint8Array(4))!;
    const { offset } = object.maps
      .find(({ name }) => name === ".bss")!
      .data!.variables.find(({ name }) => name === "facts")!;
    const fact = (index: number): bigint => new DataView(bytes.buffer).getBigUint64(offset + 8 * index, true);
    // task_struct exists and has `pid`; nothing is called no_such_struct, and it has no size.
    expect([0, 1, 5, 6, 8].map(fact)).toEqual([1n, 0n, 1n, 0n, 0n]);
    // `comm` has 16 bytes, and does not stand where the program's own short struct has it.
    expect([fact(2), fact(3) > 8n]).toEqual([16n, true]);
  });

  it("answers the same in the machine with the kernel's types, and in a program that is loaded on request", async () => {
    const object = readElf(readFileSync(new URL("../objects/core.o", import.meta.url)), { name: "core" });
    const onRequest = (one: BpfFunction): BpfFunction =>
      one.program?.kind === "xdp" ? { ...one, program: { ...one.program, autoload: false } } : one;
    const facts = (given: BpfObject): Uint8Array => {
      using loaded = new LoadedObject(given);
      loaded.program("ask").run(new Uint8Array(60));
      return loaded.map(".bss").get(new Uint8Array(4))!;
    };
    const expected = facts(object);
    expect(facts({ ...object, functions: object.functions.map(onRequest) })).toEqual(expected);
    const vm = await createVm(object, { program: "ask", btf: readBtf(readFileSync("/sys/kernel/btf/vmlinux")) });
    vm.run(new Uint8Array(60));
    expect(vm.map(".bss").getBytes(new Uint8Array(4))).toEqual(expected);
    const relocations = object.functions.find(({ name }) => name === "ask")!.relocations.length;
    expect([vm.coreRelocations.length, vm.unrelocated]).toEqual([relocations, 0]);
    // Without them the compiler's answers stand: what exists nowhere exists.
    const plain = await createVm(object, { program: "ask" });
    plain.run(new Uint8Array(60));
    expect(plain.map(".bss").getBytes(new Uint8Array(4))).not.toEqual(expected);
    expect([plain.coreRelocations.length, plain.unrelocated]).toEqual([0, relocations]);
  });

  it("goes without types that the kernel refuses, as libbpf does, and says so", () => {
    const object = readElf(readFileSync(new URL("../objects/maps.o", import.meta.url)), { name: "maps" });
    const wrong: BtfType = { kind: "pointer", type: 1_000_000 };
    const btf = { types: [...object.btf!.types, wrong] };
    using loaded = new LoadedObject({ ...object, btf });
    expect([loaded.btfRefusal?.code, loaded.btfRefusal?.problem]).toEqual([
      "KERNEL_BTF",
      expect.stringMatching(/^the kernel does not take the object's types \(EINVAL: \[\d+\] PTR .*type_id=1000000/),
    ]);
    const [{ name }] = object.functions.filter(({ program }) => program) as [BpfFunction];
    expect(loaded.program(name).run(new Uint8Array(60)).action).toBeLessThan(5);
    using taken = new LoadedObject(object);
    expect(taken.btfRefusal).toBeUndefined();
  });

  it("gives global data its types, by which bpftool shows variables", () => {
    const object = readElf(readFileSync(new URL("../objects/globals.o", import.meta.url)), { name: "globals" });
    using loaded = new LoadedObject(object);
    const named = object.maps.filter(({ data }) => data && data.variables.length > 0).map(({ name }) => name);
    expect(named.length).toBeGreaterThan(1);
    for (const name of named) {
      const { id } = mapInfo(loaded.map(name).fd);
      const shown = JSON.parse(execFileSync("bpftool", ["-j", "map", "dump", "id", String(id)], { encoding: "utf8" }));
      const { variables } = object.maps.find((map) => map.name === name)!.data!;
      const value = (shown as [{ formatted: { value: Record<string, object[]> } }])[0].formatted.value[name]!;
      expect(value.flatMap((one) => Object.keys(one))).toEqual(variables.map((one) => one.name));
    }
  });

  it("lays a program out anew that the JIT compiler of x86 cannot settle", () => {
    for (const distance of [118, 119, 120]) {
      using loaded = new LoadedObject(assemble(unsettled(distance)));
      expect(loaded.program("unsettled").run(new Uint8Array(60)).action).toBe(7);
    }
  });
});
