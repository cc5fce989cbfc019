/** Streams of the kernel under load: nothing is lost that is not counted, nothing holds the process when nobody listens. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { compileOrThrow } from "../../src/compiler/index.ts";
import {
  KernelHandles,
  LoadedObject,
  openTrace,
  PerfReader,
  pinThread,
  Records,
  RingReader,
} from "../../src/kernel/index.ts";
import { readElf } from "../../src/object/index.ts";
import { BpfFolder } from "../support/bpf-folder.ts";
import * as handles from "../support/handles.xdp.ts";
import { suite } from "../support/require.ts";
import { runElsewhere } from "../support/run-elsewhere.ts";

const object = (name: string) =>
  readElf(new Uint8Array(readFileSync(new URL(`../objects/${name}.o`, import.meta.url))), { name });
const frame = (length: number, type = 0x0800): Uint8Array => {
  const bytes = new Uint8Array(length);
  bytes.set([0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 9, type >> 8, type & 0xff]);
  return bytes;
};
const openFiles = (): number => readdirSync("/proc/self/fd").length;
const word = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);

/** The counter of events.c. */
function lostOf(loaded: LoadedObject): number {
  const section = loaded.object.maps.find(({ data }) => data?.variables.some(({ name }) => name === "lost"))!;
  const { offset } = section.data!.variables.find(({ name }) => name === "lost")!;
  return Number(new DataView(loaded.map(section.name).get(word(0))!.buffer).getBigUint64(offset, true));
}

suite("ring buffers", ["bpf", "kernel 5.8"], () => {
  it("gives records in order, over the end of the buffer, without those that were discarded", () => {
    using loaded = new LoadedObject(object("events"));
    const map = loaded.map("events");
    const records = map.own(
      new Records(new RingReader(map), (bytes) => new DataView(bytes.slice().buffer).getUint32(0, true)),
    );
    const program = loaded.program("reserve_event");
    let expected = 0;
    // Seven times around the buffer of 256 KiB: 24 bytes a record.
    for (let round = 0; round < 800; round++) {
      for (let length = 14; length < 114; length++) program.run(frame(length, length % 10 === 0 ? 0x0806 : 0x0800));
      const lengths = records.drain();
      expect(lengths).toEqual(Array.from({ length: 100 }, (_, at) => at + 14).filter((length) => length % 10 !== 0));
      expected += lengths.length;
    }
    expect([expected, lostOf(loaded)]).toEqual([72_000, 0]);
  });

  it("received and lost are what was produced, while another thread writes", async () => {
    using loaded = new LoadedObject(object("events"));
    const map = loaded.map("events");
    let received = 0;
    let wrong = 0;
    const records = map.own(new Records(new RingReader(map), (bytes) => bytes[0]!));
    const end = records.on((length) => {
      received++;
      if (length !== 60) wrong++;
    });
    const [rounds, repeat] = [300, 5_000];
    expect(await runElsewhere(loaded.program("copy_event").fd, frame(60), rounds, repeat)).toBe(0);
    received += records.drain().length;
    end();
    expect([received + lostOf(loaded), wrong]).toEqual([rounds * repeat, 0]);
    expect(received).toBeGreaterThan(0);
  });

  it("wakes iterators and listeners; what a listener throws is not swallowed, and the next record comes", async () => {
    using loaded = new LoadedObject(object("events"));
    const map = loaded.map("events");
    const records = map.own(
      new Records(new RingReader(map), (bytes) => new DataView(bytes.slice().buffer).getUint32(0, true)),
    );
    const program = loaded.program("reserve_event");
    setTimeout(() => [20, 21, 22].map((length) => program.run(frame(length))), 20);
    const seen: number[] = [];
    for await (const length of records) {
      seen.push(length);
      if (seen.length === 2) break;
    }
    expect([seen, records.drain()]).toEqual([[20, 21], [22]]);
    const thrown: unknown[] = [];
    const before = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    process.once("uncaughtException", (error) => thrown.push(error.message));
    const end = records.on((length) => {
      seen.push(length);
      if (length === 30) throw new Error("thirty");
    });
    for (const length of [30, 31]) program.run(frame(length));
    await new Promise((resolve) => setTimeout(resolve, 50));
    end();
    for (const listener of before) process.on("uncaughtException", listener);
    expect([seen, thrown]).toEqual([[20, 21, 30, 31], ["thirty"]]);
  });

  it("keeps what comes behind the record at which a listener leaves", async () => {
    using loaded = new LoadedObject(object("events"));
    const map = loaded.map("events");
    const records = map.own(new Records(new RingReader(map), (bytes) => bytes[0]!));
    const program = loaded.program("reserve_event");
    const seen: number[] = [];
    const end = records.on((length) => {
      seen.push(length);
      if (seen.length === 2) end();
    });
    for (const length of [20, 21, 22, 23]) program.run(frame(length));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([seen, records.drain()]).toEqual([
      [20, 21],
      [22, 23],
    ]);
  });

  it("keeps what stands around a record that cannot be decoded", () => {
    using loaded = new LoadedObject(object("events"));
    const map = loaded.map("events");
    const decode = (bytes: Uint8Array): number => {
      if (bytes[0] === 21) throw new Error("twenty-one");
      return bytes[0]!;
    };
    const records = map.own(new Records(new RingReader(map), decode));
    const program = loaded.program("reserve_event");
    for (const length of [20, 21, 22]) program.run(frame(length));
    expect(() => records.drain()).toThrow("twenty-one");
    expect(records.drain()).toEqual([20, 22]);
  });

  it("an iterator ends when the map is closed", async () => {
    const loaded = new LoadedObject(object("events"));
    const map = loaded.map("events");
    const records = map.own(new Records(new RingReader(map), (bytes) => bytes.length));
    setTimeout(() => loaded[Symbol.dispose](), 20);
    const seen: number[] = [];
    for await (const length of records) seen.push(length);
    expect([seen, records.drain()]).toEqual([[], []]);
  });
});

suite("perf arrays", ["bpf", "kernel 6.0"], () => {
  beforeAll(() => pinThread(0));

  it("received and lost are what was produced, samples with the packet's bytes over the end of the buffer", () => {
    using loaded = new LoadedObject(object("perf"));
    const map = loaded.map("samples");
    const seen = new Set<string>();
    let received = 0;
    const records = map.own(
      new Records(new PerfReader(map, 4), (bytes) => {
        const view = new DataView(bytes.buffer, bytes.byteOffset);
        received++;
        seen.add(`${view.getUint32(0, true)} ${view.getUint32(4, true)} ${bytes[8 + 14]} ${bytes.length}`);
      }),
    );
    const program = loaded.program("sample");
    const packet = frame(100);
    packet[14] = 0x77;
    for (let round = 0; round < 200; round++) {
      program.run(packet, { repeat: 100 });
      records.drain();
    }
    // 8 bytes of the record, 100 of the packet, and 4 in front of them: 112.
    expect([received + Number(records.lost), [...seen]]).toEqual([20_000, ["100 100 119 108"]]);
    expect(records.lost).toBe(0n);
    program.run(packet, { repeat: 100_000 });
    records.drain();
    expect(received + Number(records.lost)).toBe(120_000);
    expect(records.lost).toBeGreaterThan(0n);
  });

  it("received and lost are what was produced, while another thread writes", async () => {
    using loaded = new LoadedObject(object("perf"));
    const map = loaded.map("samples");
    let received = 0;
    const records = map.own(new Records(new PerfReader(map), (bytes) => bytes.length));
    const end = records.on(() => received++);
    const [rounds, repeat] = [50, 2_000];
    expect(await runElsewhere(loaded.program("sample").fd, frame(60), rounds, repeat)).toBe(0);
    received += records.drain().length;
    end();
    expect(received + Number(records.lost)).toBe(rounds * repeat);
  });

  it("of two readers the later one has the map, also when the earlier one is closed behind it", () => {
    using loaded = new LoadedObject(object("perf"));
    const map = loaded.map("samples");
    const [first, second] = [1, 2].map(() => new Records(new PerfReader(map), (bytes) => bytes.length));
    const program = loaded.program("sample");
    program.run(frame(60));
    expect([first!.drain().length, second!.drain().length]).toEqual([0, 1]);
    first![Symbol.dispose]();
    program.run(frame(60));
    expect(second!.drain().length).toBe(1);
    second![Symbol.dispose]();
    using third = new Records(new PerfReader(map), (bytes) => bytes.length);
    program.run(frame(60));
    expect(third.drain().length).toBe(1);
  });

  it("wakes an iterator, again and again", async () => {
    using loaded = new LoadedObject(object("perf"));
    const map = loaded.map("samples");
    const records = map.own(new Records(new PerfReader(map), (bytes) => bytes.length));
    const program = loaded.program("sample");
    let seen = 0;
    const write = (): unknown => seen < 200 && program.run(frame(60));
    write();
    for await (const _ of records) {
      if (++seen === 200) break;
      if (seen % 2 === 0) write();
      else setImmediate(write);
    }
    expect(seen).toBe(200);
  });
});

suite("streams of a module", ["bpf", "kernel 6.1"], () => {
  const { events, samples, commands, commanded, main, leaving, answer, Seen } = handles;
  const { object: compiled, names } = compileOrThrow([main, leaving, answer]);
  const packet = new Uint8Array(60);
  packet.set([0x45], 14);
  packet.set([192, 0, 2, 1, 198, 51, 100, 7], 26);

  it("records are the module's structs, in both directions", () => {
    using loaded = new LoadedObject(compiled);
    using open = new KernelHandles(loaded, names);
    open.fill();
    const [ring, perf] = [open.open(events), open.open(samples)];
    const program = loaded.program("main");
    program.run(packet);
    const seen = new Seen({ source: "192.0.2.1", length: 7 });
    expect([ring.drain(), ring.drain(), ring.lost]).toEqual([[seen], [], 0n]);
    expect(perf.drain()).toEqual([new Seen({ source: "192.0.2.1", length: 1 })]);
    const send = (length: number) => open.open(commands).send(new Seen({ source: "192.0.2.9", length }));
    expect([4, 5, 9, 100].map(send)).toEqual([true, true, true, true]);
    program.run(packet);
    expect(open.open(commanded).value).toBe(18n);
    program.run(packet);
    expect(open.open(commanded).value).toBe(118n);
    // 16 bytes a record, 4096 in all; then once more around the buffer.
    for (let round = 0; round < 2; round++) {
      expect(Array.from({ length: 300 }, () => send(1)).filter((isSent) => isSent).length).toBe(256);
      program.run(packet);
    }
    expect(open.open(commanded).value).toBe(118n + 512n);
  });

  it("leaves no descriptor and no mapping behind", () => {
    const cycle = (): void => {
      using loaded = new LoadedObject(compiled);
      using open = new KernelHandles(loaded, names);
      open.fill();
      const [ring, perf] = [open.open(events), open.open(samples)];
      ring.on(() => {})();
      const keep = perf.on(() => {});
      open.open(commands).send(new Seen({ source: "192.0.2.9", length: 1 }));
      open.open(commanded).value = 1n;
      expect(keep).toBeTypeOf("function");
    };
    cycle();
    const mappings = (): number => readFileSync("/proc/self/maps", "utf8").match(/bpf-map|perf_event/g)?.length ?? 0;
    const before = [openFiles(), mappings()];
    for (let round = 0; round < 20; round++) cycle();
    expect([openFiles(), mappings()]).toEqual(before);
  });
});

suite("the trace", ["bpf", "root"], () => {
  it("is read line by line, parsed", async () => {
    using folder = new BpfFolder("tracefs");
    using trace = openTrace(folder.path);
    using loaded = new LoadedObject(object("strings"));
    const program = loaded.program("name_packet");
    const ran = delay(20).then(() => program.run(frame(99)));
    for await (const { text, cpu, task, pid, timestampNs } of trace) {
      if (text !== "ninety-nine bytes, 99") continue;
      // The trace is the machine's: the line may be another test's, which runs the same program.
      await ran;
      expect([cpu, pid, typeof task]).toEqual([expect.any(Number), expect.any(Number), "string"]);
      expect(timestampNs).toBeGreaterThan(0n);
      return;
    }
  });
});

suite("a reader that is slower than the kernel", ["bpf", "kernel 5.8"], () => {
  const RECORDS = 4_000;
  /** 0.1 ms of work. */
  const work = (): void => {
    const end = performance.now() + 0.1;
    while (performance.now() < end);
  };

  it.each([
    [
      "for await",
      async (records: Records<Uint8Array, number>) => {
        let seen = 0;
        for await (const _ of records) {
          work();
          if (++seen === RECORDS) return;
        }
      },
    ],
    [
      "on",
      (records: Records<Uint8Array, number>) =>
        new Promise<void>((resolve) => {
          let seen = 0;
          const end = records.on(() => {
            work();
            if (++seen < RECORDS) return;
            end();
            resolve();
          });
        }),
    ],
  ])("%s lets timers through", async (_, read) => {
    using loaded = new LoadedObject(object("events"));
    const map = loaded.map("events");
    const records = map.own(new Records(new RingReader(map), (bytes) => bytes.length));
    loaded.program("copy_event").run(frame(60), { repeat: RECORDS });
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await read(records);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(20);
    expect(lostOf(loaded)).toBe(0);
  });
});

suite("a worker that reads records", ["bpf", "kernel 5.8"], () => {
  const WORKER = `
    const { parentPort, workerData: { root, how } } = require("node:worker_threads");
    (async () => {
      const { readFileSync } = require("node:fs");
      const { LoadedObject, Records, RingReader } = await import(root + "/dist/kernel/index.js");
      const { readElf } = await import(root + "/dist/object/index.js");
      const loaded = new LoadedObject(readElf(new Uint8Array(readFileSync(root + "/test/objects/events.o"))));
      const records = new Records(new RingReader(loaded.map("events")), (bytes) => bytes.length);
      setTimeout(() => loaded.program("copy_event").run(new Uint8Array(60)), 20);
      for await (const length of records) {
        parentPort.postMessage(length);
        if (how === "exit") process.exit(0);
        if (how === "stops reading") break;
      }
    })();
  `;
  it.each(["is terminated", "exit", "stops reading"])("does not end the process when it %s", (how) => {
    const root = fileURLToPath(new URL("../..", import.meta.url));
    const code = `
      const { Worker } = require("node:worker_threads");
      (async () => {
        for (let i = 0; i < 3; i++) {
          const worker = new Worker(${JSON.stringify(WORKER)}, { eval: true, workerData: ${JSON.stringify({ root, how })} });
          const ended = new Promise((resolve) => worker.once("exit", resolve));
          worker.on("error", (error) => console.log(error));
          const length = await new Promise((resolve) => worker.once("message", resolve));
          if (${how === "is terminated"}) await worker.terminate();
          await ended;
          console.log(length);
        }
      })();
    `;
    const { status, signal, stdout } = spawnSync(process.execPath, ["-e", code], { encoding: "utf8", timeout: 60_000 });
    expect([status, signal, stdout]).toEqual([0, null, "12\n12\n12\n"]);
  });
});

describe("a process", () => {
  it("ends when nobody listens any more, with a reader open", () => {
    const root = fileURLToPath(new URL("../..", import.meta.url));
    const code = `
      import { readFileSync } from "node:fs";
      import { LoadedObject, Records, RingReader, PerfReader } from "./src/kernel/index.ts";
      import { readElf } from "./src/object/index.ts";
      const load = (name) => new LoadedObject(readElf(new Uint8Array(readFileSync("test/objects/" + name + ".o")), { name }));
      const ring = load("events").map("events");
      const records = new Records(new RingReader(ring), (bytes) => bytes.length);
      const end = records.on(() => {});
      const samples = load("perf").map("samples");
      new Records(new PerfReader(samples), (bytes) => bytes.length).on(() => {})();
      setTimeout(() => { end(); console.log("ended"); }, 50);
    `;
    const node = spawnSync(process.execPath, ["--import", "tsx", "--input-type=module", "-e", code], {
      cwd: root,
      encoding: "utf8",
      timeout: 20_000,
    });
    expect([node.status, node.stdout.trim(), node.stderr]).toEqual([0, "ended", ""]);
  });
});
