/** Programs that the running kernel refuses: each names the place, the reason in plain words, a fix, and keeps the log. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import type { XdpkitError } from "../../src/base/index.ts";
import { LoadedObject, loadProgram } from "../../src/kernel/index.ts";
import { type BpfObject, readElf, writeElf } from "../../src/object/index.ts";
import { ProgramType } from "../../src/uapi/index.ts";
import { programOf } from "../support/assembly.ts";
import { BpfFolder } from "../support/bpf-folder.ts";
import { REFUSED_PROGRAMS } from "../support/refused-programs.ts";
import { suite } from "../support/require.ts";

function refusalOf(object: BpfObject, program: string): XdpkitError {
  using loaded = new LoadedObject(object);
  return thrownBy(() => loaded.program(program));
}

function thrownBy(body: () => unknown): XdpkitError {
  try {
    body();
  } catch (error) {
    return error as XdpkitError;
  }
  throw new Error("the kernel takes it");
}

suite("refused programs", ["bpf"], () => {
  it.each(REFUSED_PROGRAMS)("$what", ({ code, declarations, more, license = "GPL", slot, inside, ...expected }) => {
    const error = refusalOf({ ...programOf(code, declarations, more), license }, "main");
    const [, where, reason, errno, sentence] = /^the kernel refuses program (.+?): (.+?) \((E\w+): (.+)\)$/.exec(
      error.problem,
    )!;
    const { what: _, ...words } = expected;
    expect({ reason, errno, hint: error.hint }).toEqual(words);
    expect(where).toBe(inside === undefined ? "main" : `main in function ${inside}`);
    expect(error.at).toEqual(slot === undefined ? undefined : { kind: "instruction", program: "main", index: slot });
    expect(error.code).toBe("KERNEL_REFUSED");
    for (const line of sentence!.split("; ")) expect(error.cause).toContain(line);
    expect(error.cause).toMatch(/\nprocessed \d+ insns|processed \d+ insns/);
  });

  it("of no instructions, and of too many, have no log", () => {
    const load = (instructions: Uint8Array) =>
      thrownBy(() => loadProgram({ name: "main", type: ProgramType.XDP, instructions, license: "GPL" }));
    const large = load(new Uint8Array(8 * 1_000_001));
    expect([large.code, large.problem, large.hint, large.cause]).toEqual([
      "KERNEL_REFUSED",
      "the kernel refuses program main: it has 1,000,001 instructions, and the kernel takes 1 to 1,000,000 (E2BIG)",
      "split the program by tail calls",
      "",
    ]);
    expect(load(new Uint8Array(0)).message).toContain(
      "it has 0 instructions, and the kernel takes 1 to 1,000,000 (E2BIG)",
    );
  });

  it("of a type that the kernel does not know have no log", () => {
    const instructions = Uint8Array.of(0xb7, 0, 0, 0, 2, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0);
    const error = thrownBy(() => loadProgram({ name: "main", type: 999, instructions, license: "GPL" }));
    expect(error.problem).toBe(
      "the kernel refuses program main: this kernel does not take what was asked for: program type, flags, attach type or a field that it does not know (EINVAL)",
    );
  });
});

const OBJECT = fileURLToPath(new URL("../objects/refused/refused.o", import.meta.url));
const SOURCE = readFileSync(new URL("../objects/refused/refused.c", import.meta.url), "utf8").split("\n");

/** Programs of refused.c: line (that of `text`), reason, hint. */
const OF_CLANG = [
  {
    program: "no_check",
    text: "	return ethernet->h_proto == bpf_htons(ETH_P_IP) ? XDP_PASS : XDP_DROP; /* refused */",
    reason: "it accesses byte 12 of the packet, but on this path no comparison with data_end covers it",
    hint: "go on only where data + 13 <= data_end: compare right before the access, with the same pointer",
  },
  {
    program: "short_check",
    text: "	return ip->ttl > 1 ? XDP_PASS : XDP_DROP; /* refused */",
    reason: "it accesses byte 22 of the packet, but on this path only the first 14 are known to be there",
    hint: "go on only where data + 23 <= data_end: compare right before the access, with the same pointer",
  },
  {
    program: "no_null_test",
    text: "	*count += 1; /* refused */",
    reason: "R0 may be null: it comes from a look-up that may have found nothing in map counts",
    hint: "follow R0 only where it was compared with null (0) and is not",
  },
  {
    program: "long_index",
    text: "	return bytes[index] ? XDP_PASS : XDP_DROP; /* refused */",
    reason: "it accesses byte 31 of a map value that has 16 bytes",
    hint: "keep the index in bounds (compare it, or mask it: index &= N - 1) so that all lies within 16 bytes",
  },
  {
    program: "stale_pointer",
    text: "	ethernet->h_proto = bpf_htons(ETH_P_8021Q); /* refused */",
    reason: "R6 points into the packet as it was before bpf_xdp_adjust_*, which may have moved it",
    hint: "load data and data_end from the context again behind the call, and compare again",
  },
  {
    program: "kept_record",
    text: "}",
    reason: "what the call in instruction 5 (./refused/refused.c:89:18) handed out is not given back on this path",
    hint: "give it back on every path: bpf_ringbuf_submit or bpf_ringbuf_discard, bpf_sk_release, the dynptr's own pair, …",
  },
  {
    program: "call_under_lock",
    text: "	one->value = bpf_ktime_get_ns(); /* refused */",
    reason: "something is called, or the program ends, while a lock is held",
    hint: "prepare everything before bpf_spin_lock, and unlock on every path before a call or return",
  },
  {
    program: "in_callee",
    inside: "first_byte",
    text: "	return *at; /* refused, from in_callee */",
    reason: "it accesses byte 0 of the packet, but on this path no comparison with data_end covers it",
    hint: "go on only where data + 1 <= data_end: compare right before the access, with the same pointer",
  },
] as const;

suite("refused programs of clang", ["bpf", "bpftool"], () => {
  const object = readElf(readFileSync(OBJECT), { name: "refused.o" });

  it.each(OF_CLANG)("$program", ({ program, text, reason, hint, ...row }) => {
    const { code, problem, at, hint: said } = refusalOf(object, program);
    const inside = "inside" in row ? ` in function ${row.inside}` : "";
    const [words] = problem.split(/ \(E[A-Z]+: /);
    expect([code, words, said]).toEqual([
      "KERNEL_REFUSED",
      `the kernel refuses program ${program}${inside}: ${reason}`,
      hint,
    ]);
    const source = at?.kind === "instruction" ? at.source : undefined;
    expect(source).toMatchObject({ file: "./refused/refused.c", text });
    expect(SOURCE[source!.line - 1]).toBe(text);
  });

  it("with BTF that does not suit them", () => {
    const number = object.btf!.types.findIndex(({ kind }) => kind === "int");
    const functions = object.functions.map((one) => (one.name === "no_check" ? { ...one, type: number } : one));
    const error = refusalOf({ ...object, functions }, "no_check");
    expect(error.problem).toBe(
      `the kernel refuses program no_check: the BTF that describes functions and lines does not suit the instructions (EINVAL: invalid type id ${number} in func info)`,
    );
    expect(error.at).toBeUndefined();
  });

  it.each(OF_CLANG)("libbpf cannot load $program, for the same reason", ({ program }) => {
    using pins = new BpfFolder();
    const folder = mkdtempSync(join(tmpdir(), "xdpkit-refused-"));
    const file = join(folder, "one.o");
    const functions = object.functions.filter((one) => one.program === undefined || one.name === program);
    writeFileSync(file, writeElf({ ...object, functions }));
    const words = ["prog", "load", file, join(pins.path, "one")];
    const { status, stderr } = spawnSync("bpftool", words, { encoding: "utf8" });
    rmSync(folder, { recursive: true });
    expect(status).not.toBe(0);
    const [, sentence] = /\(E\w+: (.+)\)$/.exec(refusalOf(object, program).problem)!;
    for (const line of sentence!.split("; ")) expect(stderr).toContain(line);
  });
});
