/**
 * `xdpkit disasm PROG`: instructions with source lines beside them, as llvm-objdump -S shows them; `--dump=PASS` shows
 * what the compiler has made of a module by then.
 */
import type { Command } from "commander";
import { xdpkitError } from "../base/index.ts";

interface DisasmOptions {
  readonly program?: string;
  readonly source: boolean;
  readonly bytes?: boolean;
  readonly dump?: string;
  readonly json?: boolean;
}

export function addDisasmCommand(program: Command): void {
  program
    .command("disasm")
    .summary("show a program's instructions and source lines")
    .description("Shows instructions with source lines beside them, in llvm-objdump's syntax.")
    .argument("<program>", "*.xdp.ts or ELF object")
    .option("--program <name>", "only this program or function")
    .option("--no-source", "leave the source lines out")
    .option("--bytes", "show the bytes of each instruction")
    .option("--dump <pass>", "print the IR behind a pass of the compiler instead (*.xdp.ts)")
    .option("--json", "print the lines as JSON")
    .action(disasm);
}

async function disasm(file: string, options: DisasmOptions): Promise<void> {
  if (options.dump !== undefined) return dump(file, options.dump, options);
  const { readProgramFile } = await import("./program-file.ts");
  const { disassemble, printDisassembly } = await import("../object/index.ts");
  const { object } = await readProgramFile(file);
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

async function dump(file: string, pass: string, { program, json }: DisasmOptions): Promise<void> {
  const { compileFile, isModuleFile } = await import("./compile-file.ts");
  if (!isModuleFile(file)) throw xdpkitError("CLI_USAGE", { problem: "--dump is for a *.xdp.ts, not for an object" });
  const { PASSES, printIr } = await import("../compiler/index.ts");
  const known = ["lower", ...Object.keys(PASSES)];
  if (!known.includes(pass)) throw xdpkitError("CLI_PASS", { name: pass, known });
  const texts: { readonly program: string; readonly pass: string; readonly ir: string }[] = [];
  await compileFile(file, {
    onPass: (name, ir) => {
      if (name === pass) texts.push({ program: ir.name, pass, ir: printIr(ir) });
    },
  });
  const shown = texts.filter((one) => program === undefined || one.program === program);
  if (shown.length === 0 && program !== undefined) {
    const names = texts.map((one) => one.program);
    throw xdpkitError("CLI_NO_PROGRAM", { name: program, known: names }, { at: { kind: "file", file } });
  }
  process.stdout.write(json ? `${JSON.stringify(shown, null, 2)}\n` : `${shown.map(({ ir }) => ir).join("\n")}`);
}
