/** Interfaces by netlink, compared with what iproute2 says; namespaces; what is attached, whoever attached it. */
import { execFileSync } from "node:child_process";
import { readlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  attachXdp,
  enterNamespace,
  findInterface,
  inNamespace,
  type LinkAttachment,
  listAttachments,
  listInterfaces,
  loadProgram,
  programInfo,
  programInfoById,
  tryFindInterface,
} from "../../src/kernel/index.ts";
import { ProgramType } from "../../src/uapi/index.ts";
import { BpfFolder } from "../support/bpf-folder.ts";
import { Namespace } from "../support/namespace.ts";
import { suite } from "../support/require.ts";

let namespace: Namespace;
let other: Namespace;
beforeAll(() => {
  namespace = new Namespace("netlink");
  other = new Namespace("netlink-other");
  namespace.veth("v0", "v1");
});
afterAll(() => {
  namespace[Symbol.dispose]();
  other[Symbol.dispose]();
});

const inside = <T>(body: () => T): T => inNamespace(namespace.name, body);
/** What `ip -d -j link show` says of one interface. */
interface IpLink {
  readonly ifindex: number;
  readonly ifname: string;
  readonly link?: string;
  readonly link_index?: number;
  readonly link_netnsid?: number;
  readonly flags: readonly string[];
  readonly mtu: number;
  readonly master?: string;
  readonly address: string;
  readonly altnames?: readonly string[];
  readonly linkinfo?: { readonly info_kind?: string };
  readonly num_tx_queues: number;
  readonly num_rx_queues: number;
}
const ipLinks = (): IpLink[] => JSON.parse(namespace.ip("-d -j link show")) as IpLink[];

suite("interfaces", ["root", "ip"], () => {
  it("are those that iproute2 shows", () => {
    namespace.ip("link add w0 numrxqueues 2 numtxqueues 3 mtu 4000 type veth peer name w1 mtu 1400");
    namespace.ip("link add b0 type bridge");
    namespace.ip("link set w0 master b0");
    namespace.ip("link set w0 up");
    namespace.ip("link property add dev w0 altname uplink altname a-name-longer-than-sixteen");
    namespace.ip(`link add x0 type veth peer name x1 netns ${other.name}`);
    const names = new Map(ipLinks().map(({ ifindex, ifname }) => [ifindex, ifname]));
    const ours = inside(listInterfaces).map((one) => ({
      ifindex: one.index,
      ifname: one.name,
      address: one.mac,
      mtu: one.mtu,
      up: one.up,
      carrier: one.carrier,
      kind: one.kind,
      master: one.master === undefined ? undefined : names.get(one.master),
      peer: one.lower?.namespaceId === undefined ? one.lower && names.get(one.lower.index) : one.lower.index,
      namespaceId: one.lower?.namespaceId,
      altnames: one.alternativeNames,
      queues: [one.queues.receive, one.queues.transmit],
    }));
    const theirs = ipLinks().map((one) => ({
      ifindex: one.ifindex,
      ifname: one.ifname,
      address: one.address,
      mtu: one.mtu,
      up: one.flags.includes("UP"),
      carrier: one.flags.includes("LOWER_UP"),
      kind: one.linkinfo?.info_kind,
      master: one.master,
      peer: one.link_netnsid === undefined ? one.link : one.link_index,
      namespaceId: one.link_netnsid,
      altnames: one.altnames ?? [],
      queues: [one.num_rx_queues, one.num_tx_queues],
    }));
    expect(ours).toEqual(theirs);
  });

  it("are asked for across namespaces by the id of a peer's", () => {
    const { index, lower } = inside(() => findInterface("x0"));
    const peer = inside(() => tryFindInterface(lower!.index, lower!.namespaceId));
    expect(peer).toMatchObject({ name: "x1", lower: { index } });
    expect(inNamespace(other.name, () => tryFindInterface("x0"))).toBeUndefined();
  });

  it("come in more than one datagram", () => {
    using many = new Namespace("netlink-many");
    const batch = Array.from({ length: 150 }, (_, index) => `link add m${index} type veth peer name n${index}\n`).join(
      "",
    );
    execFileSync("ip", ["-n", many.name, "-batch", "-"], { input: batch });
    const found = inNamespace(many.name, listInterfaces);
    expect(new Set(found.map(({ name }) => name)).size).toBe(301);
  });
});

suite("namespaces", ["root", "ip"], () => {
  const current = (): string => readlinkSync("/proc/thread-self/ns/net");

  it("are left again, whatever happens", () => {
    const home = current();
    expect(inside(current)).not.toBe(home);
    const fail = () => {
      throw new Error("inside");
    };
    expect(() => inside(fail)).toThrow("inside");
    expect(current()).toBe(home);
  });

  it.each(["no-such", "", "..", "/etc/hostname", "/no/such"])("are not %j", (name) => {
    const home = current();
    expect(() => enterNamespace(name)).toThrow(
      expect.objectContaining({
        code: "KERNEL_NO_NAMESPACE",
        problem: `there is no network namespace ${name}`,
        hint: expect.stringMatching(`ip netns list shows .*${namespace.name}`),
      }),
    );
    expect(current()).toBe(home);
  });

  it("may be given as a path", () => {
    const path = `/run/netns/${namespace.name}`;
    expect(inNamespace(path, () => findInterface("v0").index)).toBe(namespace.link("v0").index);
  });

  it("are entered by a worker for good, the others stay outside", async () => {
    const home = current();
    const kernel = fileURLToPath(new URL("../../dist/kernel/index.js", import.meta.url));
    const code = `
      const { parentPort } = require("node:worker_threads");
      import(${JSON.stringify(kernel)}).then(async ({ enterNamespace, listInterfaces }) => {
        enterNamespace(${JSON.stringify(namespace.name)});
        await new Promise((resolve) => setTimeout(resolve, 20));
        parentPort.postMessage(listInterfaces().map(({ name }) => name));
      });`;
    const worker = new Worker(code, { eval: true });
    const names = await new Promise((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
    });
    await worker.terminate();
    expect(names).toEqual(inside(listInterfaces).map(({ name }) => name));
    expect(current()).toBe(home);
  });
});

suite("what is attached", ["root", "bpf", "ip", "bpftool"], () => {
  /** BPF_MOV64_IMM(r0, XDP_PASS), BPF_EXIT. */
  const instructions = Uint8Array.of(0xb7, 0, 0, 0, 2, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0);
  const load = (name: string) => loadProgram({ name, type: ProgramType.XDP, instructions, license: "GPL" });
  const list = () =>
    inside(() => listAttachments()).map(({ interface: one, mode, via, program, links }) => [
      one.name,
      mode,
      via,
      program?.name,
      links.map(({ id }) => id),
    ]);
  const bpftool = (...words: string[]): unknown => JSON.parse(namespace.run("bpftool", ["-j", ...words]));

  it("agrees with bpftool", () => {
    using program = load("ours");
    using link = inside(() => attachXdp(program, { interface: "v0" })) as LinkAttachment;
    inside(() => attachXdp(program, { interface: "v1", via: "netlink", mode: "generic" }));
    const { id, programId, interfaceIndex } = link.info();
    expect(list()).toEqual([
      ["v1", "generic", "netlink", "ours", []],
      ["v0", "native", "link", "ours", [id]],
    ]);
    const [{ xdp }] = bpftool("net") as [{ xdp: unknown[] }];
    expect(xdp).toEqual([
      { devname: "v1", ifindex: namespace.link("v1").index, mode: "generic", id: programId },
      { devname: "v0", ifindex: interfaceIndex, mode: "driver", id: programId },
    ]);
    expect(bpftool("link", "show", "id", String(id))).toMatchObject({ id, type: "xdp", prog_id: programId });
    namespace.ip("link set v1 xdpgeneric off");
  });

  it("shows what iproute2 and bpftool attached", () => {
    const object = fileURLToPath(new URL("../objects/denylist.o", import.meta.url));
    using folder = new BpfFolder();
    const pinned = join(folder.path, "denylist");
    execFileSync("bpftool", ["prog", "load", object, pinned]);
    namespace.ip(`link set v0 xdpdrv pinned ${pinned}`);
    execFileSync("ip", [
      "netns",
      "exec",
      namespace.name,
      "bpftool",
      "net",
      "attach",
      "xdpgeneric",
      "pinned",
      pinned,
      "dev",
      "v1",
    ]);
    const [{ name }] = [bpftool("prog", "show", "pinned", pinned) as { name: string }];
    expect(list()).toEqual([
      ["v1", "generic", "netlink", name, []],
      ["v0", "native", "netlink", name, []],
    ]);
    namespace.ip("link set v0 xdpdrv off");
    namespace.ip("link set v1 xdpgeneric off");
  });

  it("does not take a link in another namespace for one here", () => {
    using twin = new Namespace("netlink-twin");
    const { index } = namespace.link("v0");
    twin.ip(`link add v0 index ${index} type veth peer name v1`);
    using program = load("both");
    using link = inNamespace(twin.name, () => attachXdp(program, { interface: "v0" })) as LinkAttachment;
    inside(() => attachXdp(program, { interface: "v0", via: "netlink" }));
    expect(link.info().interfaceIndex).toBe(index);
    expect(list()).toEqual([["v0", "native", "netlink", "both", []]]);
    namespace.ip("link set v0 xdpdrv off");
    using here = inside(() => attachXdp(program, { interface: "v0" })) as LinkAttachment;
    expect(list()).toEqual([["v0", "native", "link", "both", [link.info().id, here.info().id]]]);
    using next = load("next");
    expect(() => inside(() => attachXdp(next, { interface: "v0", replace: true }))).toThrow(
      expect.objectContaining({ code: "KERNEL_AMBIGUOUS_LINK" }),
    );
  });

  it("says of a program what bpftool says", () => {
    using program = load("known");
    const info = programInfo(program);
    const shown = bpftool("prog", "show", "id", String(info.id)) as Record<string, number>;
    expect({
      id: info.id,
      type: info.type.toLowerCase(),
      name: info.name,
      tag: info.tag,
      gpl_compatible: info.gplCompatible,
      uid: info.uid,
      bytes_xlated: info.translatedBytes,
    }).toEqual({
      id: shown["id"],
      type: shown["type"],
      name: shown["name"],
      tag: shown["tag"],
      gpl_compatible: shown["gpl_compatible"],
      uid: shown["uid"],
      bytes_xlated: shown["bytes_xlated"],
    });
    expect(Math.abs(info.loadedAt.getTime() / 1000 - shown["loaded_at"]!)).toBeLessThan(2);
    expect(programInfoById(0xfffffff)).toBeUndefined();
  });
});
