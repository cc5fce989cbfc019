/** Errors at the edge: one line with code, place, message and hint. */
import { printLocation, type XdpkitError } from "../base/index.ts";

/** `error CODE at PLACE: message (hint)`, on one line. */
export function printError(error: XdpkitError): string {
  const place = error.at ? ` at ${printLocation(error.at)}` : "";
  const hint = error.hint ? ` (${error.hint})` : "";
  return `error ${error.code}${place}: ${error.message}${hint}`.replace(/\s*\n\s*/g, " ");
}

/** The source line of an error with a caret below the column; "" when the error has none. */
export function printCaret(error: XdpkitError): string {
  const at = error.at?.kind === "instruction" ? error.at.source : error.at;
  if (at?.kind !== "source" || at.text === undefined) return "";
  const gutter = `  ${at.line} | `;
  if (at.column === 0) return `${gutter}${at.text}\n`;
  const indent = at.text.slice(0, Math.max(0, at.column - 1)).replace(/[^\t]/g, " ");
  return `${gutter}${at.text}\n${" ".repeat(gutter.length)}${indent}^\n`;
}

/** As JSON prints it: the same fields, nothing lost. A cause that is text is the verifier's log. */
export function errorToJson(error: XdpkitError): Record<string, unknown> {
  const { code, message, at, hint, cause } = error;
  return {
    code,
    message,
    ...(at ? { at, place: printLocation(at) } : {}),
    ...(hint ? { hint } : {}),
    ...(typeof cause === "string" ? { log: cause } : {}),
  };
}
