/**
 * Map operations against the same in C (libbpf, clang-19 -O2), on the same map, alternating in one run.
 *
 * Raw bytes are compared with C, which has raw bytes, too. What the typed path adds (keys and values as JavaScript by a
 * schema) is in rows of its own, against the same C.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
// The built package: a loader that rewrites sources would be measured as well.
import { EntryAccess, KernelMap, mapInfo, pinThread, possibleCpus, tryCreateMap } from "../dist/kernel/index.js";
import { schemaCodec, struct, u32, u64 } from "../dist/lang/index.js";
import { alternate, table } from "./median.ts";

const ROUNDS = 11;
const LOOKUPS = 1_000_000;
const ENTRIES = 1_000_000;
const SMALL = 1024;
const BATCH = 65_536;
const TWIN = fileURLToPath(new URL("maps/twin.c", import.meta.url));

class Counter extends struct({ packets: u64 }) {}

type Twin = (operation: string, map: KernelMap, count: number, entries: number) => number;

function createHash(maxEntries: number): KernelMap {
  const definition = {
    name: "bench",
    style: "btf",
    type: 1,
    keySize: 4,
    valueSize: 8,
    maxEntries,
    flags: 0,
    pinByName: false,
  } as const;
  const map = new KernelMap(tryCreateMap(definition), definition, possibleCpus());
  const { keys, values } = content(maxEntries);
  map.trySetAll(keys, values);
  return map;
}

/** Keys 0 to `count` - 1, each with the value that is one more. */
function content(count: number): { readonly keys: Uint8Array; readonly values: Uint8Array } {
  const keys = Uint32Array.from({ length: count }, (_, at) => at);
  const values = BigUint64Array.from({ length: count }, (_, at) => BigInt(at + 1));
  return { keys: new Uint8Array(keys.buffer), values: new Uint8Array(values.buffer) };
}

function nanoseconds(body: () => void): number {
  const start = process.hrtime.bigint();
  body();
  return Number(process.hrtime.bigint() - start);
}

interface Row {
  readonly name: string;
  /** Operations that the time is divided by. */
  readonly per: number;
  readonly goal: string;
  readonly ours: () => void;
  readonly twin: () => number;
}

export async function benchKernelMaps(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "xdpkit-bench-"));
  execFileSync("clang-19", ["-O2", TWIN, "-o", join(folder, "twin"), "-lbpf"]);
  const twin: Twin = (operation, map, count, entries) => {
    const words = [operation, `${mapInfo(map.fd).id}`, `${count}`, `${entries}`];
    return Number(execFileSync(join(folder, "twin"), words, { encoding: "utf8" }));
  };
  pinThread(0);
  using small = createHash(SMALL);
  using large = createHash(ENTRIES);
  const rows = [...lookups(small, twin), ...batches(large, twin)].map(measure);
  rmSync(folder, { recursive: true });
  return table(["operation", "ns", "C, ns", "ratio", "goal"], rows);
}

function measure({ name, per, goal, ours, twin }: Row): readonly string[] {
  const [mine, theirs] = alternate(ROUNDS, [() => nanoseconds(ours), twin]) as [number, number];
  return [name, (mine / per).toFixed(0), (theirs / per).toFixed(0), (mine / theirs).toFixed(2), goal];
}

function lookups(map: KernelMap, twin: Twin): Row[] {
  const key = new Uint8Array(4);
  const keyView = new DataView(key.buffer);
  const access = new EntryAccess<number, Counter>(map, { key: schemaCodec(u32), value: schemaCodec(Counter) });
  const inC = (): number => twin("lookup", map, LOOKUPS, SMALL);
  return [
    {
      name: "lookup, bytes",
      per: LOOKUPS,
      goal: "1.30",
      twin: inC,
      ours: () =>
        summed((at) => {
          keyView.setUint32(0, at & (SMALL - 1), true);
          return map.read(key)![0]!;
        }),
    },
    {
      name: "lookup, bytes copied",
      per: LOOKUPS,
      goal: "",
      twin: inC,
      ours: () =>
        summed((at) => {
          keyView.setUint32(0, at & (SMALL - 1), true);
          return map.get(key)![0]!;
        }),
    },
    {
      name: "lookup, typed",
      per: LOOKUPS,
      goal: "",
      twin: inC,
      ours: () => summed((at) => Number(access.get(at & (SMALL - 1))!.packets)),
    },
  ];
}

/** What is read is used, as in C. */
function summed(look: (at: number) => number): void {
  let sum = 0;
  for (let at = 0; at < LOOKUPS; at++) sum += look(at);
  if (sum === 0) throw new Error("the map is empty");
}

function batches(map: KernelMap, twin: Twin): Row[] {
  const { keys, values } = content(ENTRIES);
  const access = new EntryAccess<number, Counter>(map, { key: schemaCodec(u32), value: schemaCodec(Counter) });
  const counters = Array.from({ length: ENTRIES }, (_, at) => [at, new Counter({ packets: BigInt(at) })] as const);
  const read = (): number => twin("lookup-batch", map, ENTRIES, ENTRIES);
  const write = (): number => twin("update-batch", map, ENTRIES, ENTRIES);
  const row = (name: string, goal: string, inC: () => number, ours: () => void): Row => ({
    name: `${name}, 1,000,000 entries`,
    per: ENTRIES,
    goal,
    twin: inC,
    ours,
  });
  return [
    row("batch lookup, bytes", "1.15", read, () => {
      let count = 0;
      for (const batch of map.batches(BATCH)) count += batch.count;
      if (count !== ENTRIES) throw new Error(`${count} entries`);
    }),
    row("batch update, bytes", "1.15", write, () => {
      if (map.trySetAll(keys, values).result !== 0) throw new Error("the update failed");
    }),
    row("entries(), typed", "", read, () => {
      for (const [, { packets }] of access.entries()) if (packets < 0n) throw new Error("a negative counter");
    }),
    row("setAll(), typed", "", write, () => access.setAll(counters)),
  ];
}
