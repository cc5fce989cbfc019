/** Errors at the edge: one line with code, place, message and hint. */
import { printLocation, type XdpkitError } from "../base/index.ts";

/** `error CODE at PLACE: problem (hint)`, on one line. */
export function printError(error: XdpkitError): string {
  const place = error.at ? ` at ${printLocation(error.at)}` : "";
  const hint = error.hint ? ` (${error.hint})` : "";
  return `error ${error.code}${place}: ${error.problem}${hint}`.replace(/\s*\n\s*/g, " ");
}

/** As JSON prints it: the same fields, nothing lost. A cause that is text is the verifier's log. */
export function errorToJson(error: XdpkitError): Record<string, unknown> {
  const { code, problem, at, hint, cause } = error;
  return {
    code,
    message: problem,
    ...(at ? { at, place: printLocation(at) } : {}),
    ...(hint ? { hint } : {}),
    ...(typeof cause === "string" ? { log: cause } : {}),
  };
}
