/** Errors of this data plane: those of xdpkit with codes of its own. */
import { XdpkitError } from "xdpkit/errors";

export type Srv6ErrorCode =
  | "SRV6_YAML"
  | "SRV6_CONFIG"
  | "SRV6_FILE"
  | "SRV6_RUNNING"
  | "SRV6_NOT_RUNNING"
  | "SRV6_SESSION"
  /** The table of sessions is as large as it can be. */
  | "SRV6_FULL";

export class Srv6Error extends XdpkitError<Srv6ErrorCode> {}
