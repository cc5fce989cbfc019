/** Maps and variables as user space sees them: by BTF names, by bytes, with the kernel's refusals. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { programOf } from "../../test/support/assembly.ts";
import type { ErrorCode } from "../base/index.ts";
import { type BpfObject, readElf } from "../object/index.ts";
import { createVm, type MapAccess, type Vm } from "./index.ts";

const PACKET = new Uint8Array(60);

function compiled(name: string): BpfObject {
  return readElf(readFileSync(new URL(`../../test/objects/${name}.o`, import.meta.url)), { name });
}

/** Without BTF keys and values are numbers up to 8 bytes, else bytes. */
async function mapOf(definition: string, cpus = 1): Promise<MapAccess> {
  const vm = await createVm(programOf("r0 = 2\nexit", `.map table ${definition}`), { cpus });
  return vm.map("table");
}

function refusal(operation: () => unknown): readonly [ErrorCode | undefined, string | undefined] {
  try {
    operation();
  } catch (error) {
    const { code, problem } = error as { code?: ErrorCode; problem?: string };
    return [code, problem];
  }
  throw new Error("nothing was refused");
}

const failed = (operation: string, errno: string) => [
  "VM_MAP_OPERATION",
  expect.stringContaining(`map table: ${operation} fails with ${errno}`),
];

describe("by bytes", () => {
  const keyed: readonly (readonly [string, string, number])[] = [
    ["HASH", "type=1 key=4 value=8 entries=2", 1],
    ["LRU_HASH", "type=9 key=4 value=8 entries=2", 1],
    ["PERCPU_HASH", "type=5 key=4 value=8 entries=2", 3],
    ["LRU_PERCPU_HASH", "type=10 key=4 value=8 entries=2", 3],
    ["HASH without preallocation", "type=1 key=4 value=8 entries=2 flags=1", 1],
  ];
  it.each(keyed)("%s: set, get, delete, size, modes", async (_, definition, values) => {
    const map = await mapOf(definition, values);
    const key = Uint8Array.of(1, 2, 3, 4);
    const value = Uint8Array.from({ length: 8 * values }, (_, i) => i);
    expect([map.getBytes(key), map.get(key), map.delete(key), map.size]).toEqual([undefined, undefined, false, 0]);
    expect(refusal(() => map.set(key, value, "replace"))).toEqual(failed("update", "ENOENT"));
    map.set(key, value, "create");
    expect(refusal(() => map.set(key, value, "create"))).toEqual(failed("update", "EEXIST"));
    map.set(key, value, "replace");
    expect([map.getBytes(key), [...map.keys()], map.size]).toEqual([value, [key], 1]);
    expect([map.delete(key), map.size, [...map.entries()]]).toEqual([true, 0, []]);
  });

  it("a full HASH refuses, a full LRU_HASH evicts", async () => {
    const hash = await mapOf("type=1 key=4 value=4 entries=2");
    const lru = await mapOf("type=9 key=4 value=4 entries=2");
    for (let i = 0; i < 2; i++) hash.set(Uint8Array.of(i, 0, 0, 0), new Uint8Array(4));
    expect(refusal(() => hash.set(Uint8Array.of(9, 0, 0, 0), new Uint8Array(4)))).toEqual(failed("update", "E2BIG"));
    for (let i = 0; i < 50; i++) lru.set(Uint8Array.of(i, 0, 0, 0), new Uint8Array(4));
    expect(lru.getBytes(Uint8Array.of(49, 0, 0, 0))).toEqual(new Uint8Array(4));
    expect(lru.size).toBeLessThanOrEqual(2);
  });

  it.each([
    ["ARRAY", "type=2 key=4 value=8 entries=3"],
    ["PERCPU_ARRAY", "type=6 key=4 value=8 entries=3"],
  ])("%s: all indices exist, none can go", async (_, definition) => {
    const map = await mapOf(definition, 2);
    const outside = Uint8Array.of(3, 0, 0, 0);
    const inside = Uint8Array.of(2, 0, 0, 0);
    const value = new Uint8Array(map.getBytes(inside)!.length).fill(7);
    map.set(inside, value);
    expect([map.getBytes(inside), map.getBytes(outside), map.size]).toEqual([value, undefined, 3]);
    expect(refusal(() => map.set(outside, value))).toEqual(failed("update", "E2BIG"));
    expect(refusal(() => map.set(inside, value, "create"))).toEqual(failed("update", "EEXIST"));
    expect(refusal(() => map.delete(inside))).toEqual(failed("delete", "EINVAL"));
    expect([...map.keys()].length).toBe(3);
  });

  it("LPM_TRIE: the longest prefix answers, a prefix too long is refused", async () => {
    const map = await mapOf("type=11 key=8 value=4 entries=4 flags=1");
    const prefix = (length: number, ...address: number[]): Uint8Array => Uint8Array.of(length, 0, 0, 0, ...address);
    map.set(prefix(8, 10, 0, 0, 0), Uint8Array.of(8, 0, 0, 0));
    map.set(prefix(16, 10, 1, 0, 0), Uint8Array.of(16, 0, 0, 0));
    expect(map.getBytes(prefix(32, 10, 1, 2, 3))![0]).toBe(16);
    expect(map.getBytes(prefix(32, 10, 2, 2, 3))![0]).toBe(8);
    expect(map.getBytes(prefix(32, 11, 2, 2, 3))).toBeUndefined();
    expect(refusal(() => map.set(prefix(33, 1, 1, 1, 1), new Uint8Array(4)))).toEqual(failed("update", "EINVAL"));
    expect(map.delete(prefix(16, 10, 1, 9, 9))).toBe(true);
    expect(map.getBytes(prefix(32, 10, 1, 2, 3))![0]).toBe(8);
  });

  it.each([
    ["QUEUE", 22, [1, 2, 3]],
    ["STACK", 23, [3, 2, 1]],
  ])("%s: push, pop, values, overwriting", async (_, type, order) => {
    const map = await mapOf(`type=${type} key=0 value=4 entries=3`);
    const value = (n: number): Uint8Array => Uint8Array.of(n, 0, 0, 0);
    for (const n of [1, 2, 3]) map.push(value(n));
    expect(refusal(() => map.push(value(4)))).toEqual(failed("push", "E2BIG"));
    expect([map.size, map.values().length]).toEqual([3, 3]);
    const first = (raw: unknown): unknown => (raw instanceof Uint8Array ? raw[0] : Number(raw));
    expect(map.values().map(first)).toEqual(order);
    map.push(value(4), true);
    expect(map.values().map(first)).toEqual(type === 22 ? [2, 3, 4] : [4, 3, 2]);
    for (let i = 0; i < 3; i++) map.pop();
    expect([map.pop(), map.size]).toEqual([undefined, 0]);
  });

  it.each([
    [3, "key", () => new Uint8Array(3)],
    [5, "key", () => new Uint8Array(5)],
    [0, "key", () => new Uint8Array(0)],
  ])("a key of %i bytes is refused", async (_size, _what, key) => {
    const map = await mapOf("type=6 key=4 value=8 entries=3");
    for (const operation of [
      () => map.get(key()),
      () => map.getBytes(key()),
      () => map.set(key(), new Uint8Array(8)),
      () => map.delete(key()),
    ]) {
      expect(refusal(operation)[0]).toBe("VALUE_SIZE");
    }
    expect(refusal(() => map.set(new Uint8Array(4), new Uint8Array(7)))[0]).toBe("VALUE_SIZE");
  });

  it("operations of other types are refused", async () => {
    const hash = await mapOf("type=1 key=4 value=4 entries=2");
    expect(refusal(() => hash.pop())).toEqual(failed("pop", "EOPNOTSUPP"));
    expect(refusal(() => hash.values())).toEqual(failed("values", "EOPNOTSUPP"));
    expect(refusal(() => hash.has(new Uint8Array(4)))).toEqual(failed("has", "EOPNOTSUPP"));
    expect(refusal(() => hash.drain())).toEqual(failed("drain", "EOPNOTSUPP"));
    expect(refusal(() => hash.send(new Uint8Array(4)))).toEqual(failed("send", "EOPNOTSUPP"));
    const ring = await mapOf("type=27 key=0 value=0 entries=4096");
    expect(refusal(() => ring.set(undefined, new Uint8Array(0)))).toEqual(failed("update", "EOPNOTSUPP"));
  });
});

describe("targets", () => {
  const object = programOf(
    "r0 = 2\nexit",
    `.map programs type=3 key=4 value=4 entries=4
.map ports type=14 key=4 value=8 entries=4
.map cpus type=16 key=4 value=8 entries=4
.map outer type=12 key=4 value=4 entries=4
.inner outer type=2 key=4 value=4 entries=1
.map hashed type=13 key=8 value=4 entries=4
.inner hashed type=2 key=4 value=4 entries=1
.map leaf type=2 key=4 value=4 entries=1`,
    ".global other\nr0 = 1\nexit\n.section xdp/devmap\n.global second\nr0 = 2\nexit",
  );
  const vmOf = (): Promise<Vm> =>
    createVm(object, { program: "main", network: { interfaces: [{ index: 7, name: "eth7" }] } });

  it("by name, and read back by name", async () => {
    const vm = await vmOf();
    vm.map("programs").set(2, "other");
    vm.map("ports").set(1, "eth7");
    vm.map("ports").set(2, { interface: 9, program: "second" });
    vm.map("cpus").set(0, { queueSize: 32 });
    vm.map("outer").set(3, "leaf");
    vm.map("hashed").set(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 255), "leaf");
    expect([...vm.map("programs").entries()].map(([, value]) => value)).toEqual(["other"]);
    expect([...vm.map("ports").entries()].map(([, value]) => value)).toEqual([
      { interface: 7 },
      { interface: 9, program: "second" },
    ]);
    expect(vm.map("cpus").get(0)).toEqual({ queueSize: 32 });
    expect(vm.map("outer").get(3)).toBe("leaf");
    expect([...vm.map("hashed").keys()]).toEqual([Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 255)]);
    expect([vm.map("ports").delete(1), vm.map("ports").get(1), vm.map("programs").delete(0)]).toEqual([
      true,
      undefined,
      false,
    ]);
  });

  it("a socket map takes every mode", async () => {
    const map = await mapOf("type=17 key=4 value=4 entries=2");
    expect(refusal(() => map.set(0, "a", "replace"))).toEqual(failed("update", "ENOENT"));
    map.set(0, "a", "create");
    expect(refusal(() => map.set(0, "b", "create"))).toEqual(failed("update", "EEXIST"));
    map.set(0, "b", "replace");
    expect(refusal(() => map.set(2, "c"))).toEqual(failed("update", "E2BIG"));
    expect([...map.entries()].map(([, value]) => value)).toEqual(["b"]);
  });

  const wrong: readonly (readonly [string, number | Uint8Array, unknown, ErrorCode])[] = [
    ["programs", 0, "nobody", "VM_UNKNOWN_PROGRAM"],
    ["programs", 4, "other", "VM_MAP_OPERATION"],
    ["ports", 0, "eth9", "VALUE_FORM"],
    ["ports", 0, { interface: -1 }, "VALUE_FORM"],
    ["ports", 0, { interface: "eth7", program: "nobody" }, "VM_UNKNOWN_PROGRAM"],
    ["ports", 4, 7, "VM_MAP_OPERATION"],
    ["outer", 0, "nobody", "VM_UNKNOWN_MAP"],
    ["hashed", new Uint8Array(7), "leaf", "VALUE_SIZE"],
  ];
  it.each(wrong)("%s %j: %j is refused with %s", async (map, key, value, code) => {
    const vm = await vmOf();
    const [got] = refusal(() => vm.map(map).set(key, value));
    expect(got).toBe(code);
    expect(vm.map(map).size).toBe(0);
  });
});

describe("by BTF names", () => {
  it("every map of a compiled object takes back what it gave", async () => {
    for (const name of ["maps", "conntrack", "balancer", "types", "srv6", "bucket", "denylist"]) {
      const object = compiled(name);
      const program = object.functions.find((one) => one.program?.kind === "xdp")!.name;
      const vm = await createVm(object, { program, cpus: 2 });
      for (const map of vm.maps()) {
        if (![1, 2, 5, 6, 9, 10].includes(map.definition.type)) continue;
        const key = new Uint8Array(map.definition.keySize);
        const padded = [5, 6, 10].includes(map.definition.type)
          ? 2 * ((map.definition.valueSize + 7) & ~7)
          : map.definition.valueSize;
        map.set(key, new Uint8Array(padded));
        const before = map.getBytes(key);
        const [[decodedKey, decodedValue]] = [...map.entries()] as [[unknown, unknown]];
        map.set(decodedKey, decodedValue);
        expect(map.getBytes(key), `${name} ${map.name}`).toEqual(before);
      }
    }
  });

  it("sets one variable of a section and leaves the others", async () => {
    const vm = await createVm(compiled("globals"));
    const before = vm.map(".rodata").get(0) as Record<string, unknown>;
    const [name, ...others] = Object.keys(before);
    vm.map(".rodata").set(0, { [name!]: before[name!] });
    expect(others.length).toBeGreaterThan(0);
    expect(vm.map(".rodata").get(0)).toEqual(before);
  });

  it("reads large numbers back as JSON carries them", async () => {
    const map = await mapOf("type=1 key=4 value=8 entries=2");
    map.set(1, "12345678901234567");
    map.set(2, "0x0100000000000000");
    expect([map.get(1), map.get(2)]).toEqual([12345678901234567n, 1n]);
  });

  it("variables, .rodata too, and the program sees them", async () => {
    const object = programOf(
      "r1 = limit ll\nr0 = *(u32 *)(r1 + 0)\nr1 = count ll\nr2 = *(u64 *)(r1 + 0)\nr2 += 1\n*(u64 *)(r1 + 0) = r2\nexit",
      ".data .rodata size=8\n.bytes 0 0500000000000000\n.variable limit offset=0 size=4\n.data .bss size=8\n.variable count offset=0 size=8",
    );
    const vm = await createVm(object);
    expect(vm.run(PACKET).action).toBe(5);
    vm.variable("limit").value = Uint8Array.of(3, 0, 0, 0);
    expect(vm.run(PACKET).action).toBe(3);
    expect(vm.map(".bss").getBytes(new Uint8Array(4))).toEqual(Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0));
    vm.variable("count").value = new Uint8Array(8);
    expect(vm.map(".bss").getBytes(new Uint8Array(4))).toEqual(new Uint8Array(8));
    expect(refusal(() => vm.variable("nothing"))).toEqual([
      "VM_UNKNOWN_VARIABLE",
      "the object has no global variable nothing",
    ]);
    expect(refusal(() => vm.map("nothing"))).toEqual(["VM_UNKNOWN_MAP", "the object has no map nothing"]);
  });

  it("one value per CPU as an array; one value for all; too few refused with the path", async () => {
    const object = compiled("maps");
    const program = object.functions.find((one) => one.program?.kind === "xdp")!.name;
    const vm = await createVm(object, { program, cpus: 3 });
    const map = vm.maps().find(({ definition }) => definition.type === 6)!;
    const key = new Uint8Array(4);
    const one = (map.get(key) as unknown[])[0];
    map.set(key, [one, one, one]);
    expect((map.get(key) as unknown[]).length).toBe(3);
    expect(() => map.set(key, [one, one])).toThrow(
      expect.objectContaining({
        code: "BTF_VALUE",
        at: expect.objectContaining({ path: expect.stringContaining("$.value[2]") }),
      }),
    );
  });
});

describe("events", () => {
  it("a ring buffer drains in order, counts what was lost, hides what was discarded", async () => {
    const send = "r1 = ring ll\nr2 = r10\nr2 += -8\n*(u64 *)(r10 - 8) = 7\nr3 = 8\nr4 = 0\ncall 130\nexit";
    const vm = await createVm(programOf(send, ".map ring type=27 key=0 value=0 entries=4096"));
    let sent = 0;
    while ((vm.run(PACKET).action | 0) === 0) sent++;
    expect([sent, vm.run(PACKET).action | 0, vm.map("ring").lost]).toEqual([255, -11, 2]);
    expect(vm.map("ring").drain()).toEqual(new Array(255).fill(Uint8Array.of(7, 0, 0, 0, 0, 0, 0, 0)));
    expect([vm.run(PACKET).action | 0, vm.map("ring").drain().length]).toEqual([0, 1]);
  });

  it("perf events go to the CPU that runs, with packet bytes behind them", async () => {
    const send = `r2 = events ll\nr3 = 0x5ffffffff ll\nr4 = r10\nr4 += -4\n*(u32 *)(r10 - 4) = 0x01020304\nr5 = 4\ncall 25\nexit`;
    const vm = await createVm(programOf(send, ".map events type=4 key=4 value=4 entries=2"), { cpus: 2 });
    expect(
      vm.run(
        Uint8Array.from({ length: 20 }, (_, i) => i),
        { cpu: 1 },
      ).action,
    ).toBe(0);
    expect(vm.map("events").drain()).toEqual([Uint8Array.of(4, 3, 2, 1, 0, 1, 2, 3, 4)]);
    vm.map("events").delete(1);
    expect(vm.run(PACKET, { cpu: 1 }).action | 0).toBe(-2);
    const foreign = await createVm(
      programOf(send.replace("0x5ffffffff", "1"), ".map events type=4 key=4 value=4 entries=2"),
      {
        cpus: 2,
      },
    );
    expect([foreign.run(PACKET, { cpu: 0 }).action | 0, foreign.run(PACKET, { cpu: 1 }).action]).toEqual([-95, 0]);
  });

  it("a user ring buffer: records in order, a callback that stops, none left", async () => {
    const code = `r1 = ring ll\nr2 = take ll\nr3 = r10\nr3 += -8\n*(u64 *)(r10 - 8) = 0\nr4 = 0\ncall 209\nr1 = *(u64 *)(r10 - 8)\nr1 <<= 8\nr0 |= r1\nexit`;
    const take = `.section .text\n.static take\nr6 = r2\nr2 = 0\nr3 = 1\ncall 203\nr1 = *(u8 *)(r0 + 0)\nr2 = *(u64 *)(r6 + 0)\nr2 += r1\n*(u64 *)(r6 + 0) = r2\nr0 = 0\nif r1 != 3 goto end\nr0 = 1\nend:\nexit`;
    const vm = await createVm(programOf(code, ".map ring type=31 key=0 value=0 entries=4096", take));
    for (const byte of [1, 2, 3, 4]) vm.map("ring").send(Uint8Array.of(byte, 9));
    expect([vm.run(PACKET).action, vm.run(PACKET).action, vm.run(PACKET).action]).toEqual([0x603, 0x401, 0]);
    const full = refusal(() => {
      for (let i = 0; i < 1000; i++) vm.map("ring").send(new Uint8Array(56));
    });
    expect(full).toEqual(["VM_MAP_OPERATION", "map ring: send fails with ENOSPC: the map is full"]);
    expect(vm.map("ring").size).toBe(64);
  });
});
