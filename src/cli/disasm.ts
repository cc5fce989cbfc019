/** `xdpkit disasm PROG`: instructions with source lines beside them, as llvm-objdump -S shows them. */
import type { Command } from "commander";
import { xdpkitError } from "../base/index.ts";
import { disassemble, printDisassembly } from "../object/index.ts";
import { readProgramFile } from "./program-file.ts";

interface DisasmOptions {
  readonly program?: string;
  readonly source: boolean;
  readonly bytes?: boolean;
  readonly json?: boolean;
}

export function addDisasmCommand(program: Command): void {
  program
    .command("disasm")
    .summary("show a program's instructions and source lines")
    .description("Shows instructions with source lines beside them, in llvm-objdump's syntax.")
    .argument("<object>", "ELF object")
    .option("--program <name>", "only this program or function")
    .option("--no-source", "leave the source lines out")
    .option("--bytes", "show the bytes of each instruction")
    .option("--json", "print the lines as JSON")
    .action(disasm);
}

async function disasm(file: string, options: DisasmOptions): Promise<void> {
  const object = await readProgramFile(file);
  const known = object.functions.map(({ name }) => name);
  if (options.program !== undefined && !known.includes(options.program)) {
    throw xdpkitError("CLI_NO_PROGRAM", { name: options.program, known }, { at: { kind: "file", file } });
  }
  if (options.json) {
    process.stdout.write(`${JSON.stringify(disassemble(object, options.program), null, 2)}\n`);
    return;
  }
  const { source, bytes = false, program } = options;
  const shown = { source, bytes, dialect: "llvm" as const, ...(program === undefined ? {} : { function: program }) };
  process.stdout.write(`\n${file}:\tfile format elf64-bpf\n${printDisassembly(object, shown)}`);
}
