/** Errors of the object layer. */
import { entry } from "./entry.ts";

const DIRECTIVES: Readonly<Record<string, string>> = {
  ".license": '.license "GPL"',
  ".version": ".version 0x050400",
  ".map": ".map flows style=btf type=1 key=4 value=8 entries=16 flags=0",
  ".inner": ".inner outer type=2 key=4 value=8 entries=4 flags=0",
  ".slot": ".slot outer 0 flows",
  ".data": ".data .rodata size=16 flags=0x80",
  ".bytes": ".bytes 0 0a0b0c",
  ".variable": ".variable limit offset=0 size=4 global",
  ".extern": ".extern ksym runqueues weak",
  ".section": ".section xdp",
  ".global": ".global name",
  ".static": ".static name",
  ".weak": ".weak name",
};

function directiveHint(directive: string): string {
  const example = DIRECTIVES[directive];
  return example ? `write it as \`${example}\`` : `directives are ${Object.keys(DIRECTIVES).join(" ")}`;
}

export const objectErrors = {
  OBJECT_NOT_ELF: entry(
    (p: { found: string }) => `not an ELF file: it begins with ${p.found}`,
    () => "give an object that clang -target bpf wrote",
  ),
  OBJECT_NOT_BPF: entry(
    (p: { what: string; found: number; expected: string }) => `${p.what} is ${p.found}, expected ${p.expected}`,
    () => "a BPF object is a relocatable 64-bit ELF file of machine 247",
  ),
  OBJECT_TRUNCATED: entry(
    (p: { what: string; need: number; have: number }) => `${p.what} needs ${p.need} bytes, ${p.have} are there`,
    () => "the file was cut off, or one of its offsets is wrong",
  ),
  OBJECT_OVERLAP: entry(
    (p: { first: string; second: string }) => `${p.first} and ${p.second} overlap`,
    () => "each byte belongs to one section and one function",
  ),
  OBJECT_INDEX: entry(
    (p: { what: string; index: number; count: number }) => `${p.what} ${p.index} does not exist, there are ${p.count}`,
    () => "the file is damaged",
  ),
  OBJECT_STRING: entry(
    (p: { offset: number; length: number }) => `name at ${p.offset} is not in the string table of ${p.length} bytes`,
    () => "the file is damaged",
  ),
  OBJECT_LIMIT: entry(
    (p: { what: string; value: number; limit: number }) => `${p.what} is ${p.value}, more than ${p.limit}`,
    () => "xdpkit refuses to allocate that much for one object",
  ),
  OBJECT_FUNCTION_PLACE: entry(
    (p: { name: string; start: number; size: number; section: string; length: number }) =>
      `function ${p.name} at ${p.start} of ${p.size} bytes is not in section ${p.section} of ${p.length} bytes`,
    () => "functions begin and end at multiples of 8 bytes",
  ),
  OBJECT_RELOCATION: entry(
    (p: { problem: string; section: string; symbol: string }) =>
      `relocation in ${p.section} against ${p.symbol || "an unnamed symbol"}: ${p.problem}`,
    () => "libbpf relocates ld_imm64 and calls against maps, global data, functions and externs",
  ),
  OBJECT_CALL_TARGET: entry(
    (p: { function: string; section: string; target: number }) =>
      `${p.function} refers to byte ${p.target} of ${p.section}, where no function begins`,
    () => "calls and callbacks lead to the first instruction of a function",
  ),
  OBJECT_MAP: entry(
    (p: { map: string; problem: string }) => `map ${p.map}: ${p.problem}`,
    () => "libbpf's __uint, __type and __array declare what a map may have",
  ),
  OBJECT_MAPS_SECTION: entry(
    (p: { bytes: number; maps: number }) => `the maps section has ${p.bytes} bytes for ${p.maps} maps`,
    () => "each map of a `maps` section has the same size: struct bpf_map_def (20 bytes) or bpf_elf_map (36 bytes)",
  ),
  OBJECT_BTF_MISSING: entry(
    (p: { what: string }) => `${p.what} needs BTF, and the object has none`,
    () => "compile with -g",
  ),
  OBJECT_BTF_EXT: entry(
    (p: { problem: string }) => `bad .BTF.ext: ${p.problem}`,
    () => "compile with clang 10 or newer, or strip the section",
  ),
  OBJECT_STRUCT_OPS: entry(
    (p: { section: string }) => `section ${p.section} holds struct_ops, which are not read`,
    () => "xdpkit is about XDP; keep struct_ops in an object of their own",
  ),
  OBJECT_NO_PROGRAM: entry(
    (p: { name: string; known: readonly string[] }) => `the object has no program ${p.name}`,
    (p: { name: string; known: readonly string[] }) =>
      p.known.length > 0 ? `its programs are ${p.known.join(", ")}` : "it has no programs at all",
  ),
  OBJECT_DATA_ADDRESSES: entry(
    (p: { variable: string; section: string; targets: readonly string[] }) =>
      `variable ${p.variable} of section ${p.section} holds addresses (of ${p.targets.join(", ")}), which no loader fills in (.rel${p.section})`,
    () =>
      "choose with a switch or with indices into one array; for maps use a map of maps, for programs a program array",
  ),
  OBJECT_UNDEFINED: entry(
    (p: { kind: string; name: string; by: string }) => `${p.by} refers to ${p.kind} ${p.name}, which is not there`,
    () => "every reference names a map, function or extern of the same object",
  ),
  OBJECT_CORE: entry(
    (p: { relocation: string; problem: string }) => `CO-RE relocation ${p.relocation}: ${p.problem}`,
    () => "libbpf refuses the object with the same target; look at the type in both BTFs",
  ),
  OBJECT_DIRECTIVE: entry(
    (p: { directive: string; problem: string }) => `${p.directive}: ${p.problem}`,
    (p: { directive: string; problem: string }) => directiveHint(p.directive),
  ),
  OBJECT_BIG_ENDIAN: entry(
    () => "the object is big endian: it can be read and shown, not written or relocated",
    () => "compile with -target bpfel",
  ),
  OBJECT_FILL: entry(
    () => "this is no line of a fill file",
    () => "xdpkit build writes it beside the object, with the entries that maps hold at load: build again",
  ),
  OBJECT_FILL_STALE: entry(
    () => "these entries were written for another version of the object",
    () => "build again, or remove the file: then the maps are empty at load",
  ),
  OBJECT_NO_TYPE: entry(
    (p: { name: string }) => `the object's BTF has no struct, union or typedef ${p.name}`,
    (p) => `clang leaves out what nothing names: const struct ${p.name} *unused __attribute__((unused));`,
  ),
  OBJECT_NO_GLOBALS: entry(
    (p: { section: string; known: readonly string[] }) => `the object has no global variables in ${p.section}`,
    (p) => (p.known.length === 0 ? "it has none at all" : `it has ${p.known.join(", ")}`),
  ),
} as const;
