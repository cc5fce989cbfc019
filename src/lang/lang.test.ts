/** The surface of kernel modules: what handles declare, what user space may not do, names, and the types of programs. */
import { describe, expect, it } from "vitest";
import { refusal } from "../../test/answers.ts";
import { typeErrorsOfProject } from "../../test/support/check-types.ts";
import * as named from "../../test/support/named.xdp.ts";
import { helperByName } from "../uapi/index.ts";
import * as lang from "./index.ts";

const { array, bytes, spinLock, u32, u64, struct } = lang;
class Sid extends struct({ behaviour: u32, packets: u64 }) {}

describe("map handles", () => {
  const value = Sid;
  const rows: readonly (readonly [type: string, handle: lang.MapHandle, flags: number, maxEntries: number])[] = [
    ["HASH", new lang.HashMap({ key: u32, value, maxEntries: 8 }), 0, 8],
    ["HASH", new lang.HashMap({ key: u32, value, maxEntries: 8, preallocate: false }), 1, 8],
    ["LRU_HASH", new lang.LruHashMap({ key: u32, value, maxEntries: 8 }), 0, 8],
    ["PERCPU_HASH", new lang.PerCpuHashMap({ key: u32, value, maxEntries: 8 }), 0, 8],
    ["LRU_PERCPU_HASH", new lang.LruPerCpuHashMap({ key: u32, value, maxEntries: 8 }), 0, 8],
    ["ARRAY", new lang.ArrayMap({ value, maxEntries: 8, numaNode: 0 }), 4, 8],
    ["PERCPU_ARRAY", new lang.PerCpuArray({ value, maxEntries: 8 }), 0, 8],
    ["LPM_TRIE", new lang.LpmTrie({ key: lang.ipv4Address, value, maxEntries: 8 }), 1, 8],
    ["QUEUE", new lang.Queue({ value, maxEntries: 8 }), 0, 8],
    ["STACK", new lang.Stack({ value, maxEntries: 8 }), 0, 8],
    ["BLOOM_FILTER", new lang.BloomFilter({ value, maxEntries: 8, hashes: 3 }), 0, 8],
    ["DEVMAP", new lang.DevMap({ maxEntries: 8 }), 0, 8],
    ["DEVMAP_HASH", new lang.DevHashMap({ maxEntries: 8 }), 0, 8],
    ["CPUMAP", new lang.CpuMap({ maxEntries: 8 }), 0, 8],
    ["XSKMAP", new lang.XskMap({ maxEntries: 8 }), 0, 8],
    ["PROG_ARRAY", new lang.ProgramArray({ maxEntries: 8 }), 0, 8],
    ["RINGBUF", new lang.RingBuffer({ value, bytes: 4096 }), 0, 4096],
    ["PERF_EVENT_ARRAY", new lang.PerfEventArray({ value }), 0, 0],
    ["USER_RINGBUF", new lang.UserRingBuffer({ value, bytes: 8192 }), 0, 8192],
  ];

  it.each(rows)("%s declares its type, flags and size", (type, handle, flags, maxEntries) => {
    expect([handle.declaration.type, handle.declaration.flags, handle.declaration.maxEntries]).toEqual([
      type,
      flags,
      maxEntries,
    ]);
  });

  it("maps of maps keep their template", () => {
    const inner = new lang.HashMap({ key: u32, value, maxEntries: 8 });
    expect(new lang.ArrayOfMaps({ inner, maxEntries: 2 }).declaration.inner).toBe(inner);
    expect(new lang.HashOfMaps({ key: u64, inner, maxEntries: 2 }).declaration.key).toBe(u64);
  });

  it("are named by their option, else by the constant that holds them in a kernel module", () => {
    expect(new lang.HashMap({ key: u32, value, maxEntries: 8 }).name).toBe("");
    expect(new lang.HashMap({ key: u32, value, maxEntries: 8, name: "given" }).name).toBe("given");
    expect([named.sids.name, named.pass.name, named.outcomes.name, named.limit.name]).toEqual([
      "sids",
      "pass",
      "outcomes",
      "limit",
    ]);
  });

  it.each([
    ["LANG_NAME", () => new lang.HashMap({ key: u32, value, maxEntries: 8, name: "sixteen_letters_" })],
    ["LANG_NAME", () => new lang.HashMap({ key: u32, value, maxEntries: 8, name: "" })],
    ["LANG_MAP_OPTION", () => new lang.HashMap({ key: u32, value, maxEntries: -1 })],
    ["LANG_MAP_OPTION", () => new lang.HashMap({ key: u32, value, maxEntries: 1.5 })],
    ["LANG_OUTCOME_NAMES", () => new lang.Outcomes([])],
    ["LANG_OUTCOME_NAMES", () => new lang.Outcomes(["a", "b", "a"])],
    ["LANG_OUTCOME_NAMES", () => new lang.Outcomes(["a-b", "a_b"])],
  ])("%s", (code, make) => {
    expect(refusal(make)[0]).toBe(code);
  });
});

describe("maps that no kernel takes", () => {
  const locked = struct({ lock: spinLock, n: u32 });
  const key = u32;
  const inMap = "has a struct bpf_spin_lock, which may stand in values of HASH, ARRAY only, not of";
  it.each([
    [() => new lang.HashMap({ key, value: u64, maxEntries: 0 }), "HASH: maxEntries is 0; a map has at least one entry"],
    [() => new lang.Queue({ value: u32, maxEntries: 0 }), "QUEUE: maxEntries is 0; a map has at least one entry"],
    [() => new lang.DevMap({ maxEntries: 0 }), "DEVMAP: maxEntries is 0; a map has at least one entry"],
    [
      () => new lang.RingBuffer({ value: u32, bytes: 5000 }),
      "RINGBUF: bytes is 5,000 bytes; a power of two of whole pages of 4096 bytes",
    ],
    [
      () => new lang.UserRingBuffer({ value: u32, bytes: 2048 }),
      "USER_RINGBUF: bytes is 2,048 bytes; a power of two of whole pages of 4096 bytes",
    ],
    [
      () => new lang.PerCpuArray({ value: array(u64, 5000), maxEntries: 1 }),
      "PERCPU_ARRAY: value is 40,000; a per-CPU value has at most 32,768 bytes",
    ],
    [() => new lang.CpuMap({ maxEntries: 9000 }), "CPUMAP: maxEntries is 9,000; there are at most 8,192 CPUs"],
    [
      () => new lang.LpmTrie({ key: bytes(300), value: u64, maxEntries: 1 }),
      "LPM_TRIE: key is 304: 4 bytes of prefix length and 1 to 256 of data",
    ],
    [() => new lang.BloomFilter({ value: u32, maxEntries: 1, hashes: 16 }), "BLOOM_FILTER: hashes is 16, not 1 to 15"],
    [() => new lang.BloomFilter({ value: u32, maxEntries: 1, hashes: 0 }), "BLOOM_FILTER: hashes is 0, not 1 to 15"],
    [
      () => new lang.LruHashMap({ key, value: u32, maxEntries: 1, preallocate: false }),
      "LRU_HASH: map_flags have BPF_F_NO_PREALLOC: an LRU map is always preallocated",
    ],
    [() => new lang.LruHashMap({ key, value: locked, maxEntries: 1 }), `LRU_HASH: value ${inMap} LRU_HASH`],
    [() => new lang.PerCpuHashMap({ key, value: locked, maxEntries: 1 }), `PERCPU_HASH: value ${inMap} PERCPU_HASH`],
    [() => new lang.LpmTrie({ key, value: locked, maxEntries: 1 }), `LPM_TRIE: value ${inMap} LPM_TRIE`],
    [() => new lang.Queue({ value: locked, maxEntries: 1 }), `QUEUE: value ${inMap} QUEUE`],
    [() => new lang.RingBuffer({ value: locked, bytes: 4096 }), `RINGBUF: value ${inMap} RINGBUF`],
    [
      () => new lang.HashMap({ key: locked, value: u32, maxEntries: 1 }),
      "HASH: key has a lock, which belongs into values",
    ],
    [
      () => new lang.ArrayMap({ value: array(locked, 2), maxEntries: 1 }),
      "ARRAY: value has more than one struct bpf_spin_lock; one is allowed",
    ],
    [
      () => new lang.ArrayMap({ value: struct({ a: locked, b: locked }), maxEntries: 1 }),
      "ARRAY: value has more than one struct bpf_spin_lock; one is allowed",
    ],
  ])("%o", (make, problem) => {
    expect(() => make()).toThrow(expect.objectContaining({ code: "LANG_MAP_OPTION", problem }));
  });

  it("what the kernel takes is taken", () => {
    const nested = struct({ a: u64, inner: locked });
    expect(new lang.HashMap({ key, value: nested, maxEntries: 1 }).declaration.type).toBe("HASH");
    expect(new lang.ArrayMap({ value: array(locked, 1), maxEntries: 1 }).declaration.maxEntries).toBe(1);
    expect(new lang.PerfEventArray({ value: u32 }).declaration.maxEntries).toBe(0);
  });
});

describe("kernel code in user space", () => {
  it.each([
    ["ktimeGetNs", () => lang.ktimeGetNs()],
    ["exit", () => lang.exit(lang.XdpAction.Drop)],
    ["lookup", () => new lang.HashMap({ key: u32, value: u64, maxEntries: 1 }).lookup(1)],
    ["drop", () => new lang.Outcomes(["a"]).drop("a")],
    ["get", () => lang.global(u32, 1).value],
  ])("%s is refused", (_, call) => {
    expect(refusal(call)[0]).toBe("LANG_KERNEL_ONLY");
  });

  it("goes to the runtime that is in force, and only while it is", () => {
    const calls: unknown[] = [];
    const outcomes = new lang.Outcomes(["a"]);
    const runtime: lang.KernelRuntime = {
      call: (name, values) => calls.push([name, values]),
      method: (receiver, name, values) => calls.push([receiver, name, values]),
    };
    lang.withKernelRuntime(runtime, () => {
      lang.getPrandomU32();
      outcomes.as("a", lang.XdpAction.Tx);
    });
    expect(calls).toEqual([
      ["getPrandomU32", []],
      [outcomes, "as", ["a", 3]],
    ]);
    expect(refusal(() => lang.getPrandomU32())[0]).toBe("LANG_KERNEL_ONLY");
  });
});

describe("intrinsics", () => {
  const declared = [...Object.values(lang), ...Object.values(lang.atomic)].flatMap((value) =>
    typeof value === "function" && lang.intrinsicOf(value) ? [lang.intrinsicOf(value)!] : [],
  );

  it("name helpers that the kernel has and XDP may call", () => {
    const wrong = declared.filter(({ helper }) => helper !== undefined && helperByName(helper)?.xdp !== true);
    // Linux 5.11 gives it to every program type; the facts' list of XDP lacks it.
    expect(wrong.map(({ name }) => name)).toEqual(["ktimeGetCoarseNs"]);
  });

  it("have names of their own", () => {
    const names = declared.map(({ name }) => name);
    expect(names.length).toBe(new Set(names).size);
    expect(names.length).toBeGreaterThan(35);
  });
});

describe("programs", () => {
  it("are data: a section, options, a function", () => {
    const body = (): lang.XdpAction => lang.XdpAction.Pass;
    const program = lang.xdp(body, { name: "end", target: "5.4" });
    expect([program.section, program.name, program.options.target, program.body]).toEqual(["xdp", "end", "5.4", body]);
    expect(lang.devMapProgram(body).section).toBe("xdp/devmap");
    expect(lang.cpuMapProgram(body).section).toBe("xdp/cpumap");
    expect([lang.isProgram(program), lang.isProgram(body)]).toEqual([true, false]);
  });

  it("the examples and a page of mistakes pass stock tsc --strict", () => {
    expect(Object.fromEntries(typeErrorsOfProject("examples/tsconfig.json"))).toEqual({});
  });
});
