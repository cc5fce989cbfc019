/** `xdpkit build PROG -o out.o [--watch]`: compiles to an ELF object that libbpf, bpftool and iproute2 load. */
import type { Command } from "commander";
import { xdpkitError } from "../base/index.ts";
import { slotsOf } from "../isa/index.ts";
import type { BpfObject } from "../object/index.ts";
import { mapTypeName } from "../uapi/index.ts";
import { compileFile, isModuleFile } from "./compile-file.ts";
import { OutputFile } from "./files.ts";
import type { WrittenFill } from "./fill-file.ts";

interface BuildOptions {
  readonly output: string;
  readonly watch?: boolean;
  readonly json?: boolean;
}

export function addBuildCommand(program: Command): void {
  program
    .command("build")
    .summary("compile a *.xdp.ts to an ELF object")
    .description("Compiles the programs that a module exports to one ELF object, for libbpf, bpftool and iproute2.")
    .argument("<module>", "*.xdp.ts")
    .requiredOption("-o, --output <object>", "ELF object to write")
    .option("--watch", "build again whenever the module or anything that it imports changes")
    .option("--json", "print a summary as JSON")
    .action(build);
}

async function build(file: string, options: BuildOptions): Promise<void> {
  if (options.output === "-") throw xdpkitError("CLI_USAGE", { problem: "--output takes the name of a file" });
  if (!isModuleFile(file)) throw xdpkitError("CLI_USAGE", { problem: `build compiles a *.xdp.ts, not ${file}` });
  if (options.watch) {
    const { watchAndBuild } = await import("./watch.ts");
    return watchAndBuild(file, options);
  }
  const start = performance.now();
  const { object, names } = await compileFile(file);
  const { writeElf } = await import("../object/index.ts");
  const bytes = writeElf(object);
  const { writeFill } = await import("./fill-file.ts");
  const fill = await writeFill({ file: options.output, bytes }, names, file);
  await write(options.output, file, bytes);
  const summary = { ...summarise(object, file, options.output, bytes.length), ...(fill ? { fill } : {}) };
  process.stdout.write(
    options.json ? `${JSON.stringify(summary, null, 2)}\n` : printSummary(summary, performance.now() - start),
  );
}

async function write(output: string, input: string, bytes: Uint8Array): Promise<void> {
  const file = await OutputFile.open(output, input);
  file.write(bytes);
  await file.finish();
}

interface FunctionSummary {
  readonly name: string;
  readonly section: string;
  readonly instructions: number;
}

interface Summary {
  readonly module: string;
  readonly output: string;
  readonly bytes: number;
  readonly license: string;
  readonly programs: readonly FunctionSummary[];
  /** Functions that they call. */
  readonly subprograms: readonly FunctionSummary[];
  readonly maps: readonly { readonly name: string; readonly type: string; readonly maxEntries: number }[];
  /** What maps hold at load, beside the object. */
  readonly fill?: WrittenFill;
}

function summarise(object: BpfObject, module: string, output: string, bytes: number): Summary {
  const functions = object.functions.map(({ program, name, section, instructions }) => ({
    isProgram: program !== undefined,
    summary: { name, section, instructions: instructions.reduce((sum, one) => sum + slotsOf(one), 0) },
  }));
  const [programs, subprograms] = [true, false].map((wanted) =>
    functions.filter(({ isProgram }) => isProgram === wanted).map(({ summary }) => summary),
  ) as [FunctionSummary[], FunctionSummary[]];
  const maps = object.maps.map(({ name, type, maxEntries }) => ({
    name,
    type: mapTypeName(type) ?? String(type),
    maxEntries,
  }));
  return { module, output, bytes, license: object.license, programs, subprograms, maps };
}

/** Not toLocaleString, which takes longer than compiling: it loads the locale's data. */
const grouped = (n: number): string => String(n).replace(/\B(?=(\d{3})+$)/g, ",");
const count = (n: number, what: string): string => `${grouped(n)} ${what}${n === 1 ? "" : "s"}`;

/** Loaders of others know nothing of it, and a map that stays empty may let everything through. */
function printFill({ file, entries }: WrittenFill): string {
  const maps = Object.entries(entries).map(
    ([map, n]) =>
      `${count(n, "entr")
        .replace(/entrs$/, "entries")
        .replace(/entr$/, "entry")} of ${map}`,
  );
  return `  ${maps.join(", ")} in ${file}: xdpkit load, attach and run fill them; after another loader: bpftool batch file ${file}\n`;
}

function printSummary(summary: Summary, milliseconds: number): string {
  const { module, output, bytes, programs, subprograms, maps, fill } = summary;
  const instructions = [...programs, ...subprograms].reduce((sum, one) => sum + one.instructions, 0);
  const parts = [
    `${count(programs.length, "program")} (${programs.map(({ name }) => name).join(", ")})`,
    ...(subprograms.length > 0 ? [count(subprograms.length, "subprogram")] : []),
    count(instructions, "instruction"),
    count(maps.length, "map"),
    count(bytes, "byte"),
    `${milliseconds.toFixed(0)} ms`,
  ];
  return `built ${output} of ${module}: ${parts.join(", ")}\n${fill ? printFill(fill) : ""}`;
}
