/** What ends a command with exit status 1: the compiler or the verifier says no, for one reason or several. */
import { type ErrorCode, printErrorText, type XdpkitError } from "../base/index.ts";
import { errorToJson } from "./print-error.ts";

export class Refusal extends Error {
  readonly diagnostics: readonly XdpkitError[];
  /** A line below them: where more is written. */
  readonly note: string | undefined;

  constructor(diagnostics: readonly XdpkitError[], note?: string) {
    super(`${diagnostics.length} diagnostics`);
    this.diagnostics = diagnostics;
    this.note = note;
  }
}

/** The kernel's "no" to what was asked properly. */
const REFUSALS: readonly ErrorCode[] = [
  "KERNEL_REFUSED",
  "KERNEL_ATTACH",
  "KERNEL_OCCUPIED",
  "KERNEL_NOT_ATTACHED",
  "KERNEL_PROGRAM_TYPE",
  "KERNEL_UNEXPECTED_PROGRAM",
  "KERNEL_INTERFACE_GONE",
  "KERNEL_PIN_LAYOUT",
];

/** 1 for "no", 2 for what cannot be asked. */
export const exitStatusOf = ({ code }: XdpkitError): number => (REFUSALS.includes(code) ? 1 : 2);

/** All diagnostics, and the note below them. */
export const printRefusal = ({ diagnostics, note }: Refusal): string =>
  [
    ...diagnostics.map((error) => `xdpkit: ${printErrorText(error)}\n`),
    ...(note === undefined ? [] : [`  ${note}\n`]),
  ].join("");

/** For `--json`: the first as every error is given, and all of them in a list. */
export const refusalToJson = ({ diagnostics }: Refusal): Record<string, unknown> => ({
  error: errorToJson(diagnostics[0]!),
  diagnostics: diagnostics.map(errorToJson),
});
