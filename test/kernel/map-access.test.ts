/** Maps of the kernel by the handles of a module: what test/compiler/handles.test.ts asks of the machine, asked of Linux. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type CompilableProgram, compileOrThrow } from "../../src/compiler/index.ts";
import { KernelHandles, LoadedObject, pinThread, possibleCpus } from "../../src/kernel/index.ts";
import { Global, u32, u64, XdpAction } from "../../src/lang/index.ts";
import { readElf } from "../../src/object/index.ts";
import { refusal } from "../answers.ts";
import * as handles from "../support/handles.xdp.ts";
import { loadText } from "../support/load-module.ts";
import { suite } from "../support/require.ts";
import { runElsewhere } from "../support/run-elsewhere.ts";

const { answer, count, cpus, first, known, leaving, lengths, limits, main, next, outcomes, peers, ports } = handles;
const { routes, runs, tenants, work, Peer } = handles;

const packet = new Uint8Array(60);
packet.set([0x45], 14);
packet.set([192, 0, 2, 1, 198, 51, 100, 7], 26);

const { object, names } = compileOrThrow([main, leaving, answer]);

interface Small {
  readonly program: CompilableProgram;
  readonly one: Global<number>;
  readonly two: Global<number>;
  readonly three: Global<number>;
  readonly sum: Global<bigint>;
}

suite("handles of a module in the kernel", ["bpf", "kernel 6.1"], () => {
  let loaded: LoadedObject;
  let open: KernelHandles;
  const run = (bytes = packet): number => loaded.program("main").run(bytes).action;

  beforeAll(() => {
    pinThread(0);
    loaded = new LoadedObject(object);
    open = new KernelHandles(loaded, names);
    open.fill();
  });
  afterAll(() => {
    open[Symbol.dispose]();
    loaded[Symbol.dispose]();
  });

  it("hash maps hold the module's own structs and addresses", () => {
    const map = open.open(peers);
    map.set("192.0.2.1", { address: "2001:db8::1", port: 443, packets: 2n });
    expect(run()).toBe(XdpAction.Drop);
    const peer = new Peer({ address: "2001:db8::1", port: 443, packets: 3n });
    expect(map.get("192.0.2.1")).toEqual(peer);
    expect([[...map.entries()], map.size]).toEqual([[["192.0.2.1", peer]], 1]);
    expect([map.delete("192.0.2.1"), map.delete("192.0.2.1"), map.get("192.0.2.1")]).toEqual([true, false, undefined]);
  });

  it("says which way a map refuses", () => {
    const map = open.open(peers);
    const peer = new Peer({ address: "2001:db8::1", port: 443, packets: 3n });
    expect(refusal(() => map.set("192.0.2.1", peer, "replace"))[0]).toBe("KERNEL_MAP_ABSENT");
    map.set("192.0.2.1", peer, "create");
    expect(refusal(() => map.set("192.0.2.1", peer, "create"))[0]).toBe("KERNEL_MAP_PRESENT");
    map.set("192.0.2.2", peer);
    expect(refusal(() => map.set("192.0.2.3", peer))[0]).toBe("KERNEL_MAP_FULL");
    expect(refusal(() => map.set("192.0.2", peer))).toEqual(["SCHEMA_ADDRESS", "$.key"]);
    expect(refusal(() => map.set("192.0.2.1", { ...peer, port: 65536 }))).toEqual(["SCHEMA_RANGE", "$.value.port"]);
    expect(refusal(() => open.open(lengths).set(2, 1))[0]).toBe("KERNEL_MAP_INDEX");
    expect(refusal(() => open.open(lengths).delete(1))[0]).toBe("KERNEL_MAP_OPERATION");
    for (const key of ["192.0.2.1", "192.0.2.2"]) map.delete(key);
  });

  it("sets many at once, and says which entry was wrong", () => {
    const map = open.open(routes);
    map.setAll([
      ["198.51.100.0/24", 1],
      ["10.0.0.0/8", 2],
    ]);
    expect([...map.entries()].sort()).toEqual([
      ["10.0.0.0/8", 2],
      ["198.51.100.0/24", 1],
    ]);
    const many = Array.from({ length: 9 }, (_, at) => [`10.0.${at}.0/24`, at] as const);
    expect(refusal(() => map.setAll(many))).toEqual(["KERNEL_MAP_FULL", "$[6]"]);
    expect(refusal(() => map.setAll([many[0]!, ["10.0.0.0/33", 1]]))).toEqual(["LANG_PREFIX", "$[1].key"]);
    for (const [key] of map.entries()) map.delete(key);
    expect(map.size).toBe(0);
  });

  it("tries take prefixes as text", () => {
    open.open(routes).set("198.51.100.0/24", 1);
    expect(run()).toBe(XdpAction.Aborted);
    expect(open.open(routes).get("198.51.100.0/24")).toBe(1);
    open.open(routes).delete("198.51.100.0/24");
    expect(refusal(() => open.open(routes).set("198.51.100.0", 1))).toEqual(["LANG_PREFIX", "$.key"]);
  });

  it("arrays begin with the entries of their declaration, per-CPU maps have a value per CPU", () => {
    expect([...open.open(lengths).entries()]).toEqual([
      [0, 0],
      [1, 7],
    ]);
    const zeros = Array.from({ length: possibleCpus() }, () => 0n);
    open.open(runs).set(0, 0n);
    run();
    run();
    expect(open.open(runs).get(0)).toEqual([10n, ...zeros.slice(1)]);
    open.open(runs).set(
      0,
      zeros.map((_, at) => BigInt(at)),
    );
    expect([...open.open(runs).entries()]).toEqual([[0, zeros.map((_, at) => BigInt(at))]]);
  });

  it("queues and Bloom filters have no keys", () => {
    open.open(work).push(9);
    expect(open.open(known).has(9)).toBe(false);
    run();
    expect([open.open(known).has(9), open.open(work).pop()]).toEqual([true, undefined]);
    for (const value of [1, 2, 3, 4]) open.open(work).push(value);
    expect(refusal(() => open.open(work).push(5))[0]).toBe("KERNEL_MAP_FULL");
    expect(Array.from({ length: 5 }, () => open.open(work).pop())).toEqual([1, 2, 3, 4, undefined]);
  });

  it("globals are variables, outcomes are sums over CPUs by name", () => {
    const before = open.open(count).value;
    const { short } = open.open(outcomes).read();
    run();
    run(packet.subarray(0, 20));
    expect(open.open(count).value).toBe(before + 1n);
    open.open(count).value = 40n;
    run();
    expect(open.open(count).value).toBe(41n);
    expect(open.open(outcomes).read().short).toBe(short + 1n);
  });

  it("program arrays, device maps and maps of maps hold handles", () => {
    open.open(next).set(1, answer);
    expect([...open.open(next).entries()]).toEqual([[1, answer]]);
    open.open(next).delete(1);
    open.open(ports).set(2, { interface: "lo", program: leaving });
    expect([...open.open(ports).entries()]).toEqual([[2, { interface: 1, program: leaving }]]);
    expect(refusal(() => open.open(ports).set(2, { interface: "nowhere0" }))).toEqual([
      "VALUE_FORM",
      "$.value.interface",
    ]);
    expect([...open.open(tenants).entries()]).toEqual([[0, first]]);
    open.open(tenants).set(1, limits);
    open.open(limits).set(3, 4);
    expect(open.open(tenants).get(1)).toBe(limits);
    expect(run()).toBe(XdpAction.Redirect);
    open.open(limits).delete(3);
    open.open(cpus).set(1, { queueSize: 64 });
    expect(open.open(cpus).get(1)).toEqual({ queueSize: 64 });
  });

  it("what the object does not use is not there", () => {
    const alone = compileOrThrow([answer]);
    using other = new LoadedObject(alone.object);
    using nothing = new KernelHandles(other, alone.names);
    expect(refusal(() => nothing.open(peers))[0]).toBe("KERNEL_UNKNOWN_MAP");
    expect(refusal(() => nothing.open(count))[0]).toBe("KERNEL_UNKNOWN_VARIABLE");
  });
});

const SMALL = `import { global, u16, u64, u8, xdp, XdpAction } from "xdpkit";
export const one = global(u8, 1);
export const two = global(u8, 2);
export const three = global(u16, 3);
export const sum = global(u64);
export const program = xdp(() => { sum.value = u64(one.value + two.value * 10 + three.value * 100); return XdpAction.Pass; });
`;

suite("global variables", ["bpf", "kernel 5.5"], () => {
  it("of one and two bytes are written where they stand", () => {
    const { program, one, two, three, sum } = loadText(SMALL, "small-globals.xdp.ts") as unknown as Small;
    const compiled = compileOrThrow(program);
    using loaded = new LoadedObject(compiled.object);
    using open = new KernelHandles(loaded, compiled.names);
    open.open(two).value = 7;
    open.open(three).value = 5;
    loaded.program("program").run(packet);
    expect([one, two, three].map((variable) => open.open(variable).value)).toEqual([1, 7, 5]);
    expect(open.open(sum).value).toBe(571n);
  });

  it("writing one leaves its neighbours to the program that runs", async () => {
    const bytes = readFileSync(new URL("../objects/globals.o", import.meta.url));
    using loaded = new LoadedObject(readElf(bytes, { name: "globals" }));
    using open = new KernelHandles(loaded);
    const total = open.open(new Global(u64, 0n, "weak_total"));
    const last = open.open(new Global(u32, 0, "last_length"));
    const [rounds, repeat] = [50, 20_000];
    const done = runElsewhere(loaded.program("use_globals").fd, new Uint8Array(60), rounds, repeat);
    let ended = false;
    void done.then(() => {
      ended = true;
    });
    for (let writes = 1; !ended; writes++) {
      last.value = writes;
      if (writes % 1000 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await done).toBe(0);
    // table[60 & 15] is 233, the weight 3.
    expect(total.value).toBe(BigInt(rounds * repeat * 233 * 3));
    last.value = 4_000_000_000;
    expect([last.value, loaded.map(".bss").get(new Uint8Array(4))!.length]).toEqual([4_000_000_000, 76]);
    const constant = open.open(new Global(u32, 0, "threshold"));
    expect(constant.value).toBe(512);
    expect(
      refusal(() => {
        constant.value = 1;
      })[0],
    ).toBe("KERNEL_MAP_READ_ONLY");
  });
});
