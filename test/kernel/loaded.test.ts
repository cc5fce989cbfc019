/** `load`: programs, settings, maps and links together; pins that are used again, refused, migrated. */
import { execFileSync } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import {
  inNamespace,
  type Loaded,
  type LoadOptions,
  listAttachments,
  load,
  migration,
  openPinnedMap,
  programInfo,
} from "../../src/kernel/index.ts";
import { type HashMap, struct, u32, u64, XdpAction, type XdpProgram } from "../../src/lang/index.ts";
import { readElf } from "../../src/object/index.ts";
import { BpfFolder } from "../support/bpf-folder.ts";
import { type Counting, counting } from "../support/counting.ts";
import { loadText } from "../support/load-module.ts";
import { Namespace } from "../support/namespace.ts";
import { suite } from "../support/require.ts";

const PACKET = new Uint8Array(60);

const first = counting("first.xdp.ts");

suite("load", ["root", "bpf", "kernel 6.1"], () => {
  let pins: BpfFolder;
  /** The kernel's own files (maps.debug, progs.debug) stand in the root only. */
  let folder: string;
  beforeEach(() => {
    pins = new BpfFolder();
    folder = join(pins.path, "maps");
    mkdirSync(folder);
  });
  afterEach(() => pins[Symbol.dispose]());

  const start = ({ count }: Counting, options: LoadOptions = {}): Promise<Loaded> =>
    load(count, { pinPath: folder, ...options });
  const bytesAt = (path: string): string => {
    using map = openPinnedMap(path)!;
    return Buffer.from(map.get(Uint8Array.of(7, 0, 0, 0)) ?? []).toString("hex");
  };

  it("compiles, binds settings, fills maps, and opens handles", async () => {
    using loaded = await start(first, { settings: [first.step.with(6n)] });
    const run = () => loaded.program(first.count).run(PACKET).action;
    expect([run(), run(), run()]).toEqual([XdpAction.Pass, XdpAction.Drop, XdpAction.Drop]);
    expect(loaded.map(first.hits).get(7)?.packets).toBe(18n);
    expect([...loaded.map(first.limits).entries()]).toEqual([[1, 10n]]);
    expect(loaded.map("hits").get(7)).toEqual({ packets: 18n });
  });

  it("takes clang's objects, whose maps and programs have names", async () => {
    const object = readElf(readFileSync(new URL("../../examples/edge/edge.o", import.meta.url)), { name: "edge" });
    using loaded = await load(object, { pinPath: folder });
    expect(loaded.program("edge").run(PACKET).action).toBeTypeOf("number");
    expect(() => loaded.program("other")).toThrow(expect.objectContaining({ code: "OBJECT_NO_PROGRAM" }));
    expect(() => loaded.map("other")).toThrow(expect.objectContaining({ code: "KERNEL_UNKNOWN_MAP" }));
  });

  it("pins the maps that say so, in a folder that it makes, and uses them again with what they hold", async () => {
    const pinPath = join(pins.path, "mine");
    {
      using loaded = await start(first, { pinPath });
      expect([...loaded.reused]).toEqual([]);
      loaded.program(first.count).run(PACKET);
    }
    expect(readdirSync(pinPath)).toEqual(["hits"]);
    using again = await start(counting("again.xdp.ts"), { pinPath });
    expect([...again.reused]).toEqual(["hits"]);
    expect(again.map("hits").get(7)).toEqual({ packets: 1n });
  });

  it("uses what bpftool has pinned, and bpftool shows what it pins by field names", async () => {
    const path = join(folder, "hits");
    const map = ["map", "create", path, "type", "hash", "key", "4", "value", "8", "entries", "8", "name", "hits"];
    execFileSync("bpftool", map);
    {
      using loaded = await start(first);
      expect([...loaded.reused]).toEqual(["hits"]);
    }
    execFileSync("rm", [path]);
    using loaded = await start(first);
    loaded.map(first.hits).set(9, { packets: 3n });
    const dumped = JSON.parse(execFileSync("bpftool", ["-j", "map", "dump", "pinned", path], { encoding: "utf8" }));
    expect(dumped[0].formatted).toEqual({ key: 9, value: { packets: 3 } });
  });

  it.each([
    [
      "another size",
      "packets: u64, at: u64",
      8,
      "its value has at (unsigned, 4 bytes at byte 8) where at (unsigned, 8 bytes at byte 8) is declared",
    ],
    [
      "another name",
      "frames: u64, packets: u64",
      8,
      "its value has packets (unsigned, 8 bytes at byte 0) where frames (unsigned, 8 bytes at byte 0) is declared",
    ],
    ["a field less", "packets: u64, at: u32, port: u16", 8, "its value has no port, which is declared"],
    ["a field more", "packets: u64", 8, "its value has at (unsigned, 4 bytes at byte 8), which is not declared"],
    ["more entries", "packets: u64, at: u32", 16, "its maxEntries is 8 where 16 is declared"],
  ])("refuses a pinned map with %s, and leaves it as it was", async (what, fields, maxEntries, difference) => {
    const path = join(folder, "hits");
    {
      const pinned = counting(`pinned-${what.replaceAll(" ", "-")}.xdp.ts`, "packets: u64, at: u32");
      using loaded = await start(pinned);
      loaded.program(pinned.count).run(PACKET);
    }
    const other = counting(`${what.replaceAll(" ", "-")}.xdp.ts`, fields, maxEntries);
    const answer = await start(other).catch((error: unknown) => error);
    expect(answer).toMatchObject({
      code: "KERNEL_PIN_LAYOUT",
      problem: `map hits does not fit the one that is pinned at ${path}: ${difference}`,
      hint: `give load() a migration of hits, take another pinPath, or remove the pin with what it holds: rm ${path}`,
    });
    expect(bytesAt(path)).toMatch(/^01(00)+$/);
    expect(readdirSync(folder)).toEqual(["hits"]);
  });

  it("carries entries over to another layout, and the pin to the map that has them", async () => {
    {
      using loaded = await start(first);
      loaded.map(first.hits).setAll([
        [1, { packets: 5n }],
        [2, { packets: 6n }],
        [3, { packets: 0n }],
      ]);
    }
    const next = counting("next.xdp.ts", "packets: u64, bytes: u64", 16);
    class Old extends struct({ packets: u64 }) {}
    const migrations = [
      migration({
        map: next.hits as unknown as HashMap<number, { packets: bigint; bytes: bigint }>,
        from: { value: Old },
        entry: (key, { packets }) => (packets === 0n ? undefined : [key, { packets, bytes: 64n * packets }]),
      }),
    ];
    using loaded = await start(next, { migrations });
    const expected = [
      [1, { packets: 5n, bytes: 320n }],
      [2, { packets: 6n, bytes: 384n }],
    ];
    const sorted = (entries: Iterable<readonly [unknown, unknown]>) =>
      [...entries].sort(([a], [b]) => Number(a) - Number(b));
    expect(sorted(loaded.map("hits").entries())).toEqual(expected);
    loaded.commit();
    expect(readdirSync(folder)).toEqual(["hits"]);
    using again = await start(counting("again2.xdp.ts", "packets: u64, bytes: u64", 16), { migrations: [] });
    expect([[...again.reused], sorted(again.map("hits").entries())]).toEqual([["hits"], expected]);
  });

  it("says when the pinned map is not what the migration takes it for", async () => {
    {
      using _ = await start(first);
    }
    const next = counting("wrong.xdp.ts", "packets: u64, bytes: u64");
    class Old extends struct({ packets: u32 }) {}
    const one = migration({
      map: next.hits,
      from: { value: Old },
      entry: (key, { packets }) => [key, { packets: BigInt(packets) }],
    });
    expect(await start(next, { migrations: [one] }).catch((error: unknown) => error)).toMatchObject({
      code: "KERNEL_PIN_LAYOUT",
      message: expect.stringContaining("its keys have 4 bytes and its values 8, where the migration has 4 and 4"),
    });
    expect(readdirSync(folder)).toEqual(["hits"]);
  });

  it("pins nothing when a program is refused", async () => {
    const text = `
import { HashMap, u32, u64, XdpAction, xdp } from "xdpkit";
export const seen = new HashMap({ key: u32, value: u64, maxEntries: 8, pin: true });
export const program = xdp((ctx) => (seen.update(1, 1n) ? XdpAction.Pass : XdpAction.Drop));`;
    const { program } = loadText(text, "refused.xdp.ts") as unknown as { readonly program: XdpProgram };
    const { compileOrThrow } = await import("../../src/compiler/index.ts");
    const { object } = compileOrThrow(program);
    const broken = {
      ...object,
      functions: object.functions.map((one) => ({ ...one, instructions: one.instructions.slice(0, -1) })),
    };
    const answer = await load(broken, { pinPath: folder }).catch((error: unknown) => error);
    expect(answer).toMatchObject({ code: "KERNEL_REFUSED" });
    expect(readdirSync(folder)).toEqual([]);
  });

  it("closes each descriptor once: its number may be someone else's by then", async () => {
    const loaded = await start(first);
    const [map, program] = [loaded.map(first.hits), loaded.program(first.count)];
    using namespace = new Namespace("loaded-once");
    namespace.veth("v0", "v1");
    const link = inNamespace(namespace.name, () => loaded.attach(first.count, { interface: "v0" }));
    const byNetlink = inNamespace(namespace.name, () =>
      loaded.attach(first.count, { interface: "v1", via: "netlink" }),
    );
    const all = [link, byNetlink, program, loaded];
    map.set(7, { packets: 1n });
    for (const one of all) one[Symbol.dispose]();
    // What is opened now gets the numbers that are free.
    using other = await start(first);
    other.map(first.hits).set(7, { packets: 2n });
    const files = Array.from({ length: 16 }, () => openSync("/dev/null", "r"));
    for (const one of all) one[Symbol.dispose]();
    for (const file of files) closeSync(file);
    expect(() => map.get(7)).toThrow("EBADF");
    expect(() => program.run(PACKET)).toThrow("EBADF");
    expect(other.map(first.hits).get(7)?.packets).toBe(2n);
  });

  it("wants a bpf file system", async () => {
    const pinPath = "/tmp";
    expect(await start(first, { pinPath }).catch((error: unknown) => error)).toMatchObject({ code: "KERNEL_PIN" });
    expect(await start(first, { pinPath: join(pins.path, "a", "b") }).catch((error: unknown) => error)).toMatchObject({
      code: "KERNEL_PIN",
      message: expect.stringContaining("ENOENT"),
    });
    expect(existsSync("/tmp/hits")).toBe(false);
  });

  it("does not take a program's pin for a map", async () => {
    mkdirSync(join(pins.path, "x"));
    using loaded = await start(first);
    const path = join(pins.path, "x", "hits");
    execFileSync("bpftool", ["prog", "pin", "id", String(programInfo(loaded.program(first.count)).id), path]);
    expect(await start(first, { pinPath: join(pins.path, "x") }).catch((error: unknown) => error)).toMatchObject({
      code: "KERNEL_NOT_A_MAP",
    });
  });

  it("attaches, and a new version takes over the pinned link with the maps", async () => {
    using namespace = new Namespace("load");
    namespace.veth("v0", "v1");
    const pin = join(pins.path, "link");
    const attached = () =>
      inNamespace(namespace.name, () => listAttachments().map(({ program, via }) => [program?.name, via]));
    const started = async (module: Counting) => {
      const loaded = await start(module);
      const link = inNamespace(namespace.name, () =>
        loaded.attach(module.count, { interface: "v0", pin, replace: true }),
      );
      return { loaded, link };
    };
    const one = await started(first);
    one.loaded.map(first.hits).set(1, { packets: 1n });
    one.link[Symbol.dispose]();
    one.loaded[Symbol.dispose]();
    expect(attached()).toEqual([["count", "link"]]);
    const two = await started(counting("version2.xdp.ts"));
    expect(two.loaded.map("hits").get(1)).toEqual({ packets: 1n });
    expect(attached()).toEqual([["count", "link"]]);
    expect(two.link.via === "link" && two.link.info().programId).toBe(programInfo(two.loaded.program("count")).id);
    two.link.detach();
    expect(attached()).toEqual([]);
    two.link[Symbol.dispose]();
    two.loaded[Symbol.dispose]();
  });
});
