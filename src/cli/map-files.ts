/**
 * `--map NAME=FILE`: entries for maps, first values for global variables.
 *
 * Every file is read and checked for its form before anything is created; values are checked where they are put.
 */
import { inEntry, xdpkitError } from "../base/index.ts";
import { type BpfMap, type BpfObject, setGlobals } from "../object/index.ts";
import { readJson } from "./data-files.ts";
import { inFile } from "./files.ts";

export interface MapEntry {
  readonly key?: unknown;
  readonly value: unknown;
}

/** A `--map name=file`, its file read. */
export interface MapContent {
  readonly name: string;
  readonly file: string;
  readonly data: unknown;
}

/** @throws XdpkitError CLI_MAP_OPTION, VM_UNKNOWN_MAP, CLI_FILE, CLI_JSON */
export function readMaps(object: BpfObject, file: string, options: readonly string[]): Promise<MapContent[]> {
  return Promise.all(
    options.map(async (text) => {
      const at = text.indexOf("=");
      if (at < 1 || at === text.length - 1) throw xdpkitError("CLI_MAP_OPTION", { text });
      const name = text.slice(0, at);
      checkMap(object, file, name);
      const source = text.slice(at + 1);
      return { name, file: source, data: await readJson(source) };
    }),
  );
}

export function checkMap({ maps }: BpfObject, file: string, name: string): BpfMap {
  const found = maps.find((map) => map.name === name);
  const known = maps.map((map) => map.name);
  if (!found) throw xdpkitError("VM_UNKNOWN_MAP", { name, known }, { at: { kind: "file", file } });
  return found;
}

export const isGlobalData = ({ maps }: BpfObject, name: string): boolean =>
  maps.some((map) => map.name === name && map.data !== undefined);

/** Global variables stand in the object before it is loaded: `.rodata` cannot be written afterwards. */
export async function withGlobals(object: BpfObject, contents: readonly MapContent[]): Promise<BpfObject> {
  let changed = object;
  for (const { name, file, data } of contents) {
    if (!isGlobalData(object, name)) continue;
    const { path, values } = globalsOf(file, data);
    changed = await inFile(file, () => setGlobals(changed, name, values, path));
  }
  return changed;
}

function mapFileError(file: string, path: string, problem: string) {
  return xdpkitError("CLI_MAP_FILE", { problem }, { at: { kind: "path", file, path } });
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The entries that a map file holds. @throws XdpkitError CLI_MAP_FILE */
export function mapEntries(file: string, data: unknown): MapEntry[] {
  if (!Array.isArray(data)) throw mapFileError(file, "$", "the file holds no list");
  return data.map((entry: unknown, index) => {
    if (isRecord(entry) && "value" in entry) return entry as unknown as MapEntry;
    throw mapFileError(file, `$[${index}]`, 'the entry has no "value"');
  });
}

/** Runs `put` for each entry; an error says which entry it was: `$[3].key.port`. */
export function forEachEntry(entries: readonly MapEntry[], put: (entry: MapEntry) => void): void {
  entries.forEach((entry, index) => {
    try {
      put(entry);
    } catch (error) {
      throw inEntry(error, index);
    }
  });
}

/** Global variables by name: `{"port": 53}`, or as `--dump` prints them, `[{"key": 0, "value": {"port": 53}}]`. */
function globalsOf(file: string, data: unknown): { readonly path: string; readonly values: Record<string, unknown> } {
  if (isRecord(data)) return { path: "$", values: data };
  const [entry, ...rest] = mapEntries(file, data);
  if (entry && rest.length === 0 && isRecord(entry.value)) return { path: "$[0].value", values: entry.value };
  throw mapFileError(file, "$", "the file does not hold one set of global variables");
}
