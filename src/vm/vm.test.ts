/** The machine as a whole: debug sessions, CPUs, repetition, memory, what is refused before anything runs. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { programOf } from "../../test/support/assembly.ts";
import { extent } from "../../test/support/extent.ts";
import { printHex } from "../base/index.ts";
import { type BpfObject, readElf } from "../object/index.ts";
import { createVm, type Verdict, type Vm, type VmOptions } from "./index.ts";

const PACKET = new Uint8Array(60);

function compiled(name: string): BpfObject {
  return readElf(readFileSync(new URL(`../../test/objects/${name}.o`, import.meta.url)), { name });
}

const plain = ({ action, packet, instructions }: Verdict): unknown => [action, printHex(packet), instructions];

describe("a debug session", () => {
  const CALLS = programOf(
    "r6 = r1\nr1 = 3\nr2 = step ll\nr3 = r10\nr4 = 0\ncall 181\nr0 += 5\nexit",
    "",
    ".section .text\n.static step\nr0 = 0\nexit",
  );

  it("steps through the program and ends as a run does", async () => {
    const vm = await createVm(CALLS);
    const session = vm.debug(PACKET);
    const seen: string[] = [];
    do seen.push(`${session.depth} ${session.instruction}`);
    while (session.step());
    const round = ["1 r0 = 0x0", "1 exit"];
    expect(seen).toEqual([
      ...["0 r6 = r1", "0 r1 = 0x3", "0 ld_pseudo\tr2, 0x4, 0x6", "0 r3 = r10", "0 r4 = 0x0", "0 call 0xb5"],
      ...[...round, ...round, ...round],
      ...["0 r0 += 0x5", "0 exit"],
    ]);
    expect(plain(session.verdict!)).toEqual(plain(vm.run(PACKET)));
    expect(session.verdict!.action).toBe(8);
    expect(() => session.step()).toThrow(expect.objectContaining({ code: "VM_NOT_STOPPED" }));
  });

  it("stops at a slot in every round, reads registers and memory, and clears what it set", async () => {
    const vm = await createVm(CALLS);
    const session = vm.debug(PACKET);
    session.setBreakpoint(9);
    const rounds: bigint[] = [];
    while (session.continue()) {
      expect(session.location).toEqual({ kind: "instruction", program: "main", index: 9 });
      rounds.push(session.registers[1]!);
      if (rounds.length === 1) {
        expect(session.depth).toBe(1);
        expect(session.read(session.registers[10]! - 8n, 8)).toEqual(new Uint8Array(8));
        expect(session.read(0n, 1)).toBeNull();
        expect(session.read(2n ** 40n, 4)).toBeNull();
      }
      if (rounds.length === 2) session.clearBreakpoint(9);
    }
    expect(rounds).toEqual([0n, 1n]);
    expect(plain(session.verdict!)).toEqual(plain(vm.run(PACKET)));
  });

  it("stops at a source line", async () => {
    const object = compiled("callbacks");
    const vm = await createVm(object);
    const line = object.functions.find(({ name }) => name === "add_step")!.lines[0]!.line;
    const session = vm.debug(PACKET);
    expect(session.breakAtLine(line)).toBeGreaterThanOrEqual(1);
    expect(session.breakAtLine(99_999)).toBe(0);
    expect(session.continue()).toBe(true);
    expect(session.location).toMatchObject({ source: { line } });
    session.end();
    expect(() => session.continue()).toThrow(expect.objectContaining({ code: "VM_NOT_STOPPED" }));
    const fresh = await createVm(object);
    fresh.run(PACKET);
    expect(plain(vm.run(PACKET))).toEqual(plain(fresh.run(PACKET)));
  });

  it("breaks in the program that was started, whatever was linked before it", async () => {
    const object = programOf(
      "r0 = 2\nexit",
      ".map table type=3 key=4 value=4 entries=2\n.slot table 0 other",
      ".global other\nr0 = 7\nr0 = 8\nr0 = 9\nexit",
    );
    const session = (await createVm(object, { program: "main" })).debug(PACKET);
    expect(() => session.setBreakpoint(3)).toThrow(expect.objectContaining({ code: "VM_BAD_JUMP" }));
    session.setBreakpoint(1);
    expect([session.continue(), session.instruction, session.continue()]).toEqual([true, "exit", false]);
  });

  it("leaves nothing behind a fault", async () => {
    const vm = await createVm(programOf("r0 = 1\nr1 = 0\nr0 = *(u8 *)(r1 + 0)\nexit"));
    const session = vm.debug(PACKET);
    session.setBreakpoint(0);
    session.setBreakpoint(3);
    expect(() => session.continue()).toThrow(expect.objectContaining({ code: "VM_BAD_POINTER" }));
    expect(() => session.continue()).toThrow(expect.objectContaining({ code: "VM_NOT_STOPPED" }));
    expect(() => vm.run(PACKET)).toThrow(expect.objectContaining({ code: "VM_BAD_POINTER" }));
  });

  it("that is left open ends with the next run", async () => {
    const vm = await createVm(programOf("r0 = 1\nr0 = 2\nexit"));
    const session = vm.debug(PACKET);
    session.setBreakpoint(1);
    expect(vm.run(PACKET).action).toBe(2);
    expect(() => session.step()).toThrow(expect.objectContaining({ code: "VM_NOT_STOPPED" }));
  });

  it("says when the budget is spent, rather than that a breakpoint was met", async () => {
    const vm = await createVm(programOf("again:\ngoto again\nexit"), { maxInstructions: 100 });
    expect(() => vm.debug(PACKET).continue()).toThrow(expect.objectContaining({ code: "VM_BUDGET" }));
  });

  it("keeps its registers while another program is linked", async () => {
    const object = programOf(
      "r6 = 77\nr0 = r6\nexit",
      ".map table type=3 key=4 value=4 entries=2",
      ".global other\nr0 = 123456789\nexit",
    );
    const vm = await createVm(object, { program: "main" });
    const session = vm.debug(PACKET);
    session.step();
    vm.map("table").set(0, "other");
    session.continue();
    expect(session.verdict!.action).toBe(77);
  });
});

describe("several CPUs", () => {
  const COUNT = `*(u32 *)(r10 - 4) = 0\nr2 = r10\nr2 += -4\nr1 = counts ll\ncall 1\nif r0 == 0 goto out
r1 = *(u64 *)(r0 + 0)\nr1 += 1\n*(u64 *)(r0 + 0) = r1\nout:\ncall 8\nexit`;

  it.each([6, 5])("count apart (map type %i)", async (type) => {
    const vm = await createVm(programOf(COUNT, `.map counts type=${type} key=4 value=8 entries=4`), { cpus: 4 });
    vm.map("counts").set(new Uint8Array(4), new Uint8Array(32));
    for (const cpu of [0, 1, 1, 3, 3, 3]) expect(vm.run(PACKET, { cpu }).action).toBe(cpu);
    const words = new BigUint64Array(vm.map("counts").getBytes(new Uint8Array(4))!.buffer);
    expect([...words]).toEqual([1n, 2n, 0n, 3n]);
  });

  it.each([
    [{ cpu: 4 }, "CPU 4 does not exist: the machine has 0 to 3"],
    [{ cpu: -1 }, "CPU -1 does not exist: the machine has 0 to 3"],
    [{ cpu: 0.5 }, "CPU 0.5 does not exist: the machine has 0 to 3"],
  ])("%j does not exist", async (run, message) => {
    const vm = await createVm(programOf("r0 = 2\nexit"), { cpus: 4 });
    expect(() => vm.run(PACKET, run)).toThrow(expect.objectContaining({ code: "VM_CPU", problem: message }));
  });
});

describe("repetition", () => {
  const DRAW = `call 7\nr6 = r0\ncall 5\nr6 ^= r0\ncall 118\nr6 ^= r0\nr0 = r6\nexit`;

  it("gives the same numbers for the same seed, others for another", async () => {
    const draw = async (seed: number): Promise<number[]> => {
      const vm = await createVm(programOf(DRAW), { seed });
      return Array.from({ length: 20 }, () => vm.run(PACKET).action);
    };
    expect(await draw(7)).toEqual(await draw(7));
    expect(new Set([...(await draw(7)), ...(await draw(8))]).size).toBe(40);
  });

  it("takes time from the machine's clock: ns, jiffies, TAI", async () => {
    const vm = await createVm(
      programOf(`call 5\nr6 = r0\ncall 118\nr7 = r0\ncall 208\nr0 -= r6\nr0 /= 1000000000\nexit`),
    );
    vm.clock.nowNs = 8_000_000n;
    expect(vm.run(PACKET).action).toBe(37);
    const jiffies = await createVm(programOf("call 118\nexit"));
    jiffies.clock.nowNs = 8_000_000n;
    expect(jiffies.run(PACKET).action).toBe(4294892298);
  });

  it("two machines agree on a program with state", async () => {
    const run = async (): Promise<unknown[]> => {
      const vm = await createVm(compiled("bucket"), { seed: 3 });
      return Array.from({ length: 50 }, (_, i) => {
        vm.clock.nowNs += 1_000_000n;
        return plain(vm.run(PACKET.slice().fill(i, 26, 30)));
      });
    };
    expect(await run()).toEqual(await run());
  });

  const grown = async (options: VmOptions): Promise<string[]> => {
    const vm = await createVm(programOf("r6 = r1\nr2 = -32\ncall 44\nr0 = 2\nexit"), options);
    const run = (): string => printHex(vm.run(new Uint8Array(60).fill(0xaa)).packet.subarray(0, 34));
    const first = run();
    vm.run(new Uint8Array(60).fill(0xee), { metadata: new Uint8Array(64).fill(0xdd) });
    return [first, run()];
  };

  it("a packet grown at the head shows garbage, the same in each run, never an earlier packet", async () => {
    const [first, second] = await grown({});
    expect(second).toBe(first);
    expect(first).toMatch(/^(?!.*(00|dd|ee){4})[0-9a-f]{64}aaaa$/);
    expect((await grown({ seed: 2 }))[0]).not.toBe(first);
  });

  it("or zeros, where they are asked for", async () => {
    const zeros = `${"00".repeat(32)}aaaa`;
    expect(await grown({ unwritten: "zero" })).toEqual([zeros, zeros]);
  });
});

describe("memory", () => {
  const fill = (vm: Vm, count: number): void => {
    const key = new Uint8Array(4);
    const view = new DataView(key.buffer);
    const value = new Uint8Array(8);
    for (let i = 0; i < count; i++) {
      view.setUint32(0, i, true);
      vm.map("table").set(key, value);
    }
  };

  it.each([
    ["HASH", 1],
    ["LRU_HASH", 9],
  ])("a %s of a million entries takes less than 300 MB", async (_, type) => {
    const before = process.memoryUsage().rss;
    const vm = await createVm(programOf("r0 = 2\nexit", `.map table type=${type} key=4 value=8 entries=1000000`));
    fill(vm, 1_000_000);
    expect(vm.map("table").size).toBeGreaterThan(type === 1 ? 999_999 : 990_000);
    expect((process.memoryUsage().rss - before) / 2 ** 20).toBeLessThan(300);
  });

  const machines = extent(300, 2_000);
  it(`${machines} machines in a row`, async () => {
    const object = programOf("r0 = 2\nexit", ".map table type=2 key=4 value=64 entries=16");
    for (let i = 0; i < machines; i++) expect((await createVm(object)).run(PACKET).action).toBe(2);
  });

  it("may grow under a walk, in the callback's return", async () => {
    const walk = `r1 = table ll\nr2 = visit ll\nr3 = r10\nr4 = 0\ncall 164\nexit`;
    const visit = ".section .text\n.static visit\nr1 = *(u64 *)(r3 + 0)\nr1 += 1\n*(u64 *)(r3 + 0) = r1\nr0 = 0\nexit";
    const vm = await createVm(programOf(walk, ".map table type=2 key=4 value=8 entries=400000", visit));
    expect(vm.run(PACKET).action).toBe(400_000);
    expect(vm.map("table").getBytes(Uint8Array.of(0x7f, 0x1a, 6, 0))).toEqual(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0));
  });

  it("may grow under a look-up of a per-CPU array", async () => {
    const vm = await createVm(programOf("r0 = 2\nexit", ".map table type=6 key=4 value=8 entries=2000000"), {
      cpus: 2,
    });
    for (const byte of [0, 5, 10, 15, 20, 25]) {
      expect(vm.map("table").getBytes(Uint8Array.of(0, 0, byte, 0))).toEqual(new Uint8Array(16));
    }
  });

  const hostile: readonly (readonly [string, string, string])[] = [
    ["type=1 key=4 value=2147483648 entries=1", "VM_MAP_DEFINITION", "E2BIG"],
    ["type=1 key=4 value=8 entries=4294967295", "VM_MAP_DEFINITION", "E2BIG"],
    ["type=9 key=4 value=8 entries=4294967295", "VM_MAP_DEFINITION", "E2BIG"],
    ["type=9 key=4 value=8 entries=134217728", "VM_MAP_DEFINITION", "ENOMEM"],
    ["type=2 key=4 value=8 entries=4294967295", "VM_MAP_DEFINITION", "ENOMEM"],
    ["type=2 key=4 value=2147483647 entries=4294967295", "VM_MAP_DEFINITION", "ENOMEM"],
    ["type=2 key=4 value=2147483648 entries=1", "VM_MAP_DEFINITION", "E2BIG"],
    ["type=6 key=4 value=8 entries=4294967295", "VM_MAP_DEFINITION", "ENOMEM"],
    ["type=3 key=4 value=4 entries=4294967295", "VM_MAP_DEFINITION", "ENOMEM"],
    ["type=22 key=0 value=8 entries=4294967295", "VM_MAP_DEFINITION", "ENOMEM"],
    ["type=22 key=0 value=2147483648 entries=1", "VM_MAP_DEFINITION", "E2BIG"],
    ["type=25 key=4 value=4 entries=4294967295", "VM_MAP_DEFINITION", "EINVAL"],
    ["type=30 key=0 value=8 entries=16 extra=16", "VM_MAP_DEFINITION", "EINVAL"],
    ["type=27 key=0 value=0 entries=2147483648", "VM_MEMORY", "1792 MiB"],
    ["type=999 key=4 value=4 entries=1", "VM_MAP_TYPE", "999"],
  ];
  it.each(hostile)("%s is refused", async (map, code, message) => {
    const error = { code, message: expect.stringContaining(message) };
    const reached = programOf("r1 = table ll\nr0 = 2\nexit", `.map table ${map}`);
    await expect(createVm(reached)).rejects.toMatchObject(error);
    // A program that does not reach it runs; the map is an error when it is asked for.
    const vm = await createVm(programOf("r0 = 2\nexit", `.map table ${map}`));
    expect(vm.run(new Uint8Array(60)).action).toBe(2);
    expect(() => vm.map("table")).toThrow(expect.objectContaining(error));
  });
});

it("may_goto grants 8,388,608 rounds to each frame (BPF_MAX_LOOPS)", async () => {
  const rounds = "r0 = 0\nagain:\nmay_goto out\nr0 += 1\ngoto again\nout:";
  const object = programOf(
    `call other\nr6 = r0\n${rounds}\nr0 -= r6\nexit`,
    "",
    `.section .text\n.static other\n${rounds}\nexit`,
  );
  const { action, instructions } = (await createVm(object)).run(PACKET);
  expect([action, instructions]).toEqual([0, 2 * (3 * 0x80_0000 + 2) + 5]);
});

describe("options", () => {
  const PROGRAM = programOf("r0 = 2\nexit");
  it.each([
    [{ cpus: 0 }, "VM_CPU"],
    [{ cpus: 257 }, "VM_CPU"],
    [{ cpus: 1.5 }, "VM_CPU"],
    [{ headroom: 39 }, "VM_HEADROOM"],
    [{ headroom: 2049 }, "VM_HEADROOM"],
    [{ headroom: Number.NaN }, "VM_HEADROOM"],
    [{ program: "nothing" }, "VM_UNKNOWN_PROGRAM"],
  ])("%j are refused", async (options, code) => {
    await expect(createVm(PROGRAM, options)).rejects.toMatchObject({ code });
  });

  it.each([
    [new Uint8Array(13), {}, "VM_PACKET_SIZE"],
    [new Uint8Array(262_145), {}, "VM_PACKET_SIZE"],
    [PACKET, { metadata: new Uint8Array(3) }, "VM_METADATA"],
    [PACKET, { metadata: new Uint8Array(220) }, "VM_METADATA"],
  ])("packet %#", async (packet, run, code) => {
    const vm = await createVm(PROGRAM);
    expect(() => vm.run(packet, run)).toThrow(expect.objectContaining({ code }));
    expect(vm.run(PACKET).action).toBe(2);
  });

  it("which program, when there are several or none", async () => {
    const two = programOf("r0 = 2\nexit", "", ".global other\nr0 = 1\nexit");
    await expect(createVm(two)).rejects.toMatchObject({ code: "VM_SEVERAL_PROGRAMS" });
    await expect(createVm({ ...two, functions: [] })).rejects.toMatchObject({ code: "VM_NO_PROGRAM" });
    expect((await createVm(two, { program: "other" })).run(PACKET).action).toBe(1);
  });

  it.each([40, 256, 2048])("a headroom of %i is what adjust_head finds", async (headroom) => {
    const vm = await createVm(programOf("r2 = -216\ncall 44\nexit"), { headroom });
    expect(vm.run(PACKET).action | 0).toBe(headroom < 256 ? -22 : 0);
  });
});
