/** `xdpkit attach`: puts a program on an interface, so that it stays when the command has ended. */
import { xdpkitError } from "../base/index.ts";
import {
  attachXdp,
  findInterface,
  listAttachments,
  type NetworkInterface,
  programInfo,
  type XdpLink,
  type XdpMode,
} from "../kernel/index.ts";
import type { FillOptions } from "./kernel-fill.ts";
import { openKernelProgram } from "./kernel-program.ts";
import { errorToJson } from "./print-error.ts";
import type { VerifierLogOption } from "./verifier-log.ts";

const MODES: Readonly<Record<string, readonly XdpMode[]>> = {
  native: ["native"],
  generic: ["generic"],
  offload: ["offload"],
  "native-or-generic": ["native", "generic"],
};

export interface AttachCommandOptions extends VerifierLogOption, FillOptions {
  readonly program?: string;
  readonly pinMaps?: string;
  readonly mode: string;
  readonly via?: string;
  readonly pin?: string;
  readonly replace?: boolean;
  readonly json?: boolean;
}

export async function attach(argument: string, target: string, options: AttachCommandOptions): Promise<void> {
  const mode = MODES[options.mode];
  if (!mode) throw usage(`--mode is one of ${Object.keys(MODES).join(", ")}, not ${options.mode}`);
  const found = findInterface(target);
  const { pin: path, replace = false } = options;
  const via = chosenWay(options, replace && isHeldByLink(found));
  using opened = await openKernelProgram(argument, options);
  const link = attachXdp(opened.program, { interface: found.index, mode, via, replace, pin: path });
  const { id, name } = programInfo(opened.program);
  const result = {
    interface: found.name,
    index: found.index,
    mode: link.mode,
    via,
    ...(link.via === "link" ? { link: link.info().id } : {}),
    ...(path === undefined ? {} : { pin: path }),
    program: { id, name },
    refused: link.refused.map(errorToJson),
  };
  link[Symbol.dispose]();
  process.stdout.write(options.json ? `${JSON.stringify(result, null, 2)}\n` : print(result, link));
}

const usage = (problem: string) => xdpkitError("CLI_USAGE", { problem });

/** With --replace, what a link holds stays a link: its holder keeps it. */
function chosenWay({ via, pin }: AttachCommandOptions, takesOver: boolean): "link" | "netlink" {
  if (via !== undefined && via !== "link" && via !== "netlink") throw usage(`--via is link or netlink, not ${via}`);
  if (via === "netlink" && pin !== undefined) throw usage("--pin is for --via link: netlink has nothing to pin");
  if (via === "link" && pin === undefined && !takesOver)
    throw usage("a link ends with the command that made it: add --pin PATH, or attach with --via netlink");
  return via ?? (pin !== undefined || takesOver ? "link" : "netlink");
}

const isHeldByLink = (target: NetworkInterface): boolean => listAttachments([target]).some(({ via }) => via === "link");

interface Result {
  readonly interface: string;
  readonly mode: XdpMode;
  readonly link?: number;
  readonly pin?: string;
  readonly program: { readonly id: number; readonly name: string };
}

function print({ interface: target, mode, link, pin, program }: Result, { refused }: XdpLink): string {
  const by = link === undefined ? "by netlink" : `by link ${link}${pin === undefined ? "" : `, pinned at ${pin}`}`;
  const why = refused.map(({ problem, hint }) => `  ${problem}\n${hint ? `  ${hint}\n` : ""}`).join("");
  return `attached program ${program.id} ${program.name} to ${target} in ${mode} mode, ${by}\n${why}`;
}
