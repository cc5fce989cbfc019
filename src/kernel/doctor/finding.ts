/** What the doctor finds: one sentence each, and the command that mends it. */
export interface Finding {
  /** Stable over releases: `jit`, `forwarding-ipv4`, `mtu`, … */
  readonly check: string;
  /** `problem`: something that XDP needs does not work; `warning`: something surprises, or lacks for some programs. */
  readonly level: "ok" | "warning" | "problem";
  /** One sentence. */
  readonly says: string;
  /** A command, or where there is none, what to do. */
  readonly mend?: string;
}

export const ok = (check: string, says: string): Finding => ({ check, level: "ok", says });
export const warning = (check: string, says: string, mend: string): Finding => ({
  check,
  level: "warning",
  says,
  mend,
});
export const problem = (check: string, says: string, mend: string): Finding => ({
  check,
  level: "problem",
  says,
  mend,
});
