/** `npm run demo`: a clang object decides over a capture, without root and without a NIC. */
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
mkdirSync("out", { recursive: true });

const words = [
  "run",
  "examples/edge/edge.o",
  "--in=examples/captures/mixed.pcap",
  "--map=denied=examples/edge/denied.json",
  "--dump=reasons",
  "--out=out/edge.pcapng",
];
process.stdout.write(`\n$ xdpkit ${words.join(" ")}\n`);
const { status } = spawnSync(process.execPath, ["dist/cli/main.js", ...words], { stdio: "inherit" });
if (status !== 0) process.exit(status ?? 1);
process.stdout.write(`Each packet stands in out/edge.pcapng twice, as it came and as it left, with its verdict:
$ tshark -r out/edge.pcapng -T fields -e frame.interface_name -e frame.packet_id -e frame.verdict.ebpf_xdp -e _ws.col.Info
The program's source is examples/edge/edge.c; its instructions beside it:
$ node dist/cli/main.js disasm examples/edge/edge.o
`);
