/**
 * Datagrams over a veth pair: `traffic.mjs send ADDRESS` sends ten each 5 ms to port 4000 until its input ends,
 * `traffic.mjs receive` takes them at ports 4000 and 5000 to 5003 until its input ends. Each prints what it saw as JSON.
 */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFileSync } from "node:fs";

const [what, address] = process.argv.slice(2);
const ended = once(process.stdin.resume(), "end");

async function send() {
  const socket = createSocket("udp4");
  let sequence = 0;
  const timer = setInterval(() => {
    for (let i = 0; i < 10; i++, sequence++) {
      const probe = Buffer.alloc(12);
      probe.writeUInt32LE(sequence, 0);
      probe.writeUInt32LE(sequence % 4, 8);
      socket.send(probe, 4000, address);
    }
  }, 5);
  process.stdout.write("ready\n");
  await ended;
  clearInterval(timer);
  socket.close();
  return { sent: sequence };
}

async function receive() {
  const seen = new Map();
  const versions = new Set();
  let [misrouted, unprocessed] = [0, 0];
  const listen = async (port) => {
    const socket = createSocket({ type: "udp4", recvBufferSize: 4 << 20 });
    socket.on("message", (probe) => {
      const [sequence, version, flow] = [0, 4, 8].map((at) => probe.readUInt32LE(at));
      seen.set(sequence, (seen.get(sequence) ?? 0) + 1);
      versions.add(version);
      if (version === 0) unprocessed++;
      if (port !== 5000 + flow) misrouted++;
    });
    socket.bind(port);
    await once(socket, "listening");
    return socket;
  };
  const sockets = await Promise.all([4000, 5000, 5001, 5002, 5003].map(listen));
  process.stdout.write("ready\n");
  await ended;
  for (const socket of sockets) socket.close();
  const [names, values] = readFileSync("/proc/net/snmp", "utf8")
    .match(/^Udp: .*$/gm)
    .map((line) => line.split(" "));
  const overflowed = Number(values[names.indexOf("RcvbufErrors")]);
  const twice = [...seen.values()].filter((count) => count > 1).length;
  return { received: seen.size, twice, misrouted, unprocessed, overflowed, versions: versions.size };
}

process.stdout.write(`${JSON.stringify(await (what === "send" ? send() : receive()))}\n`);
