/** BPF_PROG_TEST_RUN in another thread, so that programs write while this thread reads. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";

const CODE = `
const koffi = require("koffi");
const { parentPort, workerData } = require("node:worker_threads");
const { fd, packet, rounds, repeat } = workerData;
const call = koffi.load(null).func("long syscall(long number, int command, void *attributes, uint32_t size)");
const block = new DataView(new ArrayBuffer(80));
const input = new Uint8Array(packet);
block.setUint32(0, fd, true);
block.setUint32(8, input.length, true);
block.setBigUint64(16, koffi.address(input.buffer), true);
block.setUint32(32, repeat, true);
let failed = 0;
for (let round = 0; round < rounds; round++)
  if (call(process.arch === "x64" ? 321 : 280, 10, new Uint8Array(block.buffer), 80) < 0) failed++;
parentPort.postMessage(failed);
`;

/** Runs a program on a packet `rounds` times `repeat`; resolves to the number of calls that failed. */
export async function runElsewhere(fd: number, packet: Uint8Array, rounds: number, repeat: number): Promise<number> {
  const worker = new Worker(CODE, { eval: true, workerData: { fd, packet, rounds, repeat } });
  const [failed] = (await once(worker, "message")) as [number];
  await worker.terminate();
  return failed;
}
