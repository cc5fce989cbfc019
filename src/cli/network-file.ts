/** The network file (docs/network-file.md): YAML or JSON. The machine checks what stands in it. */
import { isMap, LineCounter, parseDocument } from "yaml";
import { xdpkitError } from "../base/index.ts";
import type { NetworkConfig } from "../vm/index.ts";
import { readText } from "./files.ts";

/** @throws XdpkitError CLI_FILE, CLI_YAML at the line and column */
export async function readNetworkFile(file: string): Promise<NetworkConfig> {
  const text = await readText(file);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: "error" });
  const problem = document.errors[0];
  if (problem) {
    const { line, col } = lines.linePos(problem.pos[0]);
    throw xdpkitError("CLI_YAML", { problem: problem.message }, { at: { kind: "source", file, line, column: col } });
  }
  if (!isMap(document.contents)) {
    const empty = "the file holds no interfaces, routes or neighbours";
    throw xdpkitError("CLI_YAML", { problem: empty }, { at: { kind: "file", file } });
  }
  try {
    // Lists without entries are null in YAML.
    const config = document.toJS() as Record<string, unknown>;
    return Object.fromEntries(Object.entries(config).filter(([, rows]) => rows !== null)) as NetworkConfig;
  } catch (cause) {
    // Aliases: without anchor, or so many that they would fill the memory.
    throw xdpkitError("CLI_YAML", { problem: (cause as Error).message }, { at: { kind: "file", file }, cause });
  }
}
