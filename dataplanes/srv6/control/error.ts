/** Errors of this data plane: a code, a place, a hint, as those of xdpkit. */

export type Srv6ErrorCode =
  | "SRV6_YAML"
  | "SRV6_CONFIG"
  | "SRV6_FILE"
  | "SRV6_RUNNING"
  | "SRV6_NOT_RUNNING"
  | "SRV6_SESSION"
  /** The table of sessions is as large as it can be. */
  | "SRV6_FULL";

export interface Place {
  readonly kind: "source";
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The whole line, for a caret. */
  readonly text?: string;
}

export class Srv6Error extends Error {
  override readonly name = "XdpkitError";
  readonly code: Srv6ErrorCode;
  readonly at?: Place | { readonly kind: "file"; readonly file: string };
  readonly hint?: string;

  constructor(
    code: Srv6ErrorCode,
    message: string,
    context: { at?: Srv6Error["at"]; hint?: string; cause?: unknown } = {},
  ) {
    super(message, context.cause === undefined ? undefined : { cause: context.cause });
    this.code = code;
    if (context.at) this.at = context.at;
    if (context.hint !== undefined) this.hint = context.hint;
  }
}
