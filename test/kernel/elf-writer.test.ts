/**
 * What writeElf wrote is loaded by others: libbpf (bpftool), its skeleton generator, iproute2.
 *
 * Mounts are private to a namespace that ends with its command; network namespaces are removed whatever happens.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { parse } from "../../src/isa/index.ts";
import { assemble, type BpfObject, programKind, readElf, writeElf } from "../../src/object/index.ts";
import {
  type CorpusFile,
  debianObjects,
  isBigEndian,
  ownObjects,
  readFile,
  readObjectFile,
} from "../objects/corpus.ts";
import { suite } from "../support/require.ts";

const folder = mkdtempSync(join(tmpdir(), "xdpkit-elf-"));
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, object: BpfObject): string {
  const path = join(folder, name);
  writeFileSync(path, writeElf(object));
  return path;
}

function run(command: string, ...words: string[]): { status: number | null; text: string } {
  const { status, stdout, stderr } = spawnSync(command, words, { encoding: "utf8", timeout: 30_000 });
  return { status, text: `${stdout}${stderr}` };
}

/** Loads in a mount namespace with a bpf file system of its own, where pins end with the command. */
function loadAll(path: string): { status: number | null; text: string } {
  const script = 'mount -t bpf none /sys/fs/bpf && bpftool prog loadall "$0" /sys/fs/bpf/xdpkit';
  return run("unshare", "-m", "sh", "-c", script, path);
}

/** Objects that libbpf 1.1 refuses as clang wrote them too, and why. */
const REFUSED: Readonly<Record<string, string>> = {
  "custom-bss.o": "bad map relo against 'scratch' in section '.bss.scratch'",
  "iproute2.o": "failed to guess program type from ELF section '7/1'",
  "on-demand.o": "can't pin program that wasn't loaded",
  "xdpdump_bpf.o": "failed to find kernel BTF type ID of 'func'",
};

suite("bpftool loads what was written", ["root", "bpftool", "unshare"], () => {
  const files: readonly CorpusFile[] = [...ownObjects.filter((file) => !isBigEndian(file)), ...debianObjects];

  it.each(files)("$name", (file) => {
    const { status, text } = loadAll(write(file.name.replace("_5.3", "_5_3"), readElf(readFile(file))));
    const reason = REFUSED[file.name];
    if (reason !== undefined) expect(text).toContain(reason);
    else expect({ status, text }).toMatchObject({ status: 0 });
  });

  it("an object made of assembler text, with maps that have no types", () => {
    const object = assemble(`
      .license "GPL"
      .map flows type=1 key=12 value=16 entries=32
      .map routes type=11 key=8 value=4 entries=32 flags=1
      .map jumps type=3 key=4 value=4 entries=4
      .slot jumps 1 drop
      .map outer type=12 key=4 value=4 entries=2
      .inner outer type=2 key=4 value=8 entries=1
      .slot outer 0 cell
      .map cell type=2 key=4 value=8 entries=1
      .data .rodata size=4 flags=128
      .bytes 0 02000000
      .variable verdict offset=0 size=4
      .section xdp
      .global drop
        r0 = 1
        exit
      .global choose
        r2 = jumps ll
        r3 = 1
        call 12
        r1 = verdict ll
        r0 = *(u32 *)(r1 + 0)
        exit
    `);
    expect(loadAll(write("assembled.o", object))).toMatchObject({ status: 0 });
  });

  it("its skeleton generator", () => {
    const path = write("skeleton.o", readElf(readObjectFile("globals.o")));
    const { status, text } = run("bpftool", "gen", "skeleton", path);
    expect(status).toBe(0);
    expect(text).toContain("struct bpf_program *use_globals;");
    expect(text).toContain("struct skeleton__rodata {");
  });
});

const namespace = `xdpkit-elf-${process.pid}`;

suite("iproute2 attaches what was written", ["root", "ip"], () => {
  const inside = (...words: string[]) => run("ip", "netns", "exec", namespace, "ip", ...words);

  afterAll(() => {
    run("ip", "netns", "delete", namespace);
  });

  it("makes a pair of interfaces in a namespace", () => {
    expect(run("ip", "netns", "add", namespace)).toMatchObject({ status: 0 });
    expect(inside("link", "add", "v0", "type", "veth", "peer", "name", "v1")).toMatchObject({ status: 0 });
  });

  it.each(["ethertype.o", "legacy.o", "denylist.o", "globals.o", "srv6.o"])("%s", (name) => {
    const path = write(`ip-${name}`, readElf(readObjectFile(name)));
    try {
      expect(inside("link", "set", "dev", "v0", "xdp", "obj", path, "sec", "xdp")).toMatchObject({ status: 0 });
      expect(inside("link", "show", "v0").text).toContain("prog/xdp id");
    } finally {
      inside("link", "set", "dev", "v0", "xdp", "off");
    }
  });

  it("a program without maps or BTF", () => {
    const body = { instructions: parse("r0 = 2\nexit"), references: [], lines: [], relocations: [] };
    const pass = { name: "pass", section: "xdp", linkage: "global" as const, program: programKind("xdp"), ...body };
    const path = write("bare.o", { license: "MIT", functions: [pass], maps: [], externs: [] });
    try {
      expect(inside("link", "set", "dev", "v0", "xdp", "obj", path, "sec", "xdp")).toMatchObject({ status: 0 });
    } finally {
      inside("link", "set", "dev", "v0", "xdp", "off");
    }
  });
});
