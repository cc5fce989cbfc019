/** Writes examples/captures/mixed.pcap: the mixed traffic, one packet every 10 ms from a fixed time on. */
import { writeFile } from "node:fs/promises";
import { concatBytes } from "../src/base/index.ts";
import { writePcap } from "../src/packet/index.ts";
import { mixedTraffic } from "./traffic/index.ts";

const START_NS = 1_767_225_600_000_000_000n;
const STEP_NS = 10_000_000n;
const target = new URL("../examples/captures/mixed.pcap", import.meta.url);

const packets = mixedTraffic().map(({ bytes }, i) => ({ bytes, timestampNs: START_NS + BigInt(i) * STEP_NS }));
const chunks: Uint8Array[] = [];
for await (const chunk of writePcap(packets, { resolution: "us" })) chunks.push(chunk);
await writeFile(target, concatBytes(...chunks));
process.stdout.write(`${packets.length} packets\n`);
