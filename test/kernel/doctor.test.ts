/** The doctor on veth pairs that have something wrong with them; features against what bpftool finds. */
import { execFileSync } from "node:child_process";
import { afterEach, beforeEach, expect, it } from "vitest";
import {
  attachXdp,
  examineHost,
  examineInterface,
  FEATURES,
  type FeatureName,
  type Finding,
  hasFeature,
  hasHelper,
  hasKernelFunction,
  hasMapType,
  inNamespace,
  loadProgram,
  XDP_MAP_TYPES,
} from "../../src/kernel/index.ts";
import { helperById, ProgramType } from "../../src/uapi/index.ts";
import { Namespace } from "../support/namespace.ts";
import { suite } from "../support/require.ts";

let namespace: Namespace;
beforeEach(() => {
  namespace = new Namespace("doctor");
  namespace.sysctl("net.ipv6.conf.all.disable_ipv6", "1");
  namespace.sysctl("net.ipv6.conf.default.disable_ipv6", "1");
  namespace.veth("v0", "v1");
});
afterEach(() => namespace[Symbol.dispose]());

const inside = <T>(body: () => T): T => inNamespace(namespace.name, body);
const examine = (name = "v0"): Finding[] => inside(() => examineInterface(name));
const finding = (check: string, findings: readonly Finding[]): Finding | undefined =>
  findings.find((one) => one.check === check);

/** `r0 = action; exit`. */
const load = (action: number) =>
  loadProgram({
    name: "doctored",
    type: ProgramType.XDP,
    instructions: Uint8Array.of(0xb7, 0, 0, 0, action, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0),
    license: "GPL",
  });
const PASS = 2;
const TX = 3;

suite("doctor of an interface", ["root", "bpf", "ip"], () => {
  it("finds nothing wrong with a pair that has programs at both ends", () => {
    using pass = load(PASS);
    using one = inside(() => attachXdp(pass, { interface: "v0" }));
    using two = inside(() => attachXdp(pass, { interface: "v1" }));
    expect([one.mode, two.mode]).toEqual(["native", "native"]);
    const found = examine().map(({ check, level, says }) => [check, level, says.replace(/\d+ doctored/, "N doctored")]);
    expect(found).toEqual([
      ["link", "ok", "v0 is up"],
      [
        "driver",
        "ok",
        expect.stringMatching(/^the driver of v0, veth, has native XDP: basic, redirect, ndo-xmit, rx-sg, ndo-xmit-sg/),
      ],
      ["queues", "ok", "v0 has 1 receive and 1 transmit queues"],
      ["offloads", "warning", expect.stringMatching(/^v1: VLAN tags that its stack adds come beside the packet/)],
      ["mtu", "ok", "the MTU of v0, 1500, leaves room for XDP"],
      ["attached", "ok", expect.stringMatching(/^v0 has program N doctored in native mode by link \d+$/)],
      ["peer", "ok", "the peer of v0, v1, takes what programs send (XDP_TX, redirect)"],
    ]);
  });

  const rows: readonly (readonly [name: string, prepare: string, check: string, expected: Omit<Finding, "check">])[] = [
    [
      "an interface that is down",
      "link set v0 down",
      "link",
      { level: "warning", says: "v0 is down: no packet comes in", mend: "ip link set dev v0 up" },
    ],
    [
      "a peer that is down",
      "link set v1 down",
      "link",
      { level: "warning", says: "v0 has no carrier: no packet comes in", mend: "bring the other end up" },
    ],
    [
      "a peer with a large MTU",
      "link set v1 mtu 9000",
      "mtu",
      {
        level: "warning",
        says: "the MTU of v0's peer v1, 9000, is above 3506: native programs without fragments are refused",
        mend: "ip link set dev v1 mtu 3506, or declare the program with fragments (xdp.frags)",
      },
    ],
    [
      "a peer without program",
      "link set v0 up",
      "peer",
      {
        level: "warning",
        says: "the peer of v0, v1, has neither a native program nor GRO: what programs send out of v0 (XDP_TX, redirect) is lost",
        mend: "attach a program that passes to v1, in native mode; for redirects alone ethtool -K v1 gro on",
      },
    ],
  ];
  it.each(rows)("names %s", (_, prepare, check, expected) => {
    namespace.ip(prepare);
    expect(finding(check, examine())).toEqual({ check, ...expected });
  });

  it("says when a veth has fewer receive queues than its peer sends on, and is right", () => {
    namespace.ip("link add w0 numrxqueues 1 numtxqueues 1 type veth peer name w1 numrxqueues 4 numtxqueues 4");
    const found = examine("w0");
    expect(finding("queues", found)).toEqual({
      check: "queues",
      level: "problem",
      says: "w0 has 1 receive queues, fewer than the 4 transmit queues of its peer: native XDP is refused",
      mend: "ethtool -L w1 tx 1",
    });
    expect(finding("driver", found)).toMatchObject({ level: "warning" });
  });

  it("knows the largest MTU that a veth takes", () => {
    using pass = load(PASS);
    namespace.ip("link set v1 mtu 3506");
    expect(finding("mtu", examine())?.level).toBe("ok");
    using link = inside(() => attachXdp(pass, { interface: "v0" }));
    link.detach();
    namespace.ip("link set v1 mtu 3507");
    expect(finding("mtu", examine())?.level).toBe("warning");
    expect(() => inside(() => attachXdp(pass, { interface: "v0" }))).toThrow("Peer MTU is too large");
  });

  it("warns of generic mode, and of a driver without native mode", () => {
    namespace.ip("link add b0 type bridge");
    using pass = load(PASS);
    using link = inside(() => attachXdp(pass, { interface: "b0", mode: "generic" }));
    expect(link.mode).toBe("generic");
    const found = examine("b0");
    expect(finding("driver", found)).toEqual({
      check: "driver",
      level: "warning",
      says: "the driver of b0, bridge, offers no native XDP now",
      mend: "attach in generic mode: --mode generic, or --mode native-or-generic",
    });
    expect(finding("attached", found)).toMatchObject({
      level: "warning",
      says: expect.stringContaining("generic mode sees"),
    });
  });

  it("sees a peer in another namespace", () => {
    using other = new Namespace("doctor-other");
    namespace.ip(`link add x0 type veth peer name x1 netns ${other.name}`);
    other.ip("link set x1 mtu 9000");
    const found = examine("x0");
    expect(finding("mtu", found)?.says).toBe(
      "the MTU of x0's peer x1, 9000, is above 3506: native programs without fragments are refused",
    );
    expect(finding("peer", found)).toMatchObject({ level: "warning" });
    expect(finding("offloads", found)).toBeUndefined();
  });

  /** Receive queues of w0: made and in use; transmit queues of its peer likewise. */
  const QUEUES = [
    { made: [1, 1], peer: [1, 1], level: "ok" },
    { made: [4, 4], peer: [4, 1], level: "ok" },
    { made: [1, 1], peer: [4, 1], level: "ok" },
    { made: [1, 1], peer: [4, 2], level: "problem", mend: "ethtool -L w1 tx 1" },
    { made: [4, 1], peer: [4, 2], level: "problem", mend: "ethtool -L w0 rx 2" },
    { made: [4, 2], peer: [4, 2], level: "ok" },
    { made: [2, 2], peer: [4, 4], level: "problem", mend: "ethtool -L w1 tx 2" },
  ] as const;
  it.each(QUEUES.flatMap((row) => [false, true].map((elsewhere) => ({ ...row, elsewhere }))))(
    "judges queues as the kernel does: $made, peer $peer, elsewhere: $elsewhere",
    ({ made, peer, level, elsewhere, ...row }) => {
      using other = new Namespace("doctor-other");
      const there = elsewhere ? other : namespace;
      const end = (name: string, count: number) => `${name} numrxqueues ${count} numtxqueues ${count}`;
      namespace.ip(
        `link add ${end("w0", made[0])} type veth peer name ${end("w1", peer[0])}${elsewhere ? ` netns ${other.name}` : ""}`,
      );
      namespace.run("ethtool", ["-L", "w0", "rx", `${made[1]}`]);
      there.run("ethtool", ["-L", "w1", "tx", `${peer[1]}`]);
      using pass = load(PASS);
      const attach = () => inside(() => attachXdp(pass, { interface: "w0" })[Symbol.dispose]());
      const found = finding("queues", examine("w0"));
      expect(found?.level).toBe(level);
      if (level === "ok") return attach();
      expect(attach).toThrow("XDP expects number of rx queues not less than peer tx queues");
      const advice = "mend" in row && !elsewhere ? row.mend : `in the namespace of w1: ethtool -L w1 tx ${made[1]}`;
      expect(found?.mend).toBe(advice);
      const [command = "", ...words] = advice.replace(/^in the namespace of w1: /, "").split(" ");
      (words[1] === "w1" ? there : namespace).run(command, words);
      attach();
    },
  );

  const PEERS = [
    ["nothing", "warning", { tx: 0, redirect: 0 }],
    ["gro", "warning", { tx: 0, redirect: 3 }],
    ["native", "ok", { tx: 3, redirect: 3 }],
    ["generic", "warning", { tx: 0, redirect: 0 }],
  ] as const;
  it.each(PEERS.flatMap((row) => [false, true].map((elsewhere) => [...row, elsewhere] as const)))(
    "judges a peer with %s (%s) by what arrives: %o, elsewhere: %s",
    (peer, level, expected, elsewhere) => {
      using other = new Namespace("doctor-other");
      other.sysctl("net.ipv6.conf.default.disable_ipv6", "1");
      const there = elsewhere ? other : namespace;
      namespace.ip(`link add x0 type veth peer name x1${elsewhere ? ` netns ${other.name}` : ""}`);
      namespace.ip("link set x0 up");
      there.ip("link set x1 up");
      if (peer === "gro") there.run("ethtool", ["-K", "x1", "gro", "on"]);
      using pass = load(PASS);
      const inThere = <T>(body: () => T): T => inNamespace(there.name, body);
      const mode = peer === "generic" ? "generic" : "native";
      using link = ["native", "generic"].includes(peer)
        ? inThere(() => attachXdp(pass, { interface: "x1", mode }))
        : undefined;
      there.ip("addr add 192.0.2.1/24 dev x1");
      there.ip("neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev x1");
      const received = (): number =>
        (JSON.parse(there.ip("-s -j link show x1")) as [{ stats64: { rx: { packets: number } } }])[0].stats64.rx
          .packets;
      const arriving = (send: () => void): number => {
        const before = received();
        send();
        return received() - before;
      };
      using bounce = load(TX);
      // In a live run the kernel turns XDP_TX into a redirect out of the interface that the frame is said to have come in at.
      const live = { ingressInterface: namespace.link("x0").index, repeat: 3 };
      const redirect = arriving(() => inside(() => bounce.runLive(new Uint8Array(60).fill(0xff, 0, 6), live)));
      using _ = inside(() => attachXdp(bounce, { interface: "x0" }));
      const tx = arriving(() => {
        for (let i = 0; i < 3; i++) there.run("bash", ["-c", "echo > /dev/udp/192.0.2.2/9"]);
      });
      expect([link?.mode, finding("peer", examine("x0"))?.level, { tx, redirect }]).toEqual([
        link && mode,
        level,
        expected,
      ]);
    },
  );

  it("is right about what becomes of XDP_TX", () => {
    namespace.ip("addr add 192.0.2.1/24 dev v1");
    namespace.ip("neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev v1");
    const received = (): number =>
      (JSON.parse(namespace.ip("-s -j link show v1")) as [{ stats64: { rx: { packets: number } } }])[0].stats64.rx
        .packets;
    const bounced = (): number => {
      const before = received();
      for (let i = 0; i < 3; i++) namespace.run("bash", ["-c", "echo > /dev/udp/192.0.2.2/9"]);
      return received() - before;
    };
    using tx = load(TX);
    using pass = load(PASS);
    using bounce = inside(() => attachXdp(tx, { interface: "v0" }));
    expect([bounce.mode, finding("peer", examine())?.level, bounced()]).toEqual(["native", "warning", 0]);
    using receive = inside(() => attachXdp(pass, { interface: "v1" }));
    expect([receive.mode, finding("peer", examine())?.level, bounced()]).toEqual(["native", "ok", 3]);
  });
});

suite("doctor of the machine", ["root", "bpf", "ip"], () => {
  it("follows the namespace", () => {
    const levels = () => {
      const found = inside(examineHost);
      return [finding("forwarding-ipv4", found), finding("forwarding-ipv6", found)].map((one) => one?.level);
    };
    namespace.sysctl("net.ipv4.ip_forward", "0");
    namespace.sysctl("net.ipv6.conf.all.forwarding", "1");
    expect(levels()).toEqual(["warning", "ok"]);
    namespace.sysctl("net.ipv4.ip_forward", "1");
    namespace.sysctl("net.ipv6.conf.all.forwarding", "0");
    expect(levels()).toEqual(["ok", "warning"]);
  });

  it("has one finding for each check, with a command where one is needed", () => {
    const found = examineHost();
    expect(found.map(({ check }) => check)).toEqual([
      "bpf",
      "jit",
      "capabilities",
      "bpffs",
      "btf",
      "forwarding-ipv4",
      "forwarding-ipv6",
      "memory",
      "kernel-features",
      "map-types",
      "helpers",
    ]);
    for (const { level, mend } of found) expect(mend === undefined).toBe(level === "ok");
    expect(finding("bpf", found)).toEqual({ check: "bpf", level: "ok", says: "programs can be loaded" });
  });
});

suite("features", ["root", "bpf", "bpftool", "kernel 6.6"], () => {
  it("are all there since 6.4, by trying", () => {
    const missing = (Object.keys(FEATURES) as FeatureName[]).filter((name) => !hasFeature(name));
    expect(missing).toEqual([]);
    expect(hasKernelFunction("no_such_function")).toBe(false);
  });

  it("agree with bpftool about map types", () => {
    const probed = JSON.parse(execFileSync("bpftool", ["-j", "feature", "probe"], { encoding: "utf8" })) as {
      map_types: Record<string, boolean>;
    };
    const known = XDP_MAP_TYPES.filter((type) => `have_${type.toLowerCase()}_map_type` in probed.map_types);
    expect(known.length).toBeGreaterThan(15);
    for (const type of known)
      expect([type, hasMapType(type)]).toEqual([type, probed.map_types[`have_${type.toLowerCase()}_map_type`]]);
  });

  it("include every helper that XDP programs may call, and none that is for others", () => {
    const helpers = Array.from({ length: 211 }, (_, index) => helperById(index + 1)!);
    expect(helpers.filter(({ name, xdp }) => xdp && !hasHelper(name))).toEqual([]);
    for (const name of ["bpf_probe_read", "bpf_skb_store_bytes", "bpf_no_such_helper"])
      expect([name, hasHelper(name)]).toEqual([name, false]);
  });
});
