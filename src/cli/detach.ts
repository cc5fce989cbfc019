/** `xdpkit detach IFACE`: takes programs away, whoever attached them. */
import type { Command } from "commander";
import { xdpkitError } from "../base/index.ts";
import type { Detached, XdpMode } from "../kernel/index.ts";
import { addNamespaceOption } from "./netns-option.ts";

const MODES: readonly string[] = ["native", "generic", "offload"] satisfies readonly XdpMode[];

interface DetachCommandOptions {
  readonly mode?: string;
  readonly json?: boolean;
}

export function addDetachCommand(program: Command): void {
  const command = program
    .command("detach")
    .summary("take the programs of an interface away")
    .description("Takes XDP programs away from an interface; pins of their links are removed.")
    .argument("<interface>", "name of the interface")
    .option("--mode <mode>", "only the program in this mode: native, generic or offload")
    .option("--json", "print the result as JSON");
  addNamespaceOption(command).action(detach);
}

async function detach(target: string, { mode, json }: DetachCommandOptions): Promise<void> {
  if (mode !== undefined && !MODES.includes(mode))
    throw xdpkitError("CLI_USAGE", { problem: `--mode is one of ${MODES.join(", ")}, not ${mode}` });
  const { detachXdp } = await import("../kernel/index.ts");
  const detached = detachXdp({ interface: target, ...(mode === undefined ? {} : { mode: mode as XdpMode }) });
  const rows = detached.map(toJson);
  process.stdout.write(json ? `${JSON.stringify(rows, null, 2)}\n` : detached.map(print).join(""));
}

const toJson = ({ interface: { name, index }, mode, via, links, programId, program, removedPins }: Detached) => ({
  interface: name,
  index,
  mode,
  via,
  ...(via === "link" ? { link: links[0]!.id, removedPins } : {}),
  program: { id: programId, name: program?.name ?? "" },
});

function print({ interface: { name }, mode, via, links, programId, program, removedPins }: Detached): string {
  const by = via === "link" ? `by link ${links[0]!.id}` : "by netlink";
  const pins = removedPins.map((path) => `  removed its pin ${path}\n`).join("");
  return `detached program ${programId} ${program?.name ?? ""} from ${name}: ${mode} mode, ${by}\n${pins}`;
}
