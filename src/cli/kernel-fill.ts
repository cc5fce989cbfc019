/**
 * Entries of files into maps of the kernel, by the names that the object has: `--map NAME=FILE`, and the fill file beside it.
 *
 * Invariant: every entry is encoded before the first is written, so that a wrong file changes nothing.
 */
import { locate, XdpkitError, xdpkitError } from "../base/index.ts";
import { EntryAccess, type KernelMap, type Loaded, QueueAccess, targetCodec } from "../kernel/index.ts";
import type { MapCodecs } from "../lang/index.ts";
import { type BpfObject, type EntryCodecs, entryCodecs } from "../object/index.ts";
import { MapType } from "../uapi/index.ts";
import {
  forEachEntry,
  isGlobalData,
  type MapContent,
  type MapEntry,
  mapEntries,
  readMaps,
  withGlobals,
} from "./map-files.ts";
import { handlesOf } from "./module-handles.ts";
import type { ProgramFile } from "./program-file.ts";

/** What was loaded: maps and programs by their names. */
export interface FillTarget {
  readonly object: BpfObject;
  /** @throws XdpkitError KERNEL_UNKNOWN_MAP */
  kernelMap(name: string): KernelMap;
  /** @throws XdpkitError OBJECT_NO_PROGRAM */
  program(name: string): { readonly fd: number };
}

/** Those of a module's maps, in place of those that BTF gives. */
type Codecs = ReadonlyMap<string, MapCodecs>;

export function kernelCodecs(target: FillTarget, name: string, codecs: Codecs): EntryCodecs {
  const { definition } = target.kernelMap(name);
  const device = targetCodec(definition.type, definition.valueSize);
  return entryCodecs(target.object.btf, definition, { ...codecs.get(name), ...(device ? { value: device } : {}) });
}

/** Puts entries into a map. @throws XdpkitError with the path of the entry: `$[3].key.port` */
export function fillMap(target: FillTarget, name: string, entries: readonly MapEntry[], codecs: Codecs): void {
  const map = target.kernelMap(name);
  const known = kernelCodecs(target, name, codecs);
  const [access, queue] = [new EntryAccess<unknown, unknown>(map, known), new QueueAccess<unknown>(map, known)];
  forEachEntry(entries, ({ key, value }) => {
    if (map.definition.keySize === 0) queue.push(value);
    else access.set(key, resolvedValue(target, map, value));
  });
}

/** The files of `--map`; those of global data were put into the object before it was loaded. */
export function fillFromFiles(target: FillTarget, contents: readonly MapContent[], codecs: Codecs): void {
  const files = contents
    .filter(({ name }) => !isGlobalData(target.object, name))
    .map((content) => ({ ...content, entries: mapEntries(content.file, content.data) }));
  for (const { name, file, entries } of files) located(file, () => checkEntries(target, name, entries, codecs));
  for (const { name, file, entries } of files) located(file, () => fillMap(target, name, entries, codecs));
}

/** Encodes what would be written. */
function checkEntries(target: FillTarget, name: string, entries: readonly MapEntry[], codecs: Codecs): void {
  const map = target.kernelMap(name);
  const { key, value } = kernelCodecs(target, name, codecs);
  const isBytes = (one: unknown): boolean => one instanceof Uint8Array;
  forEachEntry(entries, (entry) => {
    if (map.definition.keySize > 0 && !isBytes(entry.key)) key.encode(entry.key, "$.key");
    const given = resolvedValue(target, map, entry.value);
    if (!isBytes(given) && !map.perCpu) value.encode(given, "$.value");
  });
}

function located(file: string, body: () => void): void {
  try {
    body();
  } catch (error) {
    throw error instanceof XdpkitError ? locate(error, { kind: "file", file }) : error;
  }
}

/** Programs and maps stand by name. */
function resolvedValue(target: FillTarget, { definition: { type } }: KernelMap, value: unknown): unknown {
  if (type === MapType.PROG_ARRAY) return target.program(String(value)).fd;
  if (type !== MapType.ARRAY_OF_MAPS && type !== MapType.HASH_OF_MAPS) return value;
  const { maps } = target.object;
  if (maps.some(({ name }) => name === value)) return target.kernelMap(String(value)).fd;
  throw xdpkitError("VM_UNKNOWN_MAP", { name: String(value), known: maps.map(({ name }) => name) });
}

export interface FillOptions {
  readonly map: readonly string[];
}

/**
 * Reads what `load` and `attach` fill maps with: the object with the global variables that were given, and what puts the
 * rest into the maps. Maps that were pinned already keep what they hold, but for what `--map` names.
 *
 * @throws XdpkitError CLI_MAP_OPTION, CLI_MAP_FILE, VM_UNKNOWN_MAP, CLI_FILE, CLI_JSON
 */
export async function prepareFill(
  { object, names, fills }: ProgramFile,
  file: string,
  options: FillOptions,
): Promise<{ readonly object: BpfObject; readonly fill: (loaded: Loaded) => void }> {
  const contents = await readMaps(object, file, options.map);
  const { codecs } = handlesOf(names);
  return {
    object: await withGlobals(object, contents),
    fill: (loaded) => {
      for (const { map, entries } of fills) if (!loaded.reused.has(map)) fillMap(loaded, map, entries, codecs);
      fillFromFiles(loaded, contents, codecs);
    },
  };
}
