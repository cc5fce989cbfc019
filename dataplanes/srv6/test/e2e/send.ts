/**
 * Sends packets by turns into an interface until its standard input ends: `send.ts NAMESPACE INTERFACE HEX…`, as fast as a
 * veth takes them without loss. Prints how many of each.
 */
import { setTimeout } from "node:timers/promises";
import { findInterface, inNamespace, load } from "xdpkit/kernel";
import { sender } from "../tap.xdp.ts";

const [namespace = "", name = "", ...hex] = process.argv.slice(2);
const packets = hex.map((one) => Uint8Array.from(Buffer.from(one, "hex")));
/** A veth holds 256 frames. */
const BATCH = 32;

let goesOn = true;
process.stdin.on("end", () => {
  goesOn = false;
});
process.stdin.resume();

const loaded = await load(sender);
const ingressInterface = inNamespace(namespace, () => findInterface(name).index);
let sent = 0;
console.log("sends");
while (goesOn) {
  for (const packet of packets) {
    inNamespace(namespace, () =>
      loaded.program(sender).runLive(packet, { ingressInterface, repeat: BATCH, batchSize: BATCH }),
    );
    await setTimeout(2);
  }
  sent += BATCH;
}
loaded[Symbol.dispose]();
console.log(`sent ${sent}`);
