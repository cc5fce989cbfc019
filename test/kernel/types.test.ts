/**
 * Handles of a module that `xdpkit types` has written (test/golden/skeleton.types.ts), in the VM and in the kernel: what is
 * set is read again in the forms that its types say, and bpftool sees the same bytes under the same names.
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { KernelHandles, LoadedObject, mapInfo, possibleCpus } from "../../src/kernel/index.ts";
import { type BloomAccess, type EventSource, Foreign, type UserRingAccess } from "../../src/lang/index.ts";
import type { BpfObject } from "../../src/object/index.ts";
import { createVm, type Vm } from "../../src/vm/index.ts";
import { typeErrors } from "../support/check-types.ts";
import { blocksOf } from "../support/doc-blocks.ts";
import { suite } from "../support/require.ts";

interface Skeleton {
  object(variables?: object): BpfObject;
  readonly programs: Readonly<Record<string, string>>;
  readonly [handle: string]: unknown;
}

const written = async (name: string) =>
  (await import(new URL(`../golden/${name}.types.ts`, import.meta.url).href)) as Skeleton;
const skeleton = await written("skeleton");
const kinds = await written("maps");

/** As `xdpkit types` leaves it to the types: `get`, `set`, `value`. */
interface Access {
  value: unknown;
  readonly size: number;
  get(key: unknown): unknown;
  set(key: unknown, value: unknown): void;
  delete(key: unknown): boolean;
  entries(): IterableIterator<[unknown, unknown]>;
  push(value: unknown): void;
  pop(): unknown;
}
type Open = (handle: string) => Access;

const handle = (name: string) => skeleton[name] as Foreign<Access>;
const frame = new Uint8Array(60);

/** All that a session has, as it is read. */
const SESSION = {
  ends: [
    { mac: { bytes: [2, 0, 0, 0, 0, 1] }, port: 80 },
    { mac: { bytes: [2, 0, 0, 0, 0, 2] }, port: 443 },
  ],
  role: "SERVER",
  grid: [
    [1, 2, 3],
    [4, 5, 6],
  ],
  skew: -5n,
  peer: { v4: 0x04030201, v6: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16] },
  mtu: 1500,
  open: 1,
  side: "OTHER",
  flag: true,
  label: "abc",
  lines: ["wxyz", [-1, 0, 0, 0]],
  class: "WIDE_AS_CAN_BE",
  cookie: 2n ** 63n,
  total: 2n ** 100n,
  delta: -3,
  word: 0x00020001,
  low: 1,
  high: 2,
};
/** The same as bpftool prints it: char lists as numbers, bit fields in hexadecimal. */
const DUMP = [
  '{"ends":[{"mac":{"bytes":[2,0,0,0,0,1]},"port":80},{"mac":{"bytes":[2,0,0,0,0,2]},"port":443}],"role":"SERVER",',
  '"grid":[[1,2,3],[4,5,6]],"skew":-5,"peer":{"v4":67305985,"v6":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]},',
  '"":{"mtu":"0x5dc","open":"0x1","side":"0xff"},"flag":true,"label":"abc","lines":[[119,120,121,122],[-1,0,0,0]],',
  '"class":"WIDE_AS_CAN_BE","cookie":9223372036854775808,"total":"0x10000000000000000000000000","delta":-3,',
  '"":{"word":131073,"":{"low":1,"high":2}}}',
].join("");
const KEY = { tenant: 7, number: 9 };

/** What the VM and the kernel have in common. */
function behaves(open: Open, run: () => void, cpus: number): void {
  it("reads a struct as it was set, and what is left out as zero", () => {
    const sessions = open("sessions");
    sessions.set(KEY, SESSION);
    expect(sessions.get(KEY)).toEqual(SESSION);
    sessions.set({ number: 1 }, { role: 99, skew: 4, label: "eight888" });
    expect([...sessions.entries()].map(([key]) => key)).toEqual(
      expect.arrayContaining([KEY, { tenant: 0, number: 1 }]),
    );
    expect(sessions.get({ tenant: 0, number: 1 })).toMatchObject({ role: 99, skew: 4n, label: "eight888", cookie: 0n });
    expect([sessions.size, sessions.delete(KEY), sessions.delete(KEY)]).toEqual([2, true, false]);
  });

  it("has a value for every CPU, packed as in C, by the name of an enum", () => {
    const packed = { kind: 1, count: 2n ** 40n, rest: 3 };
    open("function_").set("CLIENT", packed);
    expect(open("function_").get(0)).toEqual(Array(cpus).fill(packed));
  });

  it("takes what has no type by its size", () => {
    open("object_").set("0x010203", 5);
    expect([...open("object_").entries()]).toEqual([["010203", 5n]]);
  });

  it("pushes and pops", () => {
    const queue = open("waiting_endpoints_of_the_sessions_that_have_not_been_seen_yet");
    queue.push({ port: 1 });
    queue.push({ port: 2 });
    expect([queue.pop(), queue.pop(), queue.pop()]).toEqual([
      { mac: { bytes: [0, 0, 0, 0, 0, 0] }, port: 1 },
      { mac: { bytes: [0, 0, 0, 0, 0, 0] }, port: 2 },
      undefined,
    ]);
  });

  it("reads and writes variables that the program has, each alone", () => {
    expect(open("await_").value).toEqual({ limit: 5, few: 0, name: "first" });
    expect([open("step").value, open("last").value, open("table").value]).toEqual([2, "OTHER", [-1, 0, 1]]);
    open("seen").value = 1;
    open("ratios").value = [0.25];
    expect(open("ratios").value).toEqual([0.25, 0]);
    run();
    expect([open("seen").value, open("last").value, open("table").value]).toEqual([3n, "CLIENT", [3, 0, 1]]);
    run();
    expect([open("seen").value, open("last").value, open("hidden").value]).toEqual([5n, "SERVER", 2]);
  });

  it("gives records of the type that was said, and bytes", () => {
    const stream = (name: string) => open(name) as unknown as EventSource<{ packet?: Uint8Array }>;
    expect(stream("samples").drain()).toEqual([]);
    run();
    expect(stream("events").drain()).toEqual([{ length: 60n, role: "SERVER" }]);
    expect(stream("raw").drain()).toEqual([Uint8Array.of(60, 0, 0)]);
    const [{ packet, ...sample }] = stream("samples").drain() as [{ packet: Uint8Array }];
    expect([sample, packet.subarray(0, 20)]).toEqual([{ length: 60n, role: "SERVER" }, frame.subarray(0, 20)]);
  });

  it("sends records to the program", () => {
    const commands = open("commands") as unknown as UserRingAccess<unknown>;
    expect([commands.send({ length: 40 }), commands.send({ length: 2n, role: "CLIENT" })]).toEqual([true, true]);
    run();
    expect(open("table").value).toEqual([2, 42, 1]);
  });

  it("holds programs and maps by their names", () => {
    const last = skeleton.programs["delete"]!;
    const jump = skeleton.programs["jump_to_the_program_that_is_in_the_table"]!;
    open("programs_").set(1, jump);
    expect([open("programs_").get(1), open("programs_").get(0)]).toEqual([jump, undefined]);
    open("cpus").set(0, { queueSize: 8, program: last });
    expect(open("cpus").get(0)).toEqual({ queueSize: 8, program: last });
    expect(open("sides").get(0)).toBe("left");
    open("sides").set(1, "right");
    expect([...open("sides").entries()]).toEqual([
      [0, "left"],
      [1, "right"],
    ]);
  });
}

describe("in the VM", () => {
  let vm: Vm;
  beforeEach(async () => {
    const program = skeleton.programs["count"]!;
    vm = await createVm(skeleton.object({ step: 2 }), { program, cpus: 3 });
  });
  behaves(
    (name) => vm.map(handle(name)),
    () => void vm.run(frame),
    3,
  );

  it("says which maps there are when one is unknown", () => {
    expect(() => vm.map(new Foreign("sean"))).toThrow(
      expect.objectContaining({ code: "VM_UNKNOWN_MAP", message: expect.stringContaining("sean") }),
    );
  });
});

suite("in the kernel", ["bpf", "bpftool", "kernel 6.1"], () => {
  let loaded: LoadedObject;
  let handles: KernelHandles;
  beforeEach(() => {
    loaded = new LoadedObject(skeleton.object({ step: 2 }));
    handles = new KernelHandles(loaded);
    return () => {
      handles[Symbol.dispose]();
      loaded[Symbol.dispose]();
    };
  });
  const open: Open = (name) => handles.open(handle(name));
  behaves(open, () => void loaded.program(skeleton.programs["count"]!).run(frame), possibleCpus());

  it("says which maps there are when one is unknown, and that constants stay", () => {
    expect(() => handles.open(new Foreign("sean"))).toThrow(expect.objectContaining({ code: "KERNEL_UNKNOWN_MAP" }));
    const write = (): void => {
      open("step").value = 3;
    };
    expect(write).toThrow(expect.objectContaining({ code: "KERNEL_MAP_READ_ONLY" }));
  });

  it("opens every other kind of map", () => {
    using other = new LoadedObject(kinds.object());
    using opened = new KernelHandles(other);
    const open = <A = Access>(name: string): A => opened.open(kinds[name] as Foreign<A>);
    open("devmap").set(1, { interface: "lo" });
    open("devmap_hash").set(9, 1);
    expect([open("devmap").get(1), [...open("devmap_hash").entries()]]).toEqual([
      { interface: 1 },
      [[9, { interface: 1 }]],
    ]);
    const bloom = open<BloomAccess<number>>("bloom");
    bloom.add(7);
    expect(bloom.has(7)).toBe(true);
    open("stack").push(1);
    open("stack").push(2);
    expect([open("stack").pop(), open("stack").pop()]).toEqual([2, 1]);
    open("trie").set((0x0an << 32n) | 8n, 3);
    expect(open("trie").get((0x0b0an << 32n) | 32n)).toBe(3);
    open("lru_percpu_hash").set(1, 2);
    expect(open("lru_percpu_hash").get(1)).toEqual(Array(possibleCpus()).fill(2n));
  });

  it("is what bpftool prints, byte for byte", () => {
    open("sessions").set(KEY, SESSION);
    const map = loaded.map("sessions");
    const { id } = mapInfo(map.fd);
    const text = execFileSync("bpftool", ["map", "dump", "id", `${id}`, "-j"], { encoding: "utf8" });
    const [{ key, value }] = JSON.parse(text);
    const raw = map.get(Uint8Array.from(key, Number))!;
    expect(value.map(Number)).toEqual([...raw]);
    // Structs without a name are called "" there, twice in one object: text is compared, not what JSON.parse leaves of it.
    expect(text.trimEnd().slice(text.indexOf('"formatted":'))).toBe(
      `"formatted":{"key":{"tenant":7,"number":9},"value":${DUMP}}}]`,
    );
  });
});

suite("docs/kernel.md, objects of clang", ["bpf"], () => {
  const ROOT = fileURLToPath(new URL("../..", import.meta.url));
  const example = blocksOf(readFileSync(join(ROOT, "docs/kernel.md"), "utf8")).find(
    ({ section, info }) => section === "Objects of clang" && info === "ts",
  )!.text;
  let folder: string;
  const file = (name: string): string => join(folder, name);
  const node = (...words: string[]): string => execFileSync(process.execPath, words, { cwd: folder, encoding: "utf8" });
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "xdpkit-types-"));
    mkdirSync(file("node_modules"));
    symlinkSync(ROOT, file("node_modules/xdpkit"));
    writeFileSync(file("package.json"), '{ "type": "module" }');
    cpSync(join(ROOT, "test/objects/conntrack.o"), file("conntrack.o"));
    writeFileSync(file("example.ts"), example);
    node(join(ROOT, "dist/cli/main.js"), "types", "conntrack.o", "-o", "conntrack.types.ts");
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it("is accepted by tsc --strict", () => {
    const texts = ["example.ts", "conntrack.types.ts"].map((name) => [name, readFileSync(file(name), "utf8")] as const);
    expect(Object.fromEntries(typeErrors(new Map(texts)))).toEqual({});
  });

  it("runs with the package as it is built", () => {
    const tsx = pathToFileURL(join(ROOT, "node_modules/tsx/dist/loader.mjs")).href;
    expect(node("--import", tsx, "example.ts")).toBe("OPEN\n16908480 OPENING\n");
  });
});
