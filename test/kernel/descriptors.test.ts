/** Descriptors: closed by the last net when their owner is dropped or their worker ends; calls that signals do not end. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { suite } from "../support/require.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PRELUDE = `
const { readdirSync, readFileSync } = require("node:fs");
const { Worker, isMainThread, workerData } = require("node:worker_threads");
const kernel = import("${ROOT}dist/kernel/index.js");
const objects = import("${ROOT}dist/object/index.js");
const load = async () => {
  const [{ LoadedObject }, { readElf }] = await Promise.all([kernel, objects]);
  return new LoadedObject(readElf(new Uint8Array(readFileSync("${ROOT}test/objects/events.o"))));
};
const open = () => readdirSync("/proc/self/fd").length;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
`;

function run(code: string, ...flags: readonly string[]) {
  const words = [...flags, "-e", `${PRELUDE}(async () => {${code}})()`];
  return spawnSync(process.execPath, words, { encoding: "utf8", timeout: 100_000 });
}

suite("descriptors", ["bpf", "kernel 5.8"], () => {
  it("are closed when nobody holds their owner, and the owner's place is told", () => {
    const { stdout, stderr } = run(
      `const loaded = await load(), { mapInfo, openMapById } = await kernel, { id } = mapInfo(loaded.map("events").fd);
      const before = open();
      (function leak() { for (let i = 0; i < 200; i++) openMapById(id); })();
      const leaked = open() - before;
      for (let i = 0; i < 100 && open() > before + 5; i++) { gc(); await pause(20); }
      console.log(leaked, open() - before <= 5, loaded.map("events").fd >= 0);`,
      "--expose-gc",
    );
    expect(stdout).toBe("200 true true\n");
    expect(stderr).toMatch(/XdpkitWarning: a KernelMap was dropped without .* it was made at leak \(/);
  });

  it("that are disposed of are closed once, without a word", () => {
    const { stdout, stderr } = run(
      `const { mapInfo, openMapById } = await kernel;
      await (async () => {
        const loaded = await load(), map = openMapById(mapInfo(loaded.map("events").fd).id);
        map[Symbol.dispose]();
        map[Symbol.dispose]();
        loaded[Symbol.dispose]();
      })();
      for (let i = 0; i < 10; i++) { gc(); await pause(10); }
      console.log("ended");`,
      "--expose-gc",
    );
    expect([stdout, stderr]).toEqual(["ended\n", ""]);
  });

  it.each([
    ["ends", ""],
    ["is terminated", "await pause(60_000);"],
  ])("of a worker are closed when it %s", (how, last) => {
    const worker = `${PRELUDE}(async () => {
      globalThis.held = await load();
      globalThis.held.program("copy_event");
      require("node:worker_threads").parentPort.postMessage("loaded");
      ${last}
    })()`;
    const { stdout } = run(`
      const { LoadedObject } = await kernel;
      const before = open();
      for (let i = 0; i < 4; i++) {
        const worker = new Worker(${JSON.stringify(worker)}, { eval: true });
        const ended = new Promise((resolve) => worker.once("exit", resolve));
        await new Promise((resolve) => worker.once("message", resolve));
        if (${how === "is terminated"}) await worker.terminate();
        await ended;
      }
      await pause(100);
      console.log(typeof LoadedObject, open() - before <= 2);`);
    expect(stdout).toBe("function true\n");
  });

  it("a test run and a load go on while signals come", () => {
    const { stdout } = run(`
      const loaded = await load();
      let signals = 0;
      process.on("SIGWINCH", () => signals++);
      const sender = require("node:child_process").spawn("sh", ["-c", "while kill -WINCH " + process.pid + "; do :; done"]);
      while (signals === 0) await pause(1);
      for (let runs = 0; runs < 20; runs++) {
        loaded.program("copy_event").run(new Uint8Array(60), { repeat: 200_000 });
        (await load())[Symbol.dispose]();
        await pause(1);
      }
      sender.kill();
      console.log(signals > 20);`);
    expect(stdout).toBe("true\n");
  });
});
