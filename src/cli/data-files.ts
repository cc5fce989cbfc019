/** JSON and YAML files with places in their errors, and values as JSON. */
import { isMap, LineCounter, parseDocument } from "yaml";
import { printHex, xdpkitError } from "../base/index.ts";
import type { NetworkConfig } from "../vm/index.ts";
import { inFile, readText } from "./files.ts";

export interface MapEntry {
  readonly key?: unknown;
  readonly value: unknown;
}

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

/** The entries of a map file. @throws XdpkitError CLI_MAP_FILE */
export async function readMapFile(file: string): Promise<MapEntry[]> {
  const data = await readJson(file);
  if (!Array.isArray(data)) {
    throw xdpkitError("CLI_MAP_FILE", { problem: "the file holds no list" }, { at: { kind: "path", file, path: "$" } });
  }
  return data.map((entry: unknown, index) => {
    if (typeof entry === "object" && entry !== null && "value" in entry) return entry as MapEntry;
    const at = { kind: "path", file, path: `$[${index}]` } as const;
    throw xdpkitError("CLI_MAP_FILE", { problem: 'the entry has no "value"' }, { at });
  });
}

/** A network file, YAML or JSON. @throws XdpkitError CLI_YAML, VM_NETWORK when it is used */
export async function readNetworkFile(file: string): Promise<NetworkConfig> {
  const text = await readText(file);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const problem = document.errors[0];
  if (problem) {
    const { line, col } = lines.linePos(problem.pos[0]);
    throw xdpkitError("CLI_YAML", { problem: problem.message }, { at: { kind: "source", file, line, column: col } });
  }
  if (!isMap(document.contents)) {
    throw xdpkitError(
      "CLI_YAML",
      { problem: "the file holds no interfaces, routes or neighbours" },
      { at: { kind: "file", file } },
    );
  }
  return inFile(file, () => document.toJS() as NetworkConfig);
}

/** Values for JSON: bigints as numbers while they are exact, bytes as hexadecimal text. */
export function toJsonValue(value: unknown): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  if (value instanceof Uint8Array) return printHex(value);
  if (Array.isArray(value)) return value.map(toJsonValue);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, toJsonValue(one)]));
}
