/** `--verifier-log FILE` of the commands that load programs: where a refusal's whole log goes. */
import type { Command } from "commander";
import { XdpkitError } from "../base/index.ts";
import { OutputFile } from "./files.ts";
import { Refusal } from "./refusal.ts";

export interface VerifierLogOption {
  readonly verifierLog?: string;
}

export const addVerifierLogOption = (command: Command): Command =>
  command.option("--verifier-log <file>", "write the verifier's whole log when the kernel refuses the program");

/** Runs what loads `program` (a file). @throws Refusal in place of XdpkitError KERNEL_REFUSED */
export async function loading<T>(
  program: string,
  { verifierLog }: VerifierLogOption,
  body: () => Promise<T>,
): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (!(error instanceof XdpkitError && error.code === "KERNEL_REFUSED")) throw error;
    if (error.cause === "") throw new Refusal([error]);
    if (verifierLog === undefined) throw new Refusal([error], "the verifier's whole log: --verifier-log FILE");
    await write(verifierLog, program, String(error.cause));
    throw new Refusal([error], `the verifier's whole log: ${verifierLog}`);
  }
}

async function write(file: string, program: string, log: string): Promise<void> {
  const output = await OutputFile.open(file, program);
  try {
    output.write(new TextEncoder().encode(log));
    await output.finish();
  } catch (error) {
    await output.discard();
    throw error;
  }
}
