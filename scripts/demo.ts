/** `npm run demo`: a program written in TypeScript decides over a capture, without root and without a NIC. */
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
mkdirSync("out", { recursive: true });

function xdpkit(...words: readonly string[]): void {
  process.stdout.write(`\n$ xdpkit ${words.join(" ")}\n`);
  const { status } = spawnSync(process.execPath, ["dist/cli/main.js", ...words], { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}

process.stdout.write(
  "\nThe program is TypeScript, examples/edge/edge.xdp.ts; xdpkit compiles it to eBPF and runs it:\n",
);
xdpkit(
  "run",
  "examples/edge/edge.xdp.ts",
  "--in=examples/captures/mixed.pcap",
  "--map=denied=examples/edge/denied.json",
  "--out=out/edge.pcapng",
);
process.stdout.write("The same as an object for libbpf, bpftool and iproute2:\n");
xdpkit("build", "examples/edge/edge.xdp.ts", "--output=out/edge.o");
process.stdout.write(`
Each packet stands in out/edge.pcapng twice, as it came and as it left, with its verdict:
$ tshark -r out/edge.pcapng -T fields -e frame.interface_name -e frame.packet_id -e frame.verdict.ebpf_xdp -e _ws.col.Info
The program's instructions beside its lines:
$ node dist/cli/main.js disasm examples/edge/edge.xdp.ts
`);
