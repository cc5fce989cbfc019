/** `xdpkit load PROG FOLDER`: its options. What it does is loaded when it is asked for. */
import type { Command } from "commander";
import type { LoadCommandOptions } from "./load-programs.ts";
import { addMapOption } from "./map-option.ts";
import { addVerifierLogOption } from "./verifier-log.ts";

export function addLoadCommand(program: Command): void {
  const command = program
    .command("load")
    .summary("load programs and pin them")
    .description(
      "Loads the programs of a file into the kernel and pins each by its name in a folder of a bpf file system, beside the maps that are declared with pin: those that are pinned there already are used again.",
    )
    .argument("<program>", "*.xdp.ts or ELF object")
    .argument("<folder>", "in a bpf file system; made where it is missing")
    .option("--program <name>", "only this one (default: all that a loader should load)")
    .option("--pin-all-maps", "pin all maps but global data, as bpftool's pinmaps does")
    .option("--replace", "take the place of programs that are pinned there")
    .option("--json", "print the result as JSON");
  addMapOption(command);
  addVerifierLogOption(command).action(async (file: string, folder: string, options: LoadCommandOptions) => {
    const { load } = await import("./load-programs.ts");
    return load(file, folder, options);
  });
}
