/** Programs: `export const end = xdp((ctx) => …)`. A program handle is data: options and the function to compile. */

import { XdpAction as ACTIONS } from "../uapi/index.ts";
import type { DevMapContext, XdpContext } from "./context.ts";
import { kernelName } from "./names.ts";

declare const kind: unique symbol;
/** In the global registry, so that copies of the package know one another's programs. */
const BRAND = Symbol.for("xdpkit.program");

/** What an XDP program answers (enum xdp_action, include/uapi/linux/bpf.h). */
export type XdpAction = 0 | 1 | 2 | 3 | 4;

/** Each member has the type XdpAction, so that `let action = XdpAction.Pass` may be assigned another later. */
export const XdpAction: {
  /** An error in the program: the packet is dropped, and the xdp:xdp_exception tracepoint fires. */
  readonly Aborted: XdpAction;
  readonly Drop: XdpAction;
  /** To the kernel's network stack. */
  readonly Pass: XdpAction;
  /** Back out of the interface that it came in by. */
  readonly Tx: XdpAction;
  /** Where the last redirect helper said. */
  readonly Redirect: XdpAction;
} = Object.freeze(ACTIONS);

/** Name, license, oldest kernel and what the program can take. */
export interface ProgramOptions {
  /** At most 15 characters; the name of the exported constant when absent. */
  readonly name?: string;
  /** Oldest kernel that must load it, such as "5.4": newer features become errors. */
  readonly target?: string;
  /** Accept multi-buffer packets (`xdp.frags`, kernel 5.18). */
  readonly fragments?: boolean;
  /** Bind it to one interface when it is loaded: hardware hints (`ctx.rxHash()`) are null otherwise. Kernel 6.3. */
  readonly deviceBound?: boolean;
  /** Default "Dual MIT/GPL". */
  readonly license?: string;
}

/** Section of the object, as libbpf knows it. */
export type ProgramSection = "xdp" | "xdp/devmap" | "xdp/cpumap";

/** What `xdp()` and its kin return. */
class Program<Section extends ProgramSection> {
  declare readonly [kind]: Section;
  readonly [BRAND] = true;
  readonly section: Section;
  readonly options: ProgramOptions;
  /** The function to compile. */
  readonly body: (ctx: never) => XdpAction;

  constructor(section: Section, body: (ctx: never) => XdpAction, options: ProgramOptions) {
    this.section = section;
    this.body = body;
    this.options = Object.freeze({ ...options });
  }

  /** The name in the kernel: the option's, else that of the constant that holds the program. */
  get name(): string {
    return kernelName(this, this.options.name);
  }
}

/** What runs for packets that arrive: made by `xdp()`. */
export type XdpProgram = Program<"xdp">;
/** What runs for packets that leave by a device map: made by `devMapProgram()`. */
export type DevMapProgram = Program<"xdp/devmap">;
/** What runs for packets that a CPU map brought to a processor: made by `cpuMapProgram()`. */
export type CpuMapProgram = Program<"xdp/cpumap">;

/** An XDP program. */
export function xdp(program: (ctx: XdpContext) => XdpAction, options: ProgramOptions = {}): XdpProgram {
  return new Program("xdp", program, options);
}

/** Runs on the packets that a DevMap sends, before they leave. Kernel 5.8. */
export function devMapProgram(program: (ctx: DevMapContext) => XdpAction, options: ProgramOptions = {}): DevMapProgram {
  return new Program("xdp/devmap", program, options);
}

/** Runs on the packets that a CpuMap delivers. Kernel 5.9. */
export function cpuMapProgram(program: (ctx: XdpContext) => XdpAction, options: ProgramOptions = {}): CpuMapProgram {
  return new Program("xdp/cpumap", program, options);
}

/** A program of another copy of the package, whose functions this copy does not know. */
export const isForeignProgram = (value: unknown): boolean =>
  typeof value === "object" && value !== null && BRAND in value && !isProgram(value);

/** Whether a value was made by `xdp()`, `devMapProgram()` or `cpuMapProgram()`. */
export const isProgram = (value: unknown): value is Program<ProgramSection> => value instanceof Program;
