/** `xdpkit map export|import`: entries of a map as a JSON file, in batches both ways, however many there are. */
import { XdpkitError, xdpkitError } from "../base/index.ts";
import { inFile, OutputFile, openInput } from "./files.ts";
import { readJsonList } from "./json-list.ts";
import { checkDump, requireSettable } from "./map-entries.ts";
import { type MapOptions, openMap } from "./map-place.ts";
import { entriesAsJson } from "./map-print.ts";

/** Entries that are read before they are set. */
const SET_BATCH = 16_384;

export async function exportMap(place: string, file: string, options: MapOptions): Promise<void> {
  using open = await openMap(place, options);
  checkDump(open);
  if (file === "-") {
    for (const piece of entriesAsJson(open.access)) process.stdout.write(piece);
    return;
  }
  const output = await OutputFile.open(file, "-");
  const encoder = new TextEncoder();
  try {
    for (const piece of entriesAsJson(open.access)) {
      output.write(encoder.encode(piece));
      if (output.full) await output.flush();
    }
    await output.finish();
  } catch (error) {
    await output.discard();
    throw error;
  }
}

export async function importMap(
  place: string,
  file: string,
  options: MapOptions & { readonly json?: boolean },
): Promise<void> {
  using open = await openMap(place, options);
  requireSettable(open);
  const { chunks } = await openInput(file);
  let done = 0;
  let batch: [unknown, unknown][] = [];
  const flush = (): void => {
    const first = done;
    done += batch.length;
    const entries = batch;
    batch = [];
    atEntry(first, () => open.access.setAll(entries));
  };
  await inFile(file, async () => {
    for await (const entry of readJsonList(chunks)) {
      batch.push(pairOf(entry, done + batch.length));
      if (batch.length === SET_BATCH) flush();
    }
    flush();
  });
  process.stdout.write(options.json ? `${JSON.stringify({ entries: done })}\n` : `${done} entries\n`);
}

function pairOf(entry: unknown, index: number): [unknown, unknown] {
  const { key, value } = (typeof entry === "object" && entry !== null ? entry : {}) as Record<string, unknown>;
  if (key !== undefined && value !== undefined) return [key, value];
  const problem = `the entry has no "${key === undefined ? "key" : "value"}"`;
  throw xdpkitError("CLI_MAP_FILE", { problem }, { at: { kind: "path", path: `$[${index}]` } });
}

/** An error's `$[3].key` in a batch as the place in the whole file. */
function atEntry(first: number, body: () => void): void {
  try {
    body();
  } catch (error) {
    if (!(error instanceof XdpkitError) || error.at?.kind !== "path") throw error;
    const path = error.at.path.replace(/^\$\[(\d+)\]/, (_, index: string) => `$[${first + Number(index)}]`);
    throw new XdpkitError(error.code, error.problem, {
      at: { kind: "path", path },
      hint: error.hint,
      cause: error.cause,
    });
  }
}
