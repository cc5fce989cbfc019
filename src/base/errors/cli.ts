/** Errors of the command line: what was asked for cannot be done as it was asked. */
import { entry } from "./entry.ts";

export const cliErrors = {
  CLI_USAGE: entry(
    (p: { problem: string }) => p.problem,
    () => "xdpkit --help lists the commands, xdpkit COMMAND --help their options",
  ),
  CLI_FILE: entry(
    (p: { action: "read" | "write"; reason: string }) => `cannot ${p.action} the file: ${p.reason}`,
    (p) => (p.action === "read" ? "check the name and the permissions" : "check the folder and the permissions"),
  ),
  CLI_NOT_AN_OBJECT: entry(
    (p: { found: string }) => `this is ${p.found}, not an ELF object of BPF programs`,
    () => "give a *.xdp.ts, or what clang -target bpf -O2 -g -c has made",
  ),
  CLI_NO_BTF: entry(
    () => "the object has no BTF, so nothing is known of its types",
    () => "compile it with clang -g",
  ),
  CLI_NO_EXPORTS: entry(
    (p: { known: readonly string[] }) =>
      p.known.length === 0
        ? "the module exports nothing, so there is no program to compile"
        : `the module exports ${p.known.join(", ")}, and none is a program`,
    () => "export const name = xdp((ctx) => …)",
  ),
  CLI_TWO_COPIES: entry(
    () => "the module's programs are of another copy of xdpkit",
    () => "run the xdpkit that the module imports: npx xdpkit in its project",
  ),
  CLI_PASS: entry(
    (p: { name: string; known: readonly string[] }) =>
      `there is no compiler pass ${p.name}, only ${p.known.join(", ")}`,
    () => "write --dump=PASS: the IR behind that pass is printed",
  ),
  CLI_SEVERAL_PROGRAMS: entry(
    (p: { known: readonly string[] }) => `the object holds ${p.known.length} XDP programs: ${p.known.join(", ")}`,
    (p) => `choose one: --program ${p.known[0]}`,
  ),
  CLI_NO_PROGRAM: entry(
    (p: { name: string; known: readonly string[] }) => `the object has no XDP program ${p.name}`,
    (p) => (p.known.length === 0 ? "it has no XDP program at all" : `it has ${p.known.join(", ")}`),
  ),
  CLI_NO_PROGRAM_ID: entry(
    (p: { id: number }) => `the kernel has no program of id ${p.id}`,
    () => "bpftool prog show lists those that are loaded",
  ),
  CLI_NOT_A_PROGRAM: entry(
    (p: { kind: string }) => `what is pinned here is a ${p.kind}, not a program`,
    () => "bpftool prog show pinned PATH shows a program",
  ),
  CLI_LINK_TYPE: entry(
    (p: { linkType: number; packet: number }) => `packet ${p.packet} has link type ${p.linkType}, not Ethernet (1)`,
    () => "XDP programs see Ethernet frames; capture on an Ethernet interface",
  ),
  CLI_JSON: entry(
    (p: { problem: string }) => `not JSON: ${p.problem}`,
    () => "correct the file at that place",
  ),
  CLI_YAML: entry(
    (p: { problem: string }) => `not YAML: ${p.problem}`,
    () => "correct the file at that place",
  ),
  CLI_MAP_FILE: entry(
    (p: { problem: string }) => p.problem,
    () => 'a map file is a list: [{"key": …, "value": …}, …]; one of global variables is {"name": value, …}',
  ),
  CLI_MAP_OPTION: entry(
    (p: { text: string }) => `${JSON.stringify(p.text)} does not say which file goes into which map`,
    () => "write --map NAME=FILE.json",
  ),
  CLI_RECORD_OPTION: entry(
    (p: { text: string; known: readonly string[] }) =>
      `${JSON.stringify(p.text)} does not say what the records of a ring buffer or perf array are`,
    (p) =>
      p.known.length === 0
        ? "the object has none"
        : `write --record ${p.known[0]}=TYPE; there are ${p.known.join(", ")}`,
  ),
  CLI_NO_MAP: entry(
    (p: { what: string }) => `there is no map ${p.what}`,
    () => "xdpkit map list shows the maps of this machine",
  ),
  CLI_SEVERAL_MAPS: entry(
    (p: { name: string; ids: readonly number[] }) => `${p.ids.length} maps are called ${p.name}: ${p.ids.join(", ")}`,
    (p) => `choose one: id:${p.ids[0]}`,
  ),
  CLI_MAP_CLOSED: entry(
    (p: { map: string; type: string; action: "listed" | "read" | "set" | "deleted" }) =>
      `map ${p.map} is a ${p.type}, whose entries cannot be ${p.action}`,
    (p) => CLOSED_HINTS[p.type] ?? "use it from a program",
  ),
  CLI_MAP_DESCRIPTORS: entry(
    (p: { map: string; type: string }) => `map ${p.map} is a ${p.type}, which takes open programs or maps`,
    () => "set it from TypeScript, or with bpftool map update … value pinned PATH",
  ),
} as const;

const CLOSED_HINTS: Readonly<Record<string, string>> = {
  queue: "xdpkit map get MAP prints the next value, set MAP VALUE adds one",
  stack: "xdpkit map get MAP prints the next value, set MAP VALUE adds one",
  bloom_filter: "xdpkit map get MAP VALUE says whether it may be there, set MAP VALUE adds one",
};
