/** What a run gives. */
import type { XdpActionName } from "../uapi/index.ts";
import type { Redirect } from "./redirect.ts";

/** What became of a packet. */
export interface Verdict {
  /** The program's result: 0 to 4 (`XdpAction`), or a number that the kernel treats as XDP_ABORTED. */
  readonly action: number;
  /** The name of what the kernel does: XDP_ABORTED for an unknown action. */
  readonly name: XdpActionName;
  /** The packet as the program left it. */
  readonly packet: Uint8Array;
  /** Bytes before the packet that the program made room for (`bpf_xdp_adjust_meta`). */
  readonly metadata: Uint8Array;
  /** Where XDP_REDIRECT goes, or why it fails. */
  readonly redirect?: Redirect;
  /** Instructions executed, those of devmap and cpumap programs included. */
  readonly instructions: number;
}
