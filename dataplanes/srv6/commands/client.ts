/** Where a running data plane listens, and how it is asked: one line of JSON each way over a socket. */
import { connect } from "node:net";
import { basename, join } from "node:path";
import { Srv6Error } from "../control/error.ts";

export interface Where {
  /** A network namespace by name or path. */
  readonly netns?: string;
  /** Folder of the socket and the state. Default /run/xdpkit. */
  readonly run?: string;
}

/** `srv6`, or of a namespace `srv6-NAME`. */
export const instanceOf = ({ netns }: Where): string => (netns === undefined ? "srv6" : `srv6-${basename(netns)}`);
export const runFolder = ({ run = "/run/xdpkit" }: Where): string => run;
export const socketOf = (where: Where): string => join(runFolder(where), `${instanceOf(where)}.sock`);
export const stateOf = (where: Where): string => join(runFolder(where), `${instanceOf(where)}.json`);

/** What a process in the background prints. */
export const logOf = (where: Where): string => join(runFolder(where), `${instanceOf(where)}.log`);

export type Request =
  | { readonly command: "status" | "stats" | "sessions" | "down" }
  | { readonly command: "drops"; readonly since: number }
  | { readonly command: "reload"; readonly file?: string; readonly text?: string }
  | {
      readonly command: "add";
      readonly sessions: readonly (readonly [address: string, teid: number, policy: string])[];
    }
  | { readonly command: "delete"; readonly address: string; readonly teid: number };

interface Failure {
  readonly code: string;
  readonly message: string;
  readonly at?: Srv6Error["at"];
  readonly hint?: string;
}
export type Answer = { readonly result: unknown } | { readonly error: Failure };

/** @throws Srv6Error SRV6_NOT_RUNNING, and whatever the data plane refuses with */
export async function ask(where: Where, request: Request): Promise<unknown> {
  const socket = connect(socketOf(where));
  const text = await new Promise<string>((resolve, reject) => {
    let received = "";
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => {
      received += chunk;
    });
    socket.on("end", () => resolve(received));
    socket.on("error", reject);
    socket.end(`${JSON.stringify(request)}\n`);
  }).catch((cause: NodeJS.ErrnoException) => {
    const hint = cause.code === "EACCES" ? "ask as root" : "start it: xdpkit srv6 up FILE";
    throw new Srv6Error("SRV6_NOT_RUNNING", `no data plane listens at ${socketOf(where)} (${cause.code})`, {
      hint,
      cause,
    });
  });
  const answer = JSON.parse(text) as Answer;
  if ("result" in answer) return answer.result;
  const { code, message, at, hint } = answer.error;
  throw new Srv6Error(code as Srv6Error["code"], message, {
    ...(at ? { at } : {}),
    ...(hint === undefined ? {} : { hint }),
  });
}

export async function isRunning(where: Where): Promise<boolean> {
  try {
    await ask(where, { command: "status" });
    return true;
  } catch {
    return false;
  }
}

/** @throws Srv6Error SRV6_RUNNING */
export async function requireNotRunning(where: Where): Promise<void> {
  if (!(await isRunning(where))) return;
  throw new Srv6Error("SRV6_RUNNING", `a data plane runs here already, at ${socketOf(where)}`, {
    hint: "xdpkit srv6 reload, or down",
  });
}
