/** What a data plane's process is given, and what it leaves for the next one. */
import { readFileSync } from "node:fs";
import { Srv6Error } from "../control/error.ts";
import type { Numbering } from "../control/numbering.ts";
import type { UserPlaneOptions } from "../control/user-plane.ts";
import { instanceOf, stateOf, type Where } from "./client.ts";

export interface ServeOptions extends Where {
  readonly pinPath?: string;
  readonly mode?: UserPlaneOptions["mode"];
  /** Takes the place of programs that others have attached. */
  readonly replace?: boolean;
}

/** What outlives the process. */
export interface State {
  readonly numbers: Numbering;
  readonly interfaces: readonly string[];
  readonly pinPath: string;
}

export const pinPathOf = (options: ServeOptions): string => options.pinPath ?? `/sys/fs/bpf/${instanceOf(options)}`;

export function readState(where: Where): State | undefined {
  try {
    return JSON.parse(readFileSync(stateOf(where), "utf8")) as State;
  } catch {
    return undefined;
  }
}

export function readFile(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    const { code = "" } = cause as NodeJS.ErrnoException;
    throw new Srv6Error("SRV6_FILE", `cannot read the file (${code})`, {
      at: { kind: "file", file },
      hint: "check the name and the permissions",
      cause,
    });
  }
}
