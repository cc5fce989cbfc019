/** JSON files with places in their errors, and values as JSON. */
import { printHex, xdpkitError } from "../base/index.ts";
import { readText } from "./files.ts";

/** @throws XdpkitError CLI_FILE, CLI_JSON at the line and column */
export async function readJson(file: string): Promise<unknown> {
  const text = await readText(file);
  try {
    return JSON.parse(text);
  } catch (cause) {
    const { message } = cause as Error;
    const position = Number(/position (\d+)/.exec(message)?.[1] ?? (/end of JSON/.test(message) ? text.length : 0));
    const before = text.slice(0, position).split("\n");
    const at = { kind: "source", file, line: before.length, column: before.at(-1)!.length + 1 } as const;
    throw xdpkitError("CLI_JSON", { problem: message.replace(/ in JSON at position.*/, "") }, { at });
  }
}

/** Values for JSON: bigints as numbers while they are exact, bytes as hexadecimal text. */
export function toJsonValue(value: unknown): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  if (value instanceof Uint8Array) return printHex(value);
  if (Array.isArray(value)) return value.map(toJsonValue);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, toJsonValue(one)]));
}
