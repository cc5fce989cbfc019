/** The command line: reads the words, runs a command, prints what went wrong. Exit status: 0, 1 "no", 2 usage. */
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { type XdpkitError, xdpkitError } from "../base/index.ts";
import { addAttachCommand } from "./attach.ts";
import { addBuildCommand } from "./build.ts";
import { addCompletionCommand } from "./completion.ts";
import { addDetachCommand } from "./detach.ts";
import { addDisasmCommand } from "./disasm.ts";
import { addDoctorCommand } from "./doctor.ts";
import { fileError } from "./files.ts";
import { addListCommand } from "./list.ts";
import { addLoadCommand } from "./load.ts";
import { addMapCommand } from "./map.ts";
import { errorToJson, printError } from "./print-error.ts";
import { exitStatusOf, printRefusal, Refusal, refusalToJson } from "./refusal.ts";
import { addRunCommand } from "./run.ts";
import { addSrv6Command } from "./srv6.ts";
import { addTraceCommand } from "./trace.ts";
import { addTypesCommand } from "./types.ts";

function version(): string {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  return version;
}

/** What commander last wanted to print of its own accord: the help of a command that was given without its subcommand. */
let help = "";

function createProgram(): Command {
  const program = new Command("xdpkit");
  program
    .description("Write, test, understand, load and run XDP programs.")
    .version(version())
    .showHelpAfterError(false)
    .configureOutput({
      writeErr: (text) => {
        help = text;
      },
    });
  addBuildCommand(program);
  addRunCommand(program);
  addDisasmCommand(program);
  addLoadCommand(program);
  addTypesCommand(program);
  addAttachCommand(program);
  addDetachCommand(program);
  addListCommand(program);
  addDoctorCommand(program);
  addMapCommand(program);
  addTraceCommand(program);
  addSrv6Command(program);
  addCompletionCommand(program);
  throwOnExit(program);
  return program;
}

/** Words that commander cannot read become errors of ours, below every command. */
function throwOnExit(command: Command): void {
  command.exitOverride();
  for (const inner of command.commands) throwOnExit(inner);
}

/** What commander says about wrong words, as an error of ours; undefined for --help, --version and a group without a command. */
function usageError(error: CommanderError): XdpkitError | undefined {
  if (error.exitCode === 0) return undefined;
  if (error.code === "commander.help") {
    const [, , first, word] = process.argv;
    if (first === "help" && word) return xdpkitError("CLI_USAGE", { problem: `unknown command '${word}'` });
    process.stdout.write(help);
    return undefined;
  }
  return xdpkitError("CLI_USAGE", { problem: error.message.replace(/^error: /, "").replace(/\s*\n\s*/g, " ") });
}

/** Anything that is no error of the catalogue is a bug of ours; XDPKIT_DEBUG=1 shows where. */
function bug(thrown: unknown): XdpkitError {
  if (process.env["XDPKIT_DEBUG"]) console.error(thrown);
  return xdpkitError("INTERNAL_INVARIANT", { what: String(thrown) }, { cause: thrown });
}

/** Also that of a data plane, which has its own copy of the class. */
const isXdpkitError = (thrown: unknown): thrown is XdpkitError =>
  thrown instanceof Error && thrown.name === "XdpkitError" && "code" in thrown;

function fail(thrown: unknown): void {
  const error = thrown instanceof CommanderError ? usageError(thrown) : thrown;
  if (error === undefined) return;
  if (error instanceof Refusal) refuse(error);
  else {
    const known = isXdpkitError(error) ? error : bug(error);
    process.exitCode = exitStatusOf(known);
    process.stderr.write(`xdpkit: ${printError(known)}\n`);
    writeJson({ error: errorToJson(known) });
  }
}

function refuse(refusal: Refusal): void {
  process.exitCode = 1;
  process.stderr.write(printRefusal(refusal));
  writeJson(refusalToJson(refusal));
}

/** Standard output is one JSON document, whatever happened. */
function writeJson(value: unknown): void {
  if (process.argv.includes("--json")) process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

export async function runCommandLine(): Promise<void> {
  // Ended from outside: the exit handlers take away what is half written.
  process.once("SIGINT", () => process.exit(130));
  process.once("SIGTERM", () => process.exit(143));
  // A reader that has seen enough (`| head`) is no error.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit();
    fail(fileError("write", "standard output", error));
    process.exit();
  });
  try {
    await createProgram().parseAsync();
  } catch (thrown) {
    fail(thrown);
  }
}
