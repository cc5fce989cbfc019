/** `xdpkit attach`, `detach`, `list` and `doctor` as users meet them, in a namespace by name. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BpfFolder } from "../support/bpf-folder.ts";
import { Namespace } from "../support/namespace.ts";
import { suite } from "../support/require.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const CLI = join(ROOT, "dist/cli/main.js");
const EDGE = "examples/edge/edge.o";
const END = "examples/end/end.xdp.ts";

let namespace: Namespace;
let pins: BpfFolder;
beforeEach(() => {
  namespace = new Namespace("cli");
  namespace.veth("v0", "v1");
  pins = new BpfFolder();
});
afterEach(() => {
  namespace[Symbol.dispose]();
  pins[Symbol.dispose]();
});

function xdpkit(...words: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, ...words], { cwd: ROOT, encoding: "utf8" });
  return { status, stdout, stderr };
}
const inside = (...words: readonly string[]) => xdpkit(...words, "--netns", namespace.name);

/** What a command prints, when it went well, with numbers that vary taken out. */
function printed(...words: readonly string[]): string {
  const { status, stdout, stderr } = inside(...words);
  expect([status, stderr]).toEqual([0, ""]);
  return stdout.replaceAll(pins.path, "PINS").replace(/(program|link) \d+/g, "$1 N");
}
const json = (...words: readonly string[]) => JSON.parse(inside(...words, "--json").stdout);

interface IpLink {
  readonly xdp?: { readonly mode: number; readonly prog: { readonly id: number; readonly name: string } };
}
const attached = (name = "v0"): IpLink["xdp"] => (JSON.parse(namespace.ip(`-j link show ${name}`)) as [IpLink])[0].xdp;

suite("attach, list, detach", ["root", "bpf", "ip"], () => {
  it("by netlink: it stays", () => {
    expect(printed("attach", EDGE, "v0")).toBe("attached program N edge to v0 in native mode, by netlink\n");
    const { id } = attached()!.prog;
    expect(json("list")).toMatchObject({
      attached: [{ interface: "v0", mode: "native", program: { id, name: "edge", uid: 0 }, via: "netlink", links: [] }],
    });
    expect(printed("attach", END, "v0", "--replace")).toBe("attached program N end to v0 in native mode, by netlink\n");
    expect(attached()?.prog.name).toBe("end");
    expect(printed("detach", "v0")).toBe("detached program N end from v0: native mode, by netlink\n");
    expect(attached()).toBeUndefined();
    expect(printed("list", "v0")).toBe("no XDP program is attached in this network namespace\n");
  });

  it("by a pinned link: it stays, is taken over, and goes with its pin", () => {
    const pin = join(pins.path, "edge");
    expect(printed("attach", END, "v0", "--pin", pin)).toBe(
      "attached program N end to v0 in native mode, by link N, pinned at PINS/edge\n",
    );
    const [before] = json("list", "v0").attached;
    expect(before.links).toEqual([
      { id: expect.any(Number), programId: attached()!.prog.id, pins: [pin], processes: [] },
    ]);
    const shown = JSON.parse(execFileSync("bpftool", ["-j", "link", "show", "pinned", pin], { encoding: "utf8" }));
    expect(shown).toMatchObject({ id: before.links[0].id, type: "xdp", prog_id: attached()!.prog.id });
    printed("attach", EDGE, "v0", "--replace");
    printed("attach", EDGE, "v0", "--replace", "--pin", pin);
    expect(attached()?.prog.name).toBe("edge");
    expect(json("list", "v0").attached[0].links[0].id).toBe(before.links[0].id);
    expect(printed("detach", "v0", "--mode", "native")).toBe(
      "detached program N edge from v0: native mode, by link N\n  removed its pin PINS/edge\n",
    );
    expect([attached(), existsSync(pin)]).toEqual([undefined, false]);
  });

  it("gives a pin whose interface has gone to the next link", () => {
    const pin = join(pins.path, "edge");
    printed("attach", END, "v0", "--pin", pin);
    const { prog } = attached()!;
    namespace.ip("link delete v0");
    expect(json("list").idleLinks).toContainEqual(expect.objectContaining({ programId: prog.id, pins: [pin] }));
    namespace.veth("v0", "v1");
    expect(inside("attach", END, "v0", "--pin", pin).stderr).toContain(`error KERNEL_PIN: cannot pin ${pin}: EEXIST`);
    printed("attach", END, "v0", "--pin", pin, "--replace");
    expect(json("list", "v0").attached[0].links[0].pins).toEqual([pin]);
  });

  it("takes pinned programs and ids", () => {
    const program = join(pins.path, "program");
    execFileSync("bpftool", ["prog", "load", join(ROOT, EDGE), program]);
    expect(printed("attach", program, "v0")).toContain("attached program N edge to v0");
    const { id } = attached()!.prog;
    expect(json("attach", `id:${id}`, "v1", "--mode", "generic")).toMatchObject({
      interface: "v1",
      mode: "generic",
      program: { id, name: "edge" },
    });
    // Links of other tests, whose interfaces go, stand behind.
    const list = printed("list").replace(/^link .*\n/gm, "");
    expect(list.replace(/ +/g, " ")).toMatch(
      /^interface mode program name tag loaded held by\nv1 \(\d+\) generic \d+ edge [0-9a-f]{16} 20[-0-9]+ [:0-9]+ by uid 0 netlink\nv0 .*\n$/,
    );
  });

  it("says which mode it got, and why not the other", () => {
    namespace.ip("link set v1 mtu 9000");
    expect(printed("attach", END, "v0", "--mode", "native-or-generic")).toBe(
      `attached program N end to v0 in generic mode, by netlink
  v0 does not take the program in native mode: veth: Peer MTU is too large to set XDP (ERANGE)
  ip link set dev v1 mtu 3506 at the other end, or declare the program with fragments (section xdp.frags)
`,
    );
  });

  it("detaches what others attached", () => {
    execFileSync("bpftool", ["prog", "load", join(ROOT, EDGE), join(pins.path, "program")]);
    namespace.ip(`link set v0 xdpdrv pinned ${join(pins.path, "program")}`);
    printed("detach", "v0");
    expect(attached()).toBeUndefined();
  });
});

suite("doctor", ["root", "bpf", "ip"], () => {
  it("gives commands as they are written outside of the namespace, and status 1 for a problem", () => {
    namespace.ip("link add w0 numrxqueues 1 numtxqueues 1 type veth peer name w1 numrxqueues 4 numtxqueues 4");
    namespace.ip("link set w0 up");
    const { status, stdout, stderr } = inside("doctor", "w0");
    expect([status, stderr]).toEqual([1, ""]);
    expect(stdout).toContain(`
problem  w0 has 1 receive queues, fewer than the 4 transmit queues of its peer: native XDP is refused
         ip netns exec ${namespace.name} ethtool -L w1 tx 1
`);
    expect(stdout).toMatch(/\n\d+ findings: 1 problem, \d+ warnings?\n$/);
    const found = JSON.parse(inside("doctor", "--json").stdout) as { check: string; level: string }[];
    expect(found.find(({ check }) => check === "jit")).toEqual(expect.objectContaining({ level: "ok" }));
  });

  it("ends with 0 where only warnings are left", () => {
    expect(inside("doctor", "v0").status).toBe(0);
  });
});

/** The first are refused as asked (status 2), the others by the kernel (status 1). */
describe("wrong input", () => {
  const wrong: readonly (readonly [name: string, words: () => readonly string[], line: string])[] = [
    ["no interface named", () => ["attach", EDGE], "error CLI_USAGE: missing required argument 'interface'"],
    [
      "another mode",
      () => ["attach", EDGE, "v0", "--mode", "fast"],
      "error CLI_USAGE: --mode is one of native, generic, offload, native-or-generic, not fast",
    ],
    [
      "another way",
      () => ["attach", EDGE, "v0", "--via", "ioctl"],
      "error CLI_USAGE: --via is link or netlink, not ioctl",
    ],
    [
      "a link that would end with the command",
      () => ["attach", EDGE, "v0", "--via", "link"],
      "error CLI_USAGE: a link ends with the command that made it: add --pin PATH",
    ],
    [
      "a pin without link",
      () => ["attach", EDGE, "v0", "--via", "netlink", "--pin", join(pins.path, "x")],
      "error CLI_USAGE: --pin is for --via link",
    ],
    [
      "no bpf file system",
      () => ["attach", EDGE, "v0", "--pin", "/tmp/edge"],
      "error KERNEL_PIN: cannot pin /tmp/edge: EPERM (the path must lie in a bpf file system, and its names must have no dot: mount -t bpf bpf /sys/fs/bpf)",
    ],
    [
      "no such folder",
      () => ["attach", EDGE, "v0", "--pin", join(pins.path, "no/edge")],
      "no/edge: ENOENT (a folder of the path does not exist",
    ],
    [
      "no such interface",
      () => ["attach", EDGE, "eth7"],
      "error KERNEL_NO_INTERFACE: there is no interface eth7 in this network namespace (it has lo, v1, v0;",
    ],
    ["no such interface to detach", () => ["detach", "eth7"], "error KERNEL_NO_INTERFACE: there is no interface eth7"],
    ["no such interface to list", () => ["list", "eth7"], "error KERNEL_NO_INTERFACE: there is no interface eth7"],
    ["no such interface to examine", () => ["doctor", "eth7"], "error KERNEL_NO_INTERFACE: there is no interface eth7"],
    [
      "no such program",
      () => ["attach", "id:4294967295", "v0"],
      "error CLI_NO_PROGRAM_ID: the kernel has no program of id",
    ],
    [
      "a map for a program",
      () => {
        execFileSync("bpftool", [
          ..."map create PINS/map type array key 4 value 4 entries 1 name m".replace("PINS", pins.path).split(" "),
        ]);
        return ["attach", join(pins.path, "map"), "v0"];
      },
      "/map: what is pinned here is a map, not a program",
    ],
    [
      "a name for a program that is there",
      () => ["attach", "id:1", "v0", "--program", "x"],
      "error CLI_USAGE: --program is for files",
    ],
    ["no such file", () => ["attach", "no.o", "v0"], "error CLI_FILE at no.o: cannot read the file: it does not exist"],
    [
      "several programs",
      () => ["attach", "test/objects/tunnel.o", "v0"],
      "error CLI_SEVERAL_PROGRAMS at test/objects/tunnel.o",
    ],
    [
      "another mode to detach",
      () => ["detach", "v0", "--mode", "any"],
      "error CLI_USAGE: --mode is one of native, generic",
    ],
  ];
  const refused: typeof wrong = [
    ["nothing to detach", () => ["detach", "v0"], "error KERNEL_NOT_ATTACHED: v0 has no XDP program (xdpkit list"],
    [
      "nothing to detach in this mode",
      () => {
        printed("attach", EDGE, "v0");
        return ["detach", "v0", "--mode", "generic"];
      },
      "error KERNEL_NOT_ATTACHED: v0 has no XDP program in generic mode",
    ],
    [
      "an interface that is taken",
      () => {
        printed("attach", EDGE, "v0");
        return ["attach", EDGE, "v0"];
      },
      'edge in native mode by netlink already (replace it: --replace without --pin, { replace: true, via: "netlink" }; or take it away first: xdpkit detach v0)',
    ],
    [
      "a large MTU",
      () => {
        namespace.ip("link set v1 mtu 9000");
        return ["attach", EDGE, "v0"];
      },
      "error KERNEL_ATTACH: v0 does not take the program in native mode: veth: Peer MTU is too large to set XDP (ERANGE) (ip link set dev v1 mtu 3506",
    ],
    [
      "no offload",
      () => ["attach", EDGE, "v0", "--mode", "offload"],
      "error KERNEL_ATTACH: v0 does not take the program",
    ],
  ];

  suite("of kernel commands", ["root", "bpf", "ip", "bpftool"], () => {
    const rows = [...wrong.map((row) => [2, ...row] as const), ...refused.map((row) => [1, ...row] as const)];
    it.each(rows)("status %i: %s", (expected, _, words, line) => {
      const { status, stdout, stderr } = inside(...words());
      expect(stderr).toContain(line);
      expect(stderr, "a hint in brackets at the end").toMatch(/^xdpkit: error [A-Z][A-Z0-9_]+( at .+)?: .+ \(.+\)\n$/);
      expect([status, stdout]).toEqual([expected, ""]);
    });

    it("need privilege, and say which", () => {
      printed("attach", EDGE, "v0");
      const unprivileged = (...words: readonly string[]) => {
        const become = ["setpriv", "--reuid", "65534", "--clear-groups", "--bounding-set=-all", process.execPath, CLI];
        const enter = ["netns", "exec", namespace.name, ...become, ...words];
        return spawnSync("ip", enter, { cwd: ROOT, encoding: "utf8" });
      };
      for (const words of [["list"], ["detach", "v0"]])
        expect(unprivileged(...words).stderr).toBe(
          "xdpkit: error KERNEL_CALL: listing links failed with EPERM (run as root, or with CAP_SYS_ADMIN)\n",
        );
      expect(unprivileged("attach", EDGE, "v1").stderr).toMatch(
        /^xdpkit: error KERNEL_CALL at .+: .* failed with EPERM \(run as root, or with CAP_BPF, .*\)\n$/,
      );
      expect(unprivileged("list", "--netns", namespace.name).stderr).toBe(
        "xdpkit: error KERNEL_CALL: setns failed with EPERM (run as root, or with CAP_SYS_ADMIN)\n",
      );
      const { status, stdout } = unprivileged("doctor", "v0");
      expect(stdout).toMatch(/\nok {7}v0 has program \d+ in native mode\n/);
      expect(stdout).toContain(
        "\nproblem  this process lacks CAP_BPF (load), CAP_PERFMON (pointers, tracing), CAP_NET_ADMIN",
      );
      expect(status).toBe(1);
    });

    it("do with CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON alone what is one's own", () => {
      const caps = "-all,+bpf,+net_admin,+perfmon";
      const become = ["--reuid", "65534", "--clear-groups", `--inh-caps=${caps}`, `--ambient-caps=${caps}`];
      const limited = (...words: readonly string[]) => {
        const command = ["setpriv", ...become, `--bounding-set=${caps}`, process.execPath, CLI, ...words];
        const enter = ["netns", "exec", namespace.name, ...command];
        return spawnSync("ip", enter, { cwd: ROOT, encoding: "utf8" });
      };
      const done = (...words: readonly string[]): string => {
        const { status, stdout, stderr } = limited(...words);
        expect([words, status, stderr]).toEqual([words, 0, ""]);
        return stdout;
      };
      const link = join(pins.path, "link");
      const folder = join(pins.path, "edge");
      done("attach", EDGE, "v0", "--pin", link);
      done("attach", EDGE, "v0", "--pin", link, "--replace");
      expect(done("list", "v0")).toMatch(/v0/);
      expect(done("detach", "v0")).toMatch(/by link \d+\n {2}removed its pin .*link\n$/);
      expect(readdirSync(pins.path)).not.toContain("link");
      done("load", EDGE, folder, "--pin-all-maps");
      done("map", "dump", join(folder, "denied"));
      done("attach", join(folder, "edge"), "v1");
      done("attach", join(folder, "edge"), "v1", "--replace");
      done("detach", "v1");
      expect(attached("v1")).toBe(undefined);
      // A link that nothing of one's own holds cannot be found.
      printed("attach", EDGE, "v0", "--pin", link);
      spawnSync("chmod", ["700", link]);
      expect(limited("detach", "v0").stderr).toBe(
        "xdpkit: error KERNEL_CALL: listing links failed with EPERM (run as root, or with CAP_SYS_ADMIN)\n",
      );
      printed("detach", "v0");
    });

    it("names namespaces", () => {
      for (const words of [["list"], ["doctor"], ["detach", "v0"], ["attach", EDGE, "v0"]]) {
        const { status, stderr } = xdpkit(...words, "--netns", "no-such");
        expect(stderr).toMatch(/^xdpkit: error KERNEL_NO_NAMESPACE: there is no network namespace no-such \(.+\)\n$/);
        expect(status).toBe(2);
      }
    });
  });
});
