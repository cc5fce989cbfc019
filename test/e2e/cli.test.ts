/** The command line as users meet it: what it prints, what it writes, and how it refuses. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { lstatSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "../../src/isa/index.ts";
import { assemble, type BpfObject, writeElf } from "../../src/object/index.ts";
import { suite } from "../support/require.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const CLI = join(ROOT, "dist/cli/main.js");
const EDGE = "examples/edge/edge.o";
const CAPTURE = "examples/captures/mixed.pcap";
const GLOBALS = "test/objects/globals.o";
const DISPATCH = "test/objects/dispatch.o";
const DENIED = "denied=examples/edge/denied-btf.json";

interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function xdpkit(...words: readonly string[]): Outcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, ...words], { cwd: ROOT, encoding: "utf8" });
  return { status, stdout, stderr };
}

let folder: string;
const file = (name: string): string => join(folder, name);

/** An object whose program reads four bytes behind a packet of less than 18. */
function careless(text = "r1 = *(u32 *)(r1 + 0x0)\nr0 = *(u32 *)(r1 + 0xe)\nr0 = 0x2\nexit"): BpfObject {
  const instructions = parse(text);
  const program = { kind: "xdp", fragments: false, autoload: true };
  const main = {
    name: "careless",
    section: "xdp",
    linkage: "global" as const,
    program,
    instructions,
    references: [],
    lines: [],
    relocations: [],
  };
  return { license: "GPL", functions: [main], maps: [], externs: [] };
}

/** A pcap of one Ethernet frame of 14 bytes. */
function shortCapture(): Uint8Array {
  const bytes = new Uint8Array(24 + 16 + 14);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0xa1b2c3d4, true);
  view.setUint16(4, 2, true);
  view.setUint16(6, 4, true);
  view.setUint32(16, 65535, true);
  view.setUint32(20, 1, true);
  view.setUint32(32, 14, true);
  view.setUint32(36, 14, true);
  return bytes;
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "xdpkit-cli-"));
  const capture = readFileSync(join(ROOT, CAPTURE));
  writeFileSync(file("cut.pcap"), capture.subarray(0, capture.length - 5));
  const raw = Uint8Array.from(capture);
  raw[20] = 101;
  writeFileSync(file("raw.pcap"), raw);
  writeFileSync(file("cut.o"), readFileSync(join(ROOT, EDGE)).subarray(0, 700));
  writeFileSync(file("careless.o"), writeElf(careless()));
  const numbers = { type: 2, keySize: 4, valueSize: 8, maxEntries: 2, flags: 0, pinByName: false };
  const wide = { ...careless(), maps: [{ name: "numbers", style: "legacy" as const, ...numbers }] };
  writeFileSync(file("wide.o"), writeElf(wide));
  writeFileSync(file("short.pcap"), shortCapture());
  writeFileSync(file("text.txt"), "not an object\n");
  writeFileSync(file("empty"), "");
  writeFileSync(file("syntax.json"), '[\n  { "key": 1, }\n]\n');
  writeFileSync(file("object.json"), '{ "key": 1 }');
  writeFileSync(file("no-value.json"), '[{ "key": 1 }]');
  writeFileSync(file("field.json"), '[{ "key": { "length": 24, "addres": [1, 2, 3, 4] }, "value": 0 }]');
  writeFileSync(
    file("range.json"),
    '[{ "key": { "length": 24, "address": [1, 2, 3, 4] }, "value": 0 }, { "key": { "length": -1, "address": [1, 2, 3, 4] }, "value": 0 }]',
  );
  writeFileSync(file("long.json"), '[{ "key": { "length": 33, "address": [1, 2, 3, 4] }, "value": 0 }]');
  writeFileSync(file("syntax.yaml"), "interfaces: [\n");
  writeFileSync(
    file("route.yaml"),
    "interfaces: [{ index: 1, name: a }]\nroutes: [{ to: 10.0.0.0/8, via: 192.0.2.1 }]\n",
  );
  writeFileSync(file("in.pcap.gz"), gzipSync(capture));
  writeFileSync(file("kept.pcapng"), "as it was");
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("run", () => {
  it("counts verdicts and dumps maps by name", () => {
    const { status, stdout } = xdpkit("run", EDGE, "--in", CAPTURE, "--map", DENIED, "--dump", "denied", "--json");
    expect(status).toBe(0);
    expect(stdout.startsWith('{\n  "packets": 237,\n  "verdicts": {')).toBe(true);
    expect(JSON.parse(stdout)).toEqual({
      packets: 237,
      verdicts: { XDP_DROP: 34, XDP_PASS: 130, XDP_TX: 14, XDP_REDIRECT: 59 },
      engine: "interpreter",
      faults: 0,
      maps: { denied: [{ key: { length: 24, address: [198, 51, 100, 0] }, value: 24 }] },
    });
  });

  it("prints a table", () => {
    const { stdout } = xdpkit("run", EDGE, "--in", CAPTURE, "--map", DENIED);
    expect(stdout.replace(/\d+ ms/, "N ms")).toBe(`
  edge of ${EDGE}, interpreter: 237 packets of ${CAPTURE}, N ms

  verdict          packets     share          bytes
  XDP_DROP              34    14.3 %          2,946  ███▌
  XDP_PASS             130    54.9 %         12,485  █████████████▏
  XDP_TX                14     5.9 %          1,252  █▍
  XDP_REDIRECT          59    24.9 %          7,664  ██████

  map
  reasons          PERCPU_HASH       10 of 10 entries
  denied           LPM_TRIE          1 of 1,024 entries

`);
  });

  it("says which access faulted, counts it, and goes on", () => {
    const { status, stdout } = xdpkit("run", file("careless.o"), "--in", file("short.pcap"), "--json");
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      packets: 1,
      verdicts: {},
      faults: 1,
      firstFaults: [
        {
          packet: 1,
          code: "VM_ACCESS",
          message: "packet access of 4 bytes at 14..18, packet ends at 14",
          place: "program careless, instruction 1",
        },
      ],
    });
  });

  it("says that the capture holds packets only in part", () => {
    const capture = shortCapture();
    capture[36] = 60;
    writeFileSync(file("snapped.pcap"), capture);
    const words = ["run", EDGE, "--in", file("snapped.pcap")];
    expect(xdpkit(...words).stdout).toContain(
      "\n  1 of 1 packets are cut in the capture: the program saw what is left",
    );
    expect(JSON.parse(xdpkit(...words, "--json").stdout).cutPackets).toBe(1);
  });

  it("sets the clock by the capture, and gives both packets of a pair its time and its length on the wire", () => {
    const capture = shortCapture();
    // 3 s, 5 µs; 60 bytes on the wire.
    capture.set([3, 0, 0, 0, 5], 24);
    capture[36] = 60;
    writeFileSync(file("timed.pcap"), capture);
    writeFileSync(file("clock.o"), writeElf(careless("call 0x5\nr0 /= 0x3b9aca00\nexit")));
    const out = file("timed.pcapng");
    const { stdout } = xdpkit("run", file("clock.o"), "--in", file("timed.pcap"), "--out", out, "--json");
    expect(JSON.parse(stdout).verdicts).toEqual({ XDP_TX: 1 });
    const bytes = readFileSync(out);
    const packets: [number, bigint, number][] = [];
    for (let at = 0; at < bytes.length; at += bytes.readUInt32LE(at + 4)) {
      if (bytes.readUInt32LE(at) !== 6) continue;
      const time = (BigInt(bytes.readUInt32LE(at + 12)) << 32n) | BigInt(bytes.readUInt32LE(at + 16));
      packets.push([bytes.readUInt32LE(at + 8), time, bytes.readUInt32LE(at + 24)]);
    }
    expect(packets).toEqual([
      [0, 3_000_005_000n, 60],
      [4, 3_000_005_000n, 14],
    ]);
  });

  it("runs each packet as often as it is told, and counts it once", () => {
    const { stdout } = xdpkit("run", EDGE, "--in", CAPTURE, "--repeat", "3", "--dump", "reasons", "--json");
    const { packets, maps } = JSON.parse(stdout);
    expect(packets).toBe(237);
    expect(maps.reasons.find((one: { key: string }) => one.key === "REASON_GTP_U").value).toEqual([
      { packets: 102, bytes: 11082 },
    ]);
  });
});

describe("run of programs that need more than a packet", () => {
  const runText = (text: string, ...words: string[]): Outcome => {
    writeFileSync(file("given.o"), writeElf(assemble(text)));
    writeFileSync(file("short.pcap"), shortCapture());
    return xdpkit("run", file("given.o"), "--in", file("short.pcap"), ...words);
  };
  const printing = `.license "GPL"
.section xdp
.global main
*(u32 *)(r10 - 8) = 0x206e656c
*(u32 *)(r10 - 4) = 0x000a6425
r1 = r10
r1 += -8
r2 = 8
r3 = 7
call 6
r0 = 2
exit
`;

  it("shows what bpf_printk prints, also as JSON", () => {
    expect(runText(printing).stdout).toContain("\n  printed (bpf_printk)\n  len 7\n");
    expect(JSON.parse(runText(printing, "--json").stdout).trace).toEqual({ lines: ["len 7"], count: 1 });
  });

  const padded = `.license "GPL"
.section xdp
.global main
r0 = *(u32 *)(r10 - 8)
r0 &= 255
exit
`;

  it("counts a fault for bytes that nobody wrote, and runs on where it is told to", () => {
    const { status, stdout } = runText(padded);
    expect([status, stdout]).toEqual([1, expect.stringContaining("(r10 - 8) is the program's result")]);
    expect(runText(padded, "--unwritten", "zero").stdout).toMatch(/XDP_ABORTED +1 /);
    expect(runText(padded, "--unwritten", "nothing").stderr).toContain("--unwritten takes one of fault, garbage, zero");
  });

  it("takes a program of a section without a type, and of another type on demand", () => {
    const text = (section: string): string => `.section ${section}\n.global main\nr0 = 2\nexit\n`;
    expect(runText(text("prog")).stdout).toMatch(/XDP_PASS +1 /);
    expect(runText(text("classifier")).stderr).toContain("CLI_NO_PROGRAM");
    expect(runText(text("classifier"), "--type", "xdp").stdout).toMatch(/XDP_PASS +1 /);
    expect(runText(text("classifier"), "--type", "tc").stderr).toContain(
      "--type is xdp, the one type that can run here",
    );
  });

  it("leaves CO-RE as compiled where no kernel's types are wanted, and says so", () => {
    const run = (...words: string[]) =>
      xdpkit("run", "test/objects/core.o", "--program", "guarded", "--in", CAPTURE, "--json", ...words);
    expect(JSON.parse(run("--btf", "none").stdout).core).toMatchObject({ types: null, patched: 0, poisoned: 0 });
    expect(run("--btf", file("missing")).stderr).toContain("CLI_FILE");
  });
});

suite("run --out", ["tshark"], () => {
  it("writes a capture whose verdicts tshark shows, entry and exit paired", () => {
    const out = file("verdicts.pcapng");
    expect(xdpkit("run", EDGE, "--in", CAPTURE, "--map", DENIED, "--out", out).status).toBe(0);
    const fields = ["frame.interface_name", "frame.packet_id", "frame.verdict.ebpf_xdp", "frame.len"];
    const text = execFileSync("tshark", ["-r", out, "-T", "fields", ...fields.flatMap((name) => ["-e", name])], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    const rows = text
      .trimEnd()
      .split("\n")
      .map((line) => line.split("\t"));
    expect(rows.length).toBe(2 * 237);
    const counts = new Map<string, number>();
    for (let i = 0; i < rows.length; i += 2) {
      const [entry, exit] = [rows[i]!, rows[i + 1]!];
      expect([entry[0], entry[1], entry[2]]).toEqual(["entry", String(i / 2 + 1), ""]);
      expect(exit[1]).toBe(entry[1]);
      const action = ["XDP_ABORTED", "XDP_DROP", "XDP_PASS", "XDP_TX", "XDP_REDIRECT"][Number(exit[2])]!;
      expect(exit[0]).toBe(action);
      expect(exit[3]).toBe(entry[3]);
      counts.set(action, (counts.get(action) ?? 0) + 1);
    }
    expect(Object.fromEntries(counts)).toEqual({ XDP_DROP: 34, XDP_PASS: 130, XDP_TX: 14, XDP_REDIRECT: 59 });
  });
});

describe("run --out onto what is there", () => {
  const run = (out: string) => xdpkit("run", EDGE, "--in", CAPTURE, "--out", out).status;

  it("follows a link, and keeps the permissions of the file", () => {
    writeFileSync(file("real.pcapng"), "", { mode: 0o600 });
    symlinkSync("real.pcapng", file("link.pcapng"));
    expect(run(file("link.pcapng"))).toBe(0);
    expect(lstatSync(file("link.pcapng")).isSymbolicLink()).toBe(true);
    const { mode, size } = lstatSync(file("real.pcapng"));
    expect([mode & 0o777, size]).toEqual([0o600, 77660]);
  });

  it("writes into a pipe and does not replace it", () => {
    execFileSync("mkfifo", [file("pipe")]);
    const reader = spawn("sh", ["-c", 'cat "$1" > "$1.copy"', "sh", file("pipe")]);
    expect(run(file("pipe"))).toBe(0);
    expect(lstatSync(file("pipe")).isFIFO()).toBe(true);
    return new Promise<void>((resolve) => {
      reader.on("close", () => {
        expect(lstatSync(file("pipe.copy")).size).toBe(77660);
        resolve();
      });
    });
  });

  it("says that standard output is full", () => {
    const { status, stderr } = spawnSync("sh", ["-c", `"$0" "$1" disasm ${EDGE} > /dev/full`, process.execPath, CLI], {
      cwd: ROOT,
      encoding: "utf8",
    });
    expect(stderr).toMatch(
      /^xdpkit: error CLI_FILE at standard output: cannot write the file: the disk is full \(.*\)\n$/,
    );
    expect(status).toBe(2);
  });
});

describe("run --map of global variables", () => {
  const dump = (content: unknown) => {
    writeFileSync(file("globals.json"), JSON.stringify(content));
    const words = ["run", GLOBALS, "--in", file("short.pcap"), "--dump", ".rodata", "--json"];
    const read = (...more: readonly string[]) => JSON.parse(xdpkit(...words, ...more).stdout).maps[".rodata"][0].value;
    return [read(), read("--map", `.rodata=${file("globals.json")}`)];
  };

  it("prints 64-bit numbers exactly, as text where JSON's numbers would not be", () => {
    writeFileSync(
      file("wide.json"),
      '[{ "key": 0, "value": "18446744073709551615" }, { "key": 1, "value": 9007199254740991 }]',
    );
    const words = [
      "run",
      file("wide.o"),
      "--in",
      file("short.pcap"),
      "--map",
      `numbers=${file("wide.json")}`,
      "--dump",
      "numbers",
    ];
    expect(JSON.parse(xdpkit(...words, "--json").stdout).maps.numbers).toEqual([
      { key: 0, value: "18446744073709551615" },
      { key: 1, value: 9007199254740991 },
    ]);
  });

  it("changes those that are named and leaves the others", () => {
    const [before, same] = dump({});
    expect(before.settings).toEqual({ verdicts: [2, 1, 3, 2], limit: 1000, weight: 3 });
    expect(same).toEqual(before);
    const expected = { ...before, settings: { ...before.settings, limit: 7 } };
    expect(dump({ settings: { limit: 7 } })[1]).toEqual(expected);
    expect(dump([{ key: 0, value: { settings: { limit: 7 } } }])[1]).toEqual(expected);
  });
});

suite("run --engine kernel", ["bpf"], () => {
  it("gives what the interpreter gives", () => {
    const words = ["run", EDGE, "--in", CAPTURE, "--map", DENIED, "--dump", "denied", "--json"];
    const kernel = JSON.parse(xdpkit(...words, "--engine", "kernel").stdout);
    expect(kernel).toEqual({ ...JSON.parse(xdpkit(...words).stdout), engine: "kernel" });
  });
});

describe("disasm", () => {
  it("shows instructions beside their source", () => {
    const { status, stdout } = xdpkit("disasm", EDGE);
    expect(status).toBe(0);
    expect(stdout.split("\n").slice(0, 9)).toEqual([
      "",
      `${EDGE}:\tfile format elf64-bpf`,
      "",
      "Disassembly of section xdp:",
      "",
      "0000000000000000 <edge>:",
      "; int edge(struct xdp_md *context)",
      "       0:\tr6 = r1",
      "; \tvoid *end = (void *)(long)context->data_end;",
    ]);
  });

  it("gives the lines as JSON", () => {
    const [first] = JSON.parse(xdpkit("disasm", EDGE, "--json").stdout);
    expect(first).toMatchObject({ function: "edge", section: "xdp", slot: 0, text: "r6 = r1", source: { line: 180 } });
  });
});

/** Networks of another shape. */
const NETWORKS: readonly (readonly [text: string, expected: RegExp])[] = [
  ["interfaces: *nothing", /CLI_YAML at .*: Unresolved alias/],
  ["interfaces: 5", /VM_NETWORK at .*: \$\.interfaces: expected a list/],
  ["interface: []", /VM_NETWORK at .*: \$\.interface: there is no field interface, only interfaces, routes/],
  ["interfaces: [5]", /VM_NETWORK at .*: \$\.interfaces\[0\]: expected fields/],
  ["interfaces: [{ index: 1, name: a, up: 'no' }]", /\$\.interfaces\[0\]\.up: expected a boolean, found "no"/],
  ["interfaces: [{ index: 1, name: a, forwarding: { ipv5: true } }]", /\$\.interfaces\[0\]\.forwarding: expected ipv4/],
  ["routes: [{ to: default, type: black }]", /\$\.routes\[0\]\.type: expected one of unicast, local/],
  ["routes: [{ to: default, nextHops: [{ weigth: 2 }] }]", /\$\.routes\[0\]\.nextHops\[0\]\.weigth: there is no field/],
  ["rules: [{ priority: 1 }]", /\$\.rules\[0\]\.table: the field is missing/],
  ["5", /CLI_YAML at .*: not YAML: the file holds no interfaces/],
  [
    `a: &a [x, x]\n${"bcdefghijklmnop".replace(/./g, (b, i) => `${b}: &${b} [*${"abcdefghijklmno"[i]}, *${"abcdefghijklmno"[i]}]\n`)}`,
    /CLI_YAML at .*: Excessive alias count/,
  ],
];

describe("wrong input", () => {
  const rows: readonly (readonly [name: string, words: () => string[], line: string | RegExp])[] = [
    ["unknown command", () => ["frobnicate"], "error CLI_USAGE: unknown command 'frobnicate'"],
    ["unknown option", () => ["run", EDGE, "--in", CAPTURE, "--frob"], "error CLI_USAGE: unknown option '--frob'"],
    ["no capture named", () => ["run", EDGE], "error CLI_USAGE: required option '--in <capture>' not specified"],
    [
      "bad number",
      () => ["run", EDGE, "--in", CAPTURE, "--repeat", "0"],
      "error CLI_USAGE: --repeat takes a whole number from 1 to 1000000, not 0",
    ],
    [
      "unknown engine",
      () => ["run", EDGE, "--in", CAPTURE, "--engine", "warp"],
      "error CLI_USAGE: --engine is interpreter or kernel, not warp",
    ],
    [
      "missing object",
      () => ["run", "no.o", "--in", CAPTURE],
      "error CLI_FILE at no.o: cannot read the file: it does not exist",
    ],
    ["a folder", () => ["run", "src", "--in", CAPTURE], "error CLI_FILE at src: cannot read the file: it is a folder"],
    [
      "a text file",
      () => ["run", file("text.txt"), "--in", CAPTURE],
      "this is a text file, not an ELF object of BPF programs",
    ],
    [
      "an empty file",
      () => ["run", file("empty"), "--in", CAPTURE],
      "this is an empty file, not an ELF object of BPF programs",
    ],
    [
      "a capture for an object",
      () => ["run", CAPTURE, "--in", CAPTURE],
      "this is a pcap file, not an ELF object of BPF programs",
    ],
    ["a cut object", () => ["run", file("cut.o"), "--in", CAPTURE], /error OBJECT_\w+ at .*cut\.o: byte \d+: /],
    [
      "a big-endian object",
      () => ["run", "test/objects/ethertype-be.o", "--in", CAPTURE],
      "error VM_BIG_ENDIAN at test/objects/ethertype-be.o: the object is for a big-endian machine",
    ],
    [
      "several programs",
      () => ["run", "test/objects/tunnel.o", "--in", CAPTURE],
      "error CLI_SEVERAL_PROGRAMS at test/objects/tunnel.o: the object holds 2 XDP programs: encapsulate, decapsulate (choose one: --program encapsulate)",
    ],
    [
      "unknown program",
      () => ["run", EDGE, "--in", CAPTURE, "--program", "x"],
      `error CLI_NO_PROGRAM at ${EDGE}: the object has no XDP program x (it has edge)`,
    ],
    ["unknown program of disasm", () => ["disasm", EDGE, "--program", "x"], `error CLI_NO_PROGRAM at ${EDGE}: `],
    [
      "missing capture",
      () => ["run", EDGE, "--in", "no.pcap"],
      "error CLI_FILE at no.pcap: cannot read the file: it does not exist",
    ],
    [
      "an object for a capture",
      () => ["run", EDGE, "--in", EDGE],
      new RegExp(`error CAPTURE_FORMAT at ${EDGE}: byte 0: `),
    ],
    [
      "a cut capture",
      () => ["run", EDGE, "--in", file("cut.pcap")],
      /error CAPTURE_TRUNCATED at .*cut\.pcap: byte \d+: /,
    ],
    [
      "another link type",
      () => ["run", EDGE, "--in", file("raw.pcap")],
      /error CLI_LINK_TYPE at .*raw\.pcap: byte 24: packet 1 has link type 101/,
    ],
    [
      "a map option without file",
      () => ["run", EDGE, "--in", CAPTURE, "--map", "denied"],
      'error CLI_MAP_OPTION: "denied" does not say which file',
    ],
    [
      "unknown map",
      () => ["run", EDGE, "--in", CAPTURE, "--map", "x=y.json"],
      "error VM_UNKNOWN_MAP at examples/edge/edge.o: the object has no map x (it has reasons, denied, .rodata)",
    ],
    [
      "unknown map to dump",
      () => ["run", EDGE, "--in", CAPTURE, "--dump", "x"],
      "error VM_UNKNOWN_MAP at examples/edge/edge.o: the object has no map x",
    ],
    [
      "missing map file",
      () => ["run", EDGE, "--in", CAPTURE, "--map", "denied=no.json"],
      "error CLI_FILE at no.json: cannot read the file",
    ],
    [
      "JSON syntax",
      () => ["run", EDGE, "--in", CAPTURE, "--map", `denied=${file("syntax.json")}`],
      /error CLI_JSON at .*syntax\.json:2:15: not JSON/,
    ],
    [
      "JSON of another shape",
      () => ["run", EDGE, "--in", CAPTURE, "--map", `denied=${file("object.json")}`],
      /error CLI_MAP_FILE at .*object\.json: \$: the file holds no list/,
    ],
    [
      "an entry without value",
      () => ["run", EDGE, "--in", CAPTURE, "--map", `denied=${file("no-value.json")}`],
      /error CLI_MAP_FILE at .*no-value\.json: \$\[0\]: /,
    ],
    [
      "an unknown field",
      () => ["run", EDGE, "--in", CAPTURE, "--map", `denied=${file("field.json")}`],
      /error BTF_VALUE_MEMBER at .*field\.json: \$\[0\]\.key\.addres: /,
    ],
    [
      "a number that does not fit",
      () => ["run", EDGE, "--in", CAPTURE, "--map", `denied=${file("range.json")}`],
      /error BTF_VALUE_RANGE at .*range\.json: \$\[1\]\.key\.length: /,
    ],
    [
      "a key that the map refuses",
      () => ["run", EDGE, "--in", CAPTURE, "--map", `denied=${file("long.json")}`],
      /error VM_MAP_OPERATION at .*long\.json: \$\[0\]: map denied: update fails with EINVAL/,
    ],
    [
      "YAML syntax",
      () => ["run", EDGE, "--in", CAPTURE, "--network", file("syntax.yaml")],
      /error CLI_YAML at .*syntax\.yaml:\d+:\d+: not YAML/,
    ],
    [
      "a gateway out of reach",
      () => ["run", EDGE, "--in", CAPTURE, "--network", file("route.yaml")],
      /error VM_NETWORK at .*route\.yaml: \$\.routes\[0\]\.via: /,
    ],
    [
      "a folder that does not exist",
      () => ["run", EDGE, "--in", CAPTURE, "--out", file("no/such/out.pcapng")],
      /error CLI_FILE at .*out\.pcapng: cannot write the file: the folder does not exist/,
    ],
    ["a folder as output", () => ["run", EDGE, "--in", CAPTURE, "--out", folder], /CLI_FILE at .*: it is a folder/],
    [
      "the input as output",
      () => ["run", EDGE, "--in", file("short.pcap"), "--out", file("short.pcap")],
      "it is the input",
    ],
    [
      "standard output for two things",
      () => ["run", EDGE, "--in", CAPTURE, "--out", "-", "--json"],
      /CLI_USAGE: --out - and --json both write to standard output/,
    ],
    [
      "a folder as capture",
      () => ["run", EDGE, "--in", "src"],
      "CLI_FILE at src: cannot read the file: it is a folder",
    ],
    [
      "a gzip file as capture",
      () => ["run", EDGE, "--in", file("in.pcap.gz")],
      /1f8b.* \(it is compressed: unpack it first/,
    ],
    ["unknown command to help", () => ["help", "frobnicate"], "error CLI_USAGE: unknown command 'frobnicate'"],
    [
      "an option that the engine would ignore",
      () => ["run", EDGE, "--in", CAPTURE, "--engine", "kernel", "--seed", "4"],
      "error CLI_USAGE: --seed is for the interpreter, not for --engine kernel",
    ],
    [
      "a dump that the engine cannot make",
      () => ["run", DISPATCH, "--program", "dispatch", "--in", CAPTURE, "--engine", "kernel", "--dump", "handlers"],
      /error CLI_USAGE: --engine kernel cannot dump \w+, a map of PROG_ARRAY/,
    ],
    [
      "an unknown global variable",
      () => ["run", GLOBALS, "--in", CAPTURE, "--map", `.data=${file("object.json")}`],
      /error BTF_VALUE_MEMBER at .*object\.json: \$\.key: /,
    ],
    ...NETWORKS.map(
      ([text, expected], index) =>
        [
          `the network ${text}`,
          () => {
            writeFileSync(file(`network${index}.yaml`), text);
            return ["run", EDGE, "--in", CAPTURE, "--network", file(`network${index}.yaml`)];
          },
          expected,
        ] as const,
    ),
  ];

  it.each(rows)("%s", (_, words, expected) => {
    const { status, stdout, stderr } = xdpkit(...words());
    expect(stderr.trimEnd().split("\n").length, stderr).toBe(1);
    expect(stderr).toMatch(
      expected instanceof RegExp ? expected : new RegExp(expected.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")),
    );
    expect(stderr, "a hint in brackets at the end").toMatch(/^xdpkit: error [A-Z][A-Z0-9_]+( at .+)?: .+ \(.+\)\n$/);
    if (!words().includes("--json")) expect(stdout).toBe("");
    expect(status).toBe(2);
  });

  it.each([
    ["a file", ["run", "nowhere.o", "--in", CAPTURE], "CLI_FILE", { kind: "file", file: "nowhere.o" }],
    ["a usage", ["run", EDGE], "CLI_USAGE", undefined],
    ["another command's", ["srv6", "status", "--run", "/nowhere"], "SRV6_NOT_RUNNING", undefined],
  ])("%s is JSON on standard output, and nothing else", (_, words, code, at) => {
    const { status, stdout, stderr } = xdpkit(...words, "--json");
    const { error, ...more } = JSON.parse(stdout);
    expect([status, more]).toEqual([2, {}]);
    expect(error).toMatchObject({ code, message: expect.stringMatching(/^\S[^\n]*$/), hint: expect.any(String) });
    expect(error.at).toEqual(at);
    expect(stderr).toContain(`xdpkit: error ${code}`);
  });

  it("leaves an existing output file as it was", () => {
    const out = file("kept.pcapng");
    expect(xdpkit("run", EDGE, "--in", file("cut.pcap"), "--out", out).status).toBe(2);
    expect(readFileSync(out, "utf8")).toBe("as it was");
    expect(execFileSync("ls", ["-A", folder], { encoding: "utf8" })).not.toContain(".part");
  });
});

describe("help", () => {
  it.each([
    [[], "Usage: xdpkit [options] [command]"],
    [["map"], "Usage: xdpkit map [options] [command]"],
    [["srv6", "session"], "Usage: xdpkit srv6 session [options] [command]"],
  ])("is printed by xdpkit %s", (words, first) => {
    const { status, stdout, stderr } = xdpkit(...words);
    expect([status, stdout.split("\n")[0], stderr]).toEqual([0, first, ""]);
    expect(stdout).toBe(xdpkit(...words, "--help").stdout);
  });
});

describe("a capture on standard output", () => {
  it("is what a file would be, and the report goes to standard error", () => {
    const out = file("piped.pcapng");
    expect(xdpkit("run", EDGE, "--in", CAPTURE, "--out", out).status).toBe(0);
    const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, "run", EDGE, "--in", CAPTURE, "--out", "-"], {
      cwd: ROOT,
    });
    expect([status, stdout.equals(readFileSync(out))]).toEqual([0, true]);
    expect(stderr.toString()).toContain("237 packets of examples/captures/mixed.pcap");
  });

  it("ends quietly when its reader has seen enough", () => {
    const words = [CLI, "run", EDGE, "--in", CAPTURE, "--out", "-", "--repeat", "1"].map((word) => `'${word}'`);
    const script = `'${process.execPath}' ${words.join(" ")} 2>errors | head -c 100 >/dev/null; echo "\${PIPESTATUS[0]}"; cat errors`;
    const { stdout } = spawnSync("bash", ["-c", script.replaceAll("errors", file("errors"))], {
      cwd: ROOT,
      encoding: "utf8",
    });
    expect(stdout.split("\n")[0]).toBe("0");
    expect(stdout).not.toContain("error");
  });
});

describe("completion for bash", () => {
  const complete = (...words: readonly string[]): readonly string[] => {
    const script = `eval "$('${process.execPath}' '${CLI}' completion bash)"
COMP_WORDS=(xdpkit ${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length}; _xdpkit; printf '%s\n' "\${COMPREPLY[@]}"`;
    const { stdout } = spawnSync("bash", ["-c", script], { cwd: ROOT, encoding: "utf8" });
    return stdout.split("\n").filter((word) => word !== "");
  };

  it("offers commands, options and files where they belong", () => {
    expect(complete("bu")).toEqual(["build"]);
    expect(complete("srv6", "session", "lo")).toEqual(["load"]);
    expect(complete("run", "--ou")).toEqual(["--out"]);
    expect(complete("map", "dump", "--mo")).toEqual(["--module"]);
    expect(complete("run", "READ")).toEqual(["README.md"]);
  });

  it("knows every command that --help shows", () => {
    const shown = [...xdpkit("--help").stdout.matchAll(/^ {2}(\w+) .*$/gm)].map(([, name]) => name!);
    const known = complete("").filter((word) => shown.includes(word));
    expect(new Set(known)).toEqual(new Set(shown.filter((name) => name !== "help")));
  });

  it("says which shells there are", () => {
    expect(xdpkit("completion", "fish").stderr).toMatch(
      /^xdpkit: error CLI_USAGE: there is no completion for fish, only for bash/,
    );
  });
});
