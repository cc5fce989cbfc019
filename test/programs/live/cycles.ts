/**
 * Loads, attaches, runs, reads and detaches again and again: `node --expose-gc --import xdpkit/register cycles.ts NETNS IFACE
 * COUNT`. Prints ten times what the process holds, as JSON.
 */
import { readdirSync, readFileSync } from "node:fs";
import { compileOrThrow } from "xdpkit/compiler";
import { enterNamespace, load } from "xdpkit/kernel";
import { cycle, seen, total } from "./cycles.xdp.ts";

const [netns, name, count] = process.argv.slice(2) as [string, string, string];
const packet = new Uint8Array(60);
const { object } = compileOrThrow(cycle);

/** Without `using`, which Node 20 does not have. */
async function once(via: "link" | "netlink"): Promise<void> {
  const loaded = await load(object);
  loaded.map(seen).set(1, 5n);
  const link = loaded.attach("cycle", { interface: name, via });
  loaded.program("cycle").run(packet);
  // Neighbour discovery of the other end may have come, too.
  if (loaded.map(seen).get(1)! < 6n || loaded.map(total).value < 1n) throw new Error("the program did not run");
  link.detach();
  link[Symbol.dispose]();
  loaded[Symbol.dispose]();
}

function held(cycles: number) {
  globalThis.gc!();
  const { rss, heapUsed } = process.memoryUsage();
  const mappings = readFileSync("/proc/self/maps", "utf8").match(/bpf-map/g)?.length ?? 0;
  return { cycles, rss, heapUsed, mappings, descriptors: readdirSync("/proc/self/fd").length };
}

enterNamespace(netns);
for (let cycles = 1; cycles <= Number(count); cycles++) {
  await once(cycles % 2 === 0 ? "link" : "netlink");
  if (cycles % (Number(count) / 10) === 0) console.log(JSON.stringify(held(cycles)));
}
