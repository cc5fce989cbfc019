/**
 * An upgrade as one transaction: what a load has changed for others (pins, slots) is as it was when an attachment is refused, at
 * whatever point, and two starts do not interleave.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import {
  inNamespace,
  type Loaded,
  listAttachments,
  load,
  lockFolder,
  mapInfo,
  migration,
  openPinnedMap,
  pin,
  programInfo,
  type XdpLink,
} from "../../src/kernel/index.ts";
import { type HashMap, struct, u64 } from "../../src/lang/index.ts";
import { assemble, type BpfObject } from "../../src/object/index.ts";
import { BpfFolder } from "../support/bpf-folder.ts";
import { type Counting, counting } from "../support/counting.ts";
import { Namespace } from "../support/namespace.ts";
import { suite } from "../support/require.ts";

class Old extends struct({ packets: u64 }) {}

const one = counting("one.xdp.ts");
const two = counting("two.xdp.ts", "packets: u64, bytes: u64");
const migrations = [
  migration({
    map: two.hits as unknown as HashMap<number, { packets: bigint; bytes: bigint }>,
    from: { value: Old },
    entry: (key, { packets }) => [key, { packets, bytes: 64n * packets }],
  }),
];

suite("an upgrade", ["root", "bpf", "kernel 6.1"], () => {
  let pins: BpfFolder;
  let folder: string;
  let namespace: Namespace;
  let held: Disposable[];

  beforeEach(() => {
    pins = new BpfFolder();
    folder = join(pins.path, "maps");
    namespace = new Namespace("upgrade");
    namespace.veth("v0", "v1");
    held = [];
  });
  afterEach(() => {
    for (const thing of held.reverse()) thing[Symbol.dispose]();
    namespace[Symbol.dispose]();
    pins[Symbol.dispose]();
  });

  const keep = <T extends Disposable>(thing: T): T => {
    held.push(thing);
    return thing;
  };
  const start = async ({ count }: Counting, options = {}): Promise<Loaded> =>
    keep(await load(count, { pinPath: folder, ...options }));
  const upgrade = (): Promise<Loaded> => start(two, { migrations });
  const attach = (loaded: Loaded, options = {}): XdpLink =>
    keep(inNamespace(namespace.name, () => loaded.attach("count", { interface: "v0", ...options })));
  const idAt = (name: string): number => {
    using map = openPinnedMap(join(folder, name))!;
    return mapInfo(map.fd).id;
  };
  /** The pinned map and those of the program that runs. */
  const state = () => {
    const [attachment] = inNamespace(namespace.name, () => listAttachments());
    return { pinned: idAt("hits"), program: attachment?.programId, maps: attachment?.program?.mapIds ?? [] };
  };

  it.each([
    ["attaching beside a program", (next: Loaded) => attach(next), "KERNEL_OCCUPIED"],
    [
      "a pin that no bpf file system takes",
      (next: Loaded) => attach(next, { replace: true, pin: join(folder, "a.b") }),
      "KERNEL_PIN",
    ],
    ["an interface that is not there", (next: Loaded) => attach(next, { interface: "v9" }), "KERNEL_NO_INTERFACE"],
    [
      "another program than was expected",
      (next: Loaded, link: XdpLink) => link.via === "link" && link.update(next.program("count"), next.program("count")),
      "KERNEL_UNEXPECTED_PROGRAM",
    ],
    ["netlink over a link", (next: Loaded) => attach(next, { via: "netlink", replace: true }), "KERNEL_OCCUPIED"],
    [
      "what the caller does to hold it",
      (next: Loaded) =>
        next.commit(() => {
          throw Object.assign(new Error("no"), { code: "MINE" });
        }),
      "MINE",
    ],
  ])("that is refused leaves all as it was: %s", async (_, refused, code) => {
    const first = await start(one);
    first.map(one.hits).set(1, { packets: 5n });
    const link = attach(first);
    const before = state();
    expect(before.maps).toContain(before.pinned);
    const next = await upgrade();
    expect(state()).toEqual(before);
    expect(() => refused(next, link)).toThrow(expect.objectContaining({ code }));
    expect([state(), readdirSync(folder)]).toEqual([before, ["hits"]]);
    // The old version starts again, in the same process too.
    expect([...(await start(one)).reused]).toEqual(["hits"]);
    // And the new one goes on when what was in the way has gone.
    link.update(next.program("count"));
    const after = state();
    expect(after.maps).toContain(after.pinned);
    expect([after.program, readdirSync(folder)]).toEqual([programInfo(next.program("count")).id, ["hits"]]);
    expect(next.map("hits").get(1)).toEqual({ packets: 5n, bytes: 320n });
  });

  it("that is given up leaves the old pin, and lets the next one in", async () => {
    await start(one);
    const before = idAt("hits");
    const next = await upgrade();
    await expect(upgrade()).rejects.toMatchObject({
      code: "KERNEL_LOCKED",
      problem: `${folder} is in use by process ${process.pid}`,
    });
    next[Symbol.dispose]();
    expect([idAt("hits"), readdirSync(folder)]).toEqual([before, ["hits"]]);
    (await upgrade()).commit();
    expect(idAt("hits")).not.toBe(before);
  });

  it("is not taken up again when another one has replaced the pin", async () => {
    const link = attach(await start(one));
    const late = await upgrade();
    expect(() => attach(late)).toThrow(expect.objectContaining({ code: "KERNEL_OCCUPIED" }));
    (await upgrade()).commit();
    const before = state();
    expect(() => link.update(late.program("count"))).toThrow(
      `map hits does not fit the one that is pinned at ${folder}/hits: another start has replaced it since`,
    );
    expect(state()).toEqual(before);
  });

  it("waits for the start of another process", async () => {
    await start(one);
    const scratch = mkdtempSync(join(tmpdir(), "xdpkit-lock-"));
    const other = spawn("flock", [folder, "sh", "-c", `echo; sleep 1; touch ${scratch}/done`], { stdio: "pipe" });
    await once(other.stdout, "data");
    await start(one);
    expect(existsSync(`${scratch}/done`)).toBe(true);
    rmSync(scratch, { recursive: true });
  });

  it("needs no second lock where the caller holds the folder", async () => {
    await start(one);
    using _ = lockFolder(folder);
    expect([...(await start(one)).reused]).toEqual(["hits"]);
  });

  it("whose first start is refused leaves neither pins nor folder; pins that others use by now stay", async () => {
    attach(await start(counting("before.xdp.ts"), { pinPath: join(pins.path, "other") }));
    const alone = await start(one);
    expect(readdirSync(folder)).toEqual(["hits"]);
    expect(() => attach(alone)).toThrow(expect.objectContaining({ code: "KERNEL_OCCUPIED" }));
    expect(existsSync(folder)).toBe(false);
    const again = await start(one);
    const user = await start(one);
    expect([...user.reused]).toEqual(["hits"]);
    expect(() => attach(again)).toThrow(expect.objectContaining({ code: "KERNEL_OCCUPIED" }));
    expect(readdirSync(folder)).toEqual(["hits"]);
  });

  it("that was killed between attachment and rename is finished by the next start, one killed before is forgotten", async () => {
    const first = await start(one);
    const old = idAt("hits");
    const next = await load(two.count, { pinPath: join(pins.path, "elsewhere") });
    pin(next.kernelMap("hits").fd, join(folder, "0next_hits"));
    attach(next);
    const successor = mapInfo(next.kernelMap("hits").fd).id;
    next[Symbol.dispose]();
    first[Symbol.dispose]();
    expect([...(await start(two)).reused]).toEqual(["hits"]);
    expect([idAt("hits"), readdirSync(folder)]).toEqual([successor, ["hits"]]);
    expect(successor).not.toBe(old);

    const stray = keep(await load(one.count, { pinPath: join(pins.path, "stray") }));
    const map = join(pins.path, "copy");
    pin(stray.kernelMap("limits").fd, map);
    stray[Symbol.dispose]();
    using unused = openPinnedMap(map)!;
    rmSync(map);
    pin(unused.fd, join(folder, "0next_hits"));
    await start(two);
    expect([idAt("hits"), readdirSync(folder)]).toEqual([successor, ["hits"]]);
  });

  it("puts back what stood in the slots of a map that was there already", async () => {
    const first = keep(await load(calling("old"), { pinPath: folder }));
    attach(first, { replace: true });
    const held = [slotOf(first), programInfo(first.program("old")).id];
    expect(held[0]).toBe(held[1]);
    const next = keep(await load(calling("new"), { pinPath: folder }));
    expect(slotOf(next)).toBe(programInfo(next.program("new")).id);
    expect(() => attach(next)).toThrow(expect.objectContaining({ code: "KERNEL_OCCUPIED" }));
    expect(slotOf(next)).toBe(held[0]);
    attach(next, { replace: true });
    expect(slotOf(next)).toBe(programInfo(next.program("new")).id);
  });
});

const slotOf = (loaded: Loaded): number =>
  new DataView(loaded.kernelMap("calls").get(new Uint8Array(4))!.buffer).getUint32(0, true);

/** A program that calls what stands in slot 0 of a pinned array. */
const calling = (target: string): BpfObject =>
  assemble(`.license "GPL"
.map calls type=3 key=4 value=4 entries=2 pin
.slot calls 0 ${target}
.section xdp
.global count
r2 = calls ll
r3 = 0
call 12
r0 = 0
exit
.section xdp
.global ${target}
r0 = 2
exit
`);
