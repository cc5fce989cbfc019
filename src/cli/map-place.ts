/** The MAP argument: a pinned path, `id:42`, or a name; and the map behind it, with how to read its entries. */
import { xdpkitError } from "../base/index.ts";
import { type Btf, resolve } from "../btf/index.ts";
import { EntryAccess, foreignCodecs, type KernelMap, mapIds, openMapById, openPinnedMap } from "../kernel/index.ts";
import { type EntryCodecs, entryCodecs } from "../object/index.ts";
import { handlesOf } from "./module-handles.ts";
import { readProgramFile } from "./program-file.ts";

export interface MapOptions {
  readonly module?: string;
}

export interface OpenMap extends Disposable {
  readonly map: KernelMap;
  readonly codecs: EntryCodecs;
  readonly access: EntryAccess<unknown, unknown>;
  /** Of the map, when it has types: without them its entries are bytes. */
  readonly btf?: Btf;
  /** True when keys and values have names: by BTF, or by a module. */
  readonly isTyped: boolean;
}

/** @throws XdpkitError CLI_NO_MAP, CLI_SEVERAL_MAPS, KERNEL_PIN, KERNEL_NOT_A_MAP, KERNEL_CALL */
export async function openMap(place: string, { module }: MapOptions): Promise<OpenMap> {
  const map = findMap(place);
  try {
    const { btf, ...own } = foreignCodecs(map);
    const codecs = module === undefined ? own : await moduleCodecs(map, module, btf);
    const access = new EntryAccess<unknown, unknown>(map, codecs);
    const isTyped = module !== undefined || (btf !== undefined && map.definition.valueType !== undefined);
    return { map, codecs, access, isTyped, ...(btf ? { btf } : {}), [Symbol.dispose]: () => map[Symbol.dispose]() };
  } catch (error) {
    map[Symbol.dispose]();
    throw error;
  }
}

/** Those of the map of that name in a module. */
async function moduleCodecs(map: KernelMap, file: string, btf: Btf | undefined): Promise<EntryCodecs> {
  const { names } = await readProgramFile(file);
  const { codecs } = handlesOf(names);
  const { name } = map.definition;
  const found = [...codecs].find(([known]) => known.slice(0, 15) === name)?.[1];
  if (!found) throw xdpkitError("VM_UNKNOWN_MAP", { name, known: [...codecs.keys()] }, { at: { kind: "file", file } });
  return entryCodecs(btf, map.definition, found);
}

export function findMap(place: string): KernelMap {
  const id = /^id:(\d+)$/.exec(place)?.[1];
  if (id !== undefined) return openMapById(Number(id)) ?? missing(`of the id ${id}`);
  if (place.includes("/")) return openPinnedMap(place) ?? missing(`pinned at ${place}`);
  return findByName(place);
}

/** The kernel keeps 15 characters of a name. */
function findByName(name: string): KernelMap {
  const found: { readonly id: number; readonly map: KernelMap }[] = [];
  for (const id of mapIds()) {
    const map = openMapById(id);
    if (map?.definition.name === name.slice(0, 15)) found.push({ id, map });
    else map?.[Symbol.dispose]();
  }
  const [one, ...others] = found;
  if (one && others.length === 0) return one.map;
  for (const { map } of found) map[Symbol.dispose]();
  if (!one) return missing(`called ${name}`);
  throw xdpkitError("CLI_SEVERAL_MAPS", { name, ids: found.map(({ id }) => id) });
}

function missing(what: string): never {
  throw xdpkitError("CLI_NO_MAP", { what });
}

/** True for global data: its value is a section of variables. */
export function isGlobalData({ map: { definition }, btf }: OpenMap): boolean {
  return (
    btf !== undefined && definition.valueType !== undefined && resolve(btf, definition.valueType).kind === "section"
  );
}

/** A word of the command line as a value: JSON where it is some, else text. Long integers stay text, in full. */
export function readWord(word: string): unknown {
  if (/^-?\d+$/.test(word) && !Number.isSafeInteger(Number(word))) return word;
  try {
    return JSON.parse(word);
  } catch {
    return word;
  }
}
