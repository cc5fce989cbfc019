/** `xdpkit attach PROG IFACE`: its options. What it does is loaded when it is asked for. */
import type { Command } from "commander";
import type { AttachCommandOptions } from "./attach-program.ts";
import { addMapOption } from "./map-option.ts";
import { addNamespaceOption } from "./netns-option.ts";
import { addVerifierLogOption } from "./verifier-log.ts";

export function addAttachCommand(program: Command): void {
  const command = program
    .command("attach")
    .summary("attach a program to an interface")
    .description(
      "Attaches an XDP program to an interface. Without --pin it is attached by netlink and stays until detached; with --pin a BPF link keeps it as long as the pin exists.",
    )
    .argument("<program>", "*.xdp.ts, ELF object, pinned path, or id:42")
    .argument("<interface>", "name of the interface")
    .option("--program <name>", "the program, when the file holds several")
    .option(
      "--mode <mode>",
      "native, generic, offload, or native-or-generic: native, and where that is refused generic",
      "native",
    )
    .option(
      "--via <way>",
      "link or netlink (default: link with --pin, otherwise netlink; with --replace, whatever is attached now)",
    )
    .option("--pin <path>", "pin the link, in a bpf file system")
    .option(
      "--pin-maps <folder>",
      "directory for maps declared with pin; existing pins are reused, missing ones created",
      "/sys/fs/bpf",
    )
    .option("--replace", "take the place of what is attached, without a gap")
    .option("--json", "print the result as JSON");
  addMapOption(command);
  addVerifierLogOption(addNamespaceOption(command)).action(
    async (file: string, target: string, options: AttachCommandOptions) => {
      const { attach } = await import("./attach-program.ts");
      return attach(file, target, options);
    },
  );
}
