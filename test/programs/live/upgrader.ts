/**
 * A process that takes over the pinned link of an interface and then replaces its program again and again:
 * `node --import xdpkit/register upgrader.ts NETNS IFACE FOLDER FIRST COUNT`. It prints each version when it has it attached.
 */
import { setTimeout } from "node:timers/promises";
import { inNamespace, type Loaded, load } from "xdpkit/kernel";
import { routes, steer, version } from "./steer.xdp.ts";

const [netns, name, folder, first, count] = process.argv.slice(2) as [string, string, string, string, string];
const start = (number: number): Promise<Loaded> => load(steer, { settings: [version.with(number)], pinPath: folder });

let number = Number(first);
let loaded = await start(number);
if (loaded.reused.size === 0)
  for (const flow of [0, 1, 2, 3])
    loaded.map(routes).set(flow, { port: 5000 + flow, padding: 0, unused: 0, packets: 0n });
const link = inNamespace(netns, () => loaded.attach(steer, { interface: name, pin: `${folder}/link`, replace: true }));
process.stdout.write(`${number}\n`);
for (let left = Number(count); left > 0; left--) {
  await setTimeout(20);
  const next = await start(++number);
  link.update(next.program(steer));
  loaded[Symbol.dispose]();
  loaded = next;
  process.stdout.write(`${number}\n`);
}
loaded[Symbol.dispose]();
link[Symbol.dispose]();
