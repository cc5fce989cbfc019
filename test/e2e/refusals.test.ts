/** What the command line prints about a program that the verifier refuses, and where the whole log goes. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { writeElf } from "../../src/object/index.ts";
import { programOf } from "../support/assembly.ts";
import { Namespace } from "../support/namespace.ts";
import { suite } from "../support/require.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const CLI = join(ROOT, "dist/cli/main.js");
const RUN = ["--engine", "kernel", "--in", "examples/captures/mixed.pcap"];
const SHORT_CHECK = ["test/objects/refused/refused.o", "--program", "short_check"];
const DIAGNOSTIC = `xdpkit: KERNEL_REFUSED ./refused/refused.c:51:13: the kernel refuses program short_check: it accesses byte 22 of the packet, but on this path only the first 14 are known to be there (EACCES: invalid access to packet, off=22 size=1, R1(id=0,off=22,r=14); R1 offset is outside of the packet)
  51 | \treturn ip->ttl > 1 ? XDP_PASS : XDP_DROP; /* refused */
       \t           ^
  go on only where data + 23 <= data_end: compare right before the access, with the same pointer
`;

let folder: string;
const file = (name: string): string => join(folder, name);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "xdpkit-refusals-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function command(words: readonly string[]): Outcome {
  const [name = "", ...rest] = words;
  const { status, stdout, stderr } = spawnSync(name, rest, { cwd: ROOT, encoding: "utf8" });
  return { status, stdout, stderr };
}
const xdpkit = (...words: readonly string[]): Outcome => command([process.execPath, CLI, ...words]);

/** With those capabilities only, of user root. */
const privileged = (capabilities: string, ...words: readonly string[]): Outcome =>
  command(["setpriv", `--bounding-set=-all${capabilities}`, process.execPath, CLI, ...words]);

/** The file of an object around assembler text. */
function objectOf(name: string, code: string): string {
  writeFileSync(file(name), writeElf(programOf(code)));
  return file(name);
}

suite("a program that the verifier refuses", ["bpf"], () => {
  it("is shown with its line, the reason and a fix", () => {
    expect(xdpkit("run", ...SHORT_CHECK, ...RUN)).toEqual({
      status: 1,
      stdout: "",
      stderr: `${DIAGNOSTIC}  the verifier's whole log: --verifier-log FILE\n`,
    });
  });

  it("leaves its whole log in a file", () => {
    const log = file("log");
    const { status, stderr } = xdpkit("run", ...SHORT_CHECK, ...RUN, "--verifier-log", log);
    expect([status, stderr]).toEqual([1, `${DIAGNOSTIC}  the verifier's whole log: ${log}\n`]);
    expect(readFileSync(log, "utf8")).toMatch(
      /^0: R1=ctx[\s\S]+\nR1 offset is outside of the packet\nprocessed 7 insns .+\n$/,
    );
  });

  it("has its log in JSON", () => {
    const { status, stdout } = xdpkit("run", ...SHORT_CHECK, ...RUN, "--json");
    const [diagnostic] = JSON.parse(stdout).diagnostics;
    expect(status).toBe(1);
    expect(diagnostic).toMatchObject({ code: "KERNEL_REFUSED", at: { index: 6, source: { line: 51, column: 13 } } });
    expect(diagnostic.log).toContain("\nR1 offset is outside of the packet\n");
  });

  it("without line information is shown with its instruction", () => {
    const object = objectOf("plain.o", "r0 = *(u32 *)(r1 + 0x18)\nexit");
    const { status, stderr } = xdpkit("run", object, ...RUN);
    expect([status, stderr.split("\n")[0]]).toEqual([
      1,
      "xdpkit: KERNEL_REFUSED program main, instruction 0: the kernel refuses program main: it reads 4 bytes at 24 of struct xdp_md, where no such field is (EACCES: invalid bpf_context access off=24 size=4)",
    ]);
  });

  it("on no path is shown with its file", () => {
    const object = objectOf("open.o", "r0 = 2\nexit\nr0 = 2");
    expect(xdpkit("run", object, ...RUN).stderr).toContain(`xdpkit: KERNEL_REFUSED ${object}: the kernel refuses`);
  });

  it("that is accepted writes no log", () => {
    const { status } = xdpkit("run", "examples/edge/edge.o", ...RUN, "--verifier-log", file("none"));
    expect([status, existsSync(file("none"))]).toEqual([0, false]);
  });

  it("cannot be combined with what loads nothing", () => {
    const of = (...words: readonly string[]) => xdpkit(...words, "--verifier-log", file("none"));
    const { status, stderr } = of("run", "examples/edge/edge.o", "--in", "examples/captures/mixed.pcap");
    expect([status, stderr]).toEqual([
      2,
      expect.stringContaining("--verifier-log is for --engine kernel, not for the interpreter"),
    ]);
    expect(of("attach", "id:1", "lo").stderr).toContain("--verifier-log is for programs that are loaded, not for id:1");
  });
});

suite("attaching what the verifier refuses", ["root", "bpf", "ip"], () => {
  it("is shown in the same way", () => {
    using namespace = new Namespace("cli");
    namespace.veth("v0", "v1");
    const { status, stderr } = xdpkit(
      "attach",
      ...SHORT_CHECK.slice(0, 1),
      "v0",
      ...SHORT_CHECK.slice(1),
      "--netns",
      namespace.name,
    );
    expect([status, stderr]).toEqual([1, `${DIAGNOSTIC}  the verifier's whole log: --verifier-log FILE\n`]);
  });
});

suite("loading with less privilege", ["root", "bpf", "setpriv"], () => {
  it("without CAP_BPF is not allowed", () => {
    const { status, stderr } = privileged("", "run", objectOf("pass.o", "r0 = 2\nexit"), ...RUN);
    expect(stderr).toBe(
      `xdpkit: error KERNEL_PERMISSION at ${file("pass.o")}: this process may not load program main (EPERM) (run as root, or with CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON: setcap on the node binary, --cap-add of containers)\n`,
    );
    expect(status).toBe(2);
  });

  it.each([
    [
      "an address that gets out",
      "r0 = r1\nexit",
      "R0 is an address of the kernel, and it would get out to user space (EACCES: R0 leaks addr as return value)",
    ],
    [
      "pointers of different kinds compared",
      "if r1 > r10 goto +0\nr0 = 2\nexit",
      "pointers of different kinds, or a pointer and a number, are compared (EACCES: R10 pointer comparison prohibited)",
    ],
    [
      "stack that was not written",
      "r0 = *(u64 *)(r10 - 8)\nexit",
      "it reads 8 bytes at -8 of the stack frame, which were never written (EACCES: invalid read from stack R10 off=-8 size=8)",
    ],
    [
      "a variable that was written in part",
      "*(u64 *)(r10 - 24) = 0\nr1 = r10\nr1 += -24\nr2 = 24\nr3 = 0\nr4 = 0\nr5 = 0\ncall 28\nr0 = 2\nexit",
      "it reads byte -16 of the stack frame, which was never written (EACCES: invalid read from stack R1 off -24+8 size 24)",
    ],
  ])("without CAP_PERFMON refuses %s", (_, code, reason) => {
    const { status, stderr } = privileged(",+bpf,+net_admin", "run", objectOf("leak.o", code), ...RUN);
    expect(stderr).toContain(`: the kernel refuses program main: ${reason}\n`);
    expect(status).toBe(1);
  });
});
