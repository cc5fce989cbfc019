#!/usr/bin/env node
/** The command line: reads the words, runs a command, prints an error on one line. Exit status: 0, 1 "no", 2 usage. */
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { XdpkitError, xdpkitError } from "../base/index.ts";
import { addDisasmCommand } from "./disasm.ts";
import { printError } from "./print-error.ts";
import { addRunCommand } from "./run.ts";

function version(): string {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  return version;
}

function createProgram(): Command {
  const program = new Command("xdpkit");
  program
    .description("Write, test, understand, load and run XDP programs.")
    .version(version())
    .showHelpAfterError(false)
    .configureOutput({ writeErr: () => {} });
  addRunCommand(program);
  addDisasmCommand(program);
  for (const command of [program, ...program.commands]) command.exitOverride();
  return program;
}

/** What commander says about wrong words, as an error of ours; undefined for --help and --version. */
function usageError(error: CommanderError): XdpkitError | undefined {
  if (error.exitCode === 0) return undefined;
  if (error.code === "commander.help") return xdpkitError("CLI_USAGE", { problem: "no command was given" });
  return xdpkitError("CLI_USAGE", { problem: error.message.replace(/^error: /, "").replace(/\s*\n\s*/g, " ") });
}

function fail(thrown: unknown): void {
  const error = thrown instanceof CommanderError ? usageError(thrown) : thrown;
  if (error === undefined) return;
  if (!(error instanceof XdpkitError)) throw error;
  process.exitCode = 2;
  process.stderr.write(`xdpkit: ${printError(error)}\n`);
}

// A reader that has seen enough (`| head`) is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

try {
  await createProgram().parseAsync();
} catch (thrown) {
  fail(thrown);
}
