/**
 * Attaching to veth pairs: by link and by netlink, in both modes, replaced, pinned, refused; iproute2 and bpftool must see
 * what we attach, and we what they do.
 */
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { XdpkitError } from "../../src/base/index.ts";
import { encode, parse } from "../../src/isa/index.ts";
import {
  type AttachOptions,
  attachXdp,
  inNamespace,
  type KernelProgram,
  type LinkAttachment,
  listAttachments,
  loadProgram,
  openPinnedLink,
  programInfo,
  type XdpLink,
} from "../../src/kernel/index.ts";
import { ProgramType, XdpAction } from "../../src/uapi/index.ts";
import { BpfFolder } from "../support/bpf-folder.ts";
import { Namespace } from "../support/namespace.ts";
import { suite } from "../support/require.ts";

let namespace: Namespace;
let loaded: KernelProgram[];

beforeEach(() => {
  namespace = new Namespace("attach");
  namespace.veth("v0", "v1");
  loaded = [];
});
afterEach(() => {
  for (const program of loaded) program[Symbol.dispose]();
  namespace[Symbol.dispose]();
});

interface ProgramOptions {
  readonly action?: number;
  readonly type?: number;
  readonly fragments?: boolean;
  readonly expectedAttachType?: number;
}

function program(name: string, options: ProgramOptions = {}): KernelProgram {
  const { action = XdpAction.Pass, type = ProgramType.XDP, fragments = false, expectedAttachType = 0 } = options;
  const one = loadProgram({
    name,
    type,
    instructions: encode(parse(`r0 = ${action}\nexit`)),
    license: "GPL",
    flags: fragments ? 1 << 5 : 0,
    expectedAttachType,
  });
  loaded.push(one);
  return one;
}

const inside = <T>(body: () => T): T => inNamespace(namespace.name, body);
const attach = (one: KernelProgram, options: Partial<AttachOptions> = {}): XdpLink =>
  inside(() => attachXdp(one, { interface: "v0", ...options }));
const idOf = (one: KernelProgram): number => programInfo(one).id;

interface IpLink {
  readonly ifname: string;
  readonly xdp?: { readonly mode: number; readonly prog: { readonly id: number; readonly name: string } };
}
const shown = (name = "v0"): IpLink["xdp"] => (JSON.parse(namespace.ip(`-j link show ${name}`)) as [IpLink])[0].xdp;
const MODES = { native: 1, generic: 2 } as const;

function refusal(body: () => unknown): XdpkitError {
  try {
    body();
  } catch (error) {
    return error as XdpkitError;
  }
  throw new Error("it was not refused");
}

suite("attach", ["root", "bpf", "ip"], () => {
  it.each(["link", "netlink"] as const)("by %s, native and generic, as iproute2 shows it", (via) => {
    const pass = program("pass");
    for (const mode of ["native", "generic"] as const) {
      using link = attach(pass, { via, mode });
      expect(link).toMatchObject({ via, mode, refused: [], interfaceIndex: namespace.link("v0").index });
      expect(shown()).toMatchObject({ mode: MODES[mode], prog: { id: idOf(pass), name: "pass" } });
      link.detach();
      expect(shown()).toBeUndefined();
    }
  });

  it("takes an index and an alternative name", () => {
    namespace.ip("link property add dev v0 altname a-name-longer-than-sixteen");
    const { index } = namespace.link("v0");
    for (const one of [index, "a-name-longer-than-sixteen"]) {
      using link = attach(program("pass"), { interface: one });
      expect(link.interfaceIndex).toBe(index);
    }
  });

  it("lets go of a link when it is disposed of, not of what netlink attached", () => {
    const pass = program("pass");
    attach(pass)[Symbol.dispose]();
    expect(shown()).toBeUndefined();
    attach(pass, { via: "netlink" })[Symbol.dispose]();
    expect(shown()?.prog.id).toBe(idOf(pass));
  });

  it.each(["link", "netlink"] as const)("updates by %s", (via) => {
    const [one, two] = [program("one"), program("two")];
    using link = attach(one, { via });
    link.update(two);
    expect(shown()?.prog.id).toBe(idOf(two));
    link.detach();
    expect(shown()).toBeUndefined();
  });

  it("updates a link only in place of the program that is expected", () => {
    const [one, two] = [program("one"), program("two")];
    using link = attach(one) as LinkAttachment;
    expect(refusal(() => link.update(two, two)).code).toBe("KERNEL_UNEXPECTED_PROGRAM");
    link.update(two, one);
    expect(link.info()).toMatchObject({ programId: idOf(two), interfaceIndex: link.interfaceIndex });
  });

  it("touches only its own program by netlink", () => {
    const [one, two] = [program("one"), program("two")];
    const first = attach(one, { via: "netlink" });
    const second = attach(two, { via: "netlink", replace: one });
    expect(refusal(() => first.detach()).code).toBe("KERNEL_UNEXPECTED_PROGRAM");
    expect(refusal(() => first.update(one)).code).toBe("KERNEL_UNEXPECTED_PROGRAM");
    expect(shown()?.prog.id).toBe(idOf(two));
    second.detach();
    expect(shown()).toBeUndefined();
  });

  it("replaces what is there: a link keeps its id", () => {
    const [one, two] = [program("one"), program("two")];
    using old = attach(one) as LinkAttachment;
    using link = attach(two, { replace: true }) as LinkAttachment;
    expect(link.info()).toEqual({ ...old.info(), programId: idOf(two) });
    expect(refusal(() => attach(one, { replace: one })).code).toBe("KERNEL_UNEXPECTED_PROGRAM");
    expect(shown()?.prog.id).toBe(idOf(two));
  });

  it("replaces by netlink, with or without an expected program", () => {
    const [one, two] = [program("one"), program("two")];
    attach(one, { via: "netlink", replace: true });
    attach(two, { via: "netlink", replace: true });
    expect(refusal(() => attach(one, { via: "netlink", replace: one })).code).toBe("KERNEL_UNEXPECTED_PROGRAM");
    attach(one, { via: "netlink", replace: two });
    expect(shown()?.prog.id).toBe(idOf(one));
  });

  it("takes a program with fragments where the peer's packets are large", () => {
    namespace.ip("link set v1 mtu 9000");
    using link = attach(program("fragments", { fragments: true })) as LinkAttachment;
    expect(shown()?.prog.name).toBe("fragments");
    const error = refusal(() => link.update(program("linear")));
    expect([error.code, error.problem]).toEqual([
      "KERNEL_LINK_UPDATE",
      `link ${link.info().id} does not take the program: ERANGE`,
    ]);
    expect(shown()?.prog.name).toBe("fragments");
  });

  it("refuses to update to a program of another type, and replaces a link by nothing but a link", () => {
    using link = attach(program("pass")) as LinkAttachment;
    const other = program("other", { type: ProgramType.SCHED_CLS, action: 0 });
    expect(refusal(() => link.update(other)).problem).toBe(`link ${link.info().id} does not take the program: EINVAL`);
    for (const replace of [true, false, program("expected")]) {
      const error = refusal(() => attach(program("second"), { via: "netlink", replace }));
      expect([error.code, error.hint]).toEqual([
        "KERNEL_OCCUPIED",
        'replace it: --replace, { replace: true, via: "link" }; or take it away first: xdpkit detach v0',
      ]);
    }
    expect(shown()?.prog.name).toBe("pass");
  });

  it("falls back where that is stated, and says why", () => {
    namespace.ip("link add d0 type bridge");
    using link = attach(program("pass"), { interface: "d0", mode: ["native", "generic"] });
    expect(link.mode).toBe("generic");
    expect(link.refused.map(({ code, problem }) => [code, problem])).toEqual([
      [
        "KERNEL_ATTACH",
        "d0 does not take the program in native mode: Underlying driver does not support XDP in native mode (EOPNOTSUPP)",
      ],
    ]);
  });

  it("keeps no descriptor open, whether it attaches or is refused", () => {
    const descriptors = (): number => readdirSync("/proc/self/fd").length;
    const [pass, other] = [program("pass"), program("other", { type: ProgramType.SCHED_CLS, action: 0 })];
    const cycle = (): void => {
      for (const via of ["link", "netlink"] as const) {
        expect(refusal(() => attach(other, { via })).code).toBe("KERNEL_PROGRAM_TYPE");
        const link = attach(pass, { via });
        expect(refusal(() => attach(pass, { via })).code).toBe("KERNEL_OCCUPIED");
        attach(pass, { via, replace: true })[Symbol.dispose]();
        link.detach();
        link[Symbol.dispose]();
      }
    };
    cycle();
    const before = descriptors();
    for (let round = 0; round < 20; round++) cycle();
    expect(descriptors()).toBe(before);
  });

  it("has links that outlive their interface", () => {
    const pass = program("pass");
    using link = attach(pass) as LinkAttachment;
    namespace.ip("link delete v0");
    expect(link.info()).toMatchObject({ interfaceIndex: 0, programId: idOf(pass) });
    expect(refusal(() => link.update(pass))).toMatchObject({
      code: "KERNEL_INTERFACE_GONE",
      problem: `the interface of link ${link.info().id} has gone`,
    });
    link.detach();
  });

  it("takes a vanished interface for detached", () => {
    const pass = program("pass");
    const link = attach(pass, { via: "netlink" });
    namespace.ip("link delete v0");
    link.detach();
    expect(refusal(() => link.update(pass)).code).toBe("KERNEL_INTERFACE_GONE");
  });
});

suite("pinned links", ["root", "bpf", "ip"], () => {
  it("stay, and are taken over", () => {
    using folder = new BpfFolder();
    const path = join(folder.path, "edge");
    const [one, two] = [program("one"), program("two")];
    {
      using link = attach(one) as LinkAttachment;
      link.pin(path);
    }
    expect(shown()?.prog.id).toBe(idOf(one));
    using link = openPinnedLink(path)!;
    link.update(two, one);
    expect(shown()?.prog.id).toBe(idOf(two));
    expect(openPinnedLink(join(folder.path, "none"))).toBeUndefined();
  });

  it("are not taken from an interface of another namespace that has the same index", () => {
    using folder = new BpfFolder();
    using other = new Namespace("attach-other");
    const path = join(folder.path, "edge");
    const { index } = namespace.link("v0");
    other.ip(`link add v0 index ${index} type veth peer name v1`);
    const [one, two] = [program("one"), program("two")];
    attach(one, { pin: path })[Symbol.dispose]();
    const take = () => inNamespace(other.name, () => attachXdp(two, { interface: "v0", pin: path, replace: true }));
    const { code, hint } = refusal(take);
    expect([code, hint]).toEqual(["KERNEL_PIN", expect.stringMatching(/^link \d+, which .* holds another interface/)]);
    expect(shown()?.prog.id).toBe(idOf(one));
  });

  it("are no maps and no programs", () => {
    using folder = new BpfFolder();
    const path = join(folder.path, "program");
    execFileSync("bpftool", ["prog", "pin", "id", String(idOf(program("pass"))), path]);
    expect(refusal(() => openPinnedLink(path)).problem).toBe(`${path} is no link of an XDP program`);
  });
});

suite("refused", ["root", "bpf", "ip"], () => {
  /** Of a program with nothing to it, in native mode. */
  const rows: readonly (readonly [
    name: string,
    prepare: () => Partial<AttachOptions> & { readonly program?: ProgramOptions },
    code: string,
    message: string | RegExp,
    hint: string | RegExp,
  ])[] = [
    [
      "no such interface",
      () => ({ interface: "nope" }),
      "KERNEL_NO_INTERFACE",
      "there is no interface nope in this network namespace",
      "it has lo, v1, v0; another namespace is chosen by name: --netns, inNamespace()",
    ],
    [
      "a pin for what has no link",
      () => ({ via: "netlink", pin: "/sys/fs/bpf/link" }),
      "KERNEL_PIN_WITHOUT_LINK",
      "what is attached by netlink is no BPF link, so /sys/fs/bpf/link cannot hold it",
      /^attach by link/,
    ],
    ["no such index", () => ({ interface: 4711 }), "KERNEL_NO_INTERFACE", /^there is no interface 4711/, /^it has lo/],
    ["no name at all", () => ({ interface: "" }), "KERNEL_NO_INTERFACE", /^there is no interface {2}in/, /^it has lo/],
    [
      "a name that is too long",
      () => ({ interface: "x".repeat(200) }),
      "KERNEL_NO_INTERFACE",
      /^there is no interface x+ in/,
      /^it has lo/,
    ],
    [
      "the peer's MTU",
      () => {
        namespace.ip("link set v1 mtu 9000");
        return {};
      },
      "KERNEL_ATTACH",
      "v0 does not take the program in native mode: veth: Peer MTU is too large to set XDP (ERANGE)",
      "ip link set dev v1 mtu 3506 at the other end, or declare the program with fragments (section xdp.frags)",
    ],
    [
      "queues",
      () => {
        namespace.ip("link add w0 numrxqueues 1 numtxqueues 1 type veth peer name w1 numrxqueues 4 numtxqueues 4");
        return { interface: "w0" };
      },
      "KERNEL_ATTACH",
      "w0 does not take the program in native mode: veth: XDP expects number of rx queues not less than peer tx queues (ENOSPC)",
      "ethtool -L w0 rx N with N of the peer's transmit queues, or fewer of those",
    ],
    [
      "no native mode",
      () => {
        namespace.ip("link add d0 type bridge");
        return { interface: "d0" };
      },
      "KERNEL_ATTACH",
      "d0 does not take the program in native mode: Underlying driver does not support XDP in native mode (EOPNOTSUPP)",
      'use generic mode, or state it as a fallback: --mode native-or-generic, mode: ["native", "generic"]',
    ],
    [
      "no offload",
      () => ({ mode: "offload" }),
      "KERNEL_ATTACH",
      /^v0 does not take the program in offload mode: /,
      /./,
    ],
    [
      "another type of program",
      () => ({ program: { type: ProgramType.SCHED_CLS, action: 0 } }),
      "KERNEL_PROGRAM_TYPE",
      "program refused is of type SCHED_CLS, so v0 does not take it",
      "only programs of type XDP can be attached here",
    ],
    [
      "a program for devmaps",
      () => ({ program: { expectedAttachType: 33 } }),
      "KERNEL_ATTACH",
      /^v0 does not take the program in native mode: .*BPF_XDP_DEVMAP programs can not be attached to a device/,
      "such a program belongs into an entry of a devmap or cpumap",
    ],
    [
      "a program for cpumaps",
      () => ({ program: { expectedAttachType: 35 } }),
      "KERNEL_ATTACH",
      /^v0 does not take the program in native mode: .*BPF_XDP_CPUMAP programs can not be attached to a device/,
      "such a program belongs into an entry of a devmap or cpumap",
    ],
    [
      "a program by netlink in the way",
      () => {
        attach(program("first"), { via: "netlink" });
        return {};
      },
      "KERNEL_OCCUPIED",
      /^v0 has program \d+ first in native mode by netlink already$/,
      /xdpkit detach v0$/,
    ],
    [
      "a program of the bridge above",
      () => {
        namespace.ip("link add b0 type bridge");
        namespace.ip("link set v0 master b0");
        attach(program("bridge"), { interface: "b0", via: "netlink", mode: "generic" });
        return {};
      },
      "KERNEL_ATTACH",
      "v0 does not take the program in native mode: Cannot attach when an upper device already has a program (EEXIST)",
      "detach the program of the bridge or bond that v0 belongs to, or attach there",
    ],
    [
      "the other mode in the way",
      () => {
        attach(program("first"), { via: "netlink", mode: "generic" });
        return { replace: true };
      },
      "KERNEL_OCCUPIED",
      /^v0 has program \d+ first in generic mode by netlink already$/,
      "take it away first: xdpkit detach v0",
    ],
  ];

  it.each(rows.flatMap((row) => (["link", "netlink"] as const).map((via) => [row[0], via, row] as const)))(
    "%s, by %s",
    (_, via, [, prepare, code, message, hint]) => {
      const { program: options, ...rest } = prepare();
      const error = refusal(() => attach(program("refused", options), { via, ...rest }));
      expect([error.code, error.problem, error.hint]).toEqual([
        code,
        message instanceof RegExp ? expect.stringMatching(message) : message,
        hint instanceof RegExp ? expect.stringMatching(hint) : hint,
      ]);
      expect(inside(() => listAttachments()).map(({ program }) => program?.name)).not.toContain("refused");
    },
  );
});
