/** `xdpkit types PROG.o [-o PROG.types.ts]`: a TypeScript module of an object's maps, variables and programs. */
import type { Command } from "commander";
import { xdpkitError } from "../base/index.ts";
import { isModuleFile } from "./compile-file.ts";
import { inFile, OutputFile } from "./files.ts";
import { collect } from "./repeated-option.ts";

interface TypesOptions {
  readonly output?: string;
  readonly record: readonly string[];
  readonly json?: boolean;
}

export function addTypesCommand(program: Command): void {
  program
    .command("types")
    .summary("write a TypeScript module of an object's maps, variables and programs")
    .description("Writes a TypeScript module of typed handles for an object that clang has made, from its BTF.")
    .argument("<object>", "ELF object with BTF")
    .option("-o, --output <module>", "TypeScript module to write; standard output when absent")
    .option("--record <map=type>", "C type of a ring buffer's or perf array's records; may be repeated", collect, [])
    .option("--json", "print maps, variables, programs and types as JSON instead")
    .action(types);
}

async function types(file: string, options: TypesOptions): Promise<void> {
  const { output, json, record } = options;
  if (isModuleFile(file)) throw typedAlready(file);
  if (json && output !== undefined)
    throw xdpkitError("CLI_USAGE", { problem: "--json and --output exclude each other" });
  const { readProgramFile } = await import("./program-file.ts");
  const { describeObject } = await import("./object-types.ts");
  const { object } = await readProgramFile(file);
  const description = await inFile(file, () => describeObject(object, record));
  if (json) {
    process.stdout.write(`${JSON.stringify(description, largeAsText, 2)}\n`);
    return;
  }
  const { printModule } = await import("./print-types.ts");
  const text = printModule(description, { object: file, ...(output === undefined ? {} : { module: output }) });
  if (output === undefined) process.stdout.write(text);
  else await write(output, file, text);
}

function typedAlready(file: string) {
  const problem = `${file} is a module, whose maps and variables are typed already`;
  return xdpkitError(
    "CLI_USAGE",
    { problem },
    { hint: "import them from it; types is for objects of other compilers" },
  );
}

async function write(output: string, input: string, text: string): Promise<void> {
  const file = await OutputFile.open(output, input);
  file.write(new TextEncoder().encode(text));
  await file.finish();
}

const largeAsText = (_key: string, value: unknown): unknown => (typeof value === "bigint" ? `${value}` : value);
