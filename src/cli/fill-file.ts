/**
 * The fill file beside an object (src/object/fill.ts): written by `build`, taken by `run`, `load` and `attach`.
 *
 * `guard.o` has `guard.fill`, any other name has `.fill` behind it.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { basename } from "node:path";
import { entriesOf } from "../lang/index.ts";
import { type BpfObject, type MapFill, parseFill, printFill } from "../object/index.ts";
import { fileError, OutputFile, readText } from "./files.ts";

const digestOf = (object: Uint8Array): string => createHash("sha256").update(object).digest("hex");

export const fillFileOf = (object: string): string => `${object.replace(/\.o$/, "")}.fill`;

/** How many entries of which map stand in it. */
export interface WrittenFill {
  readonly file: string;
  readonly entries: Readonly<Record<string, number>>;
}

/**
 * Writes the entries of a module's maps beside its object; removes those of an earlier build when there are none.
 *
 * @throws XdpkitError CLI_FILE, LANG_MAP_OPTION
 */
export async function writeFill(
  object: { readonly file: string; readonly bytes: Uint8Array },
  names: ReadonlyMap<object, string>,
  module: string,
): Promise<WrittenFill | undefined> {
  const fills = entriesOf(names);
  const file = fillFileOf(object.file);
  if (fills.length === 0) return removeOld(file);
  const text = printFill(fills, { object: basename(object.file), digest: digestOf(object.bytes) });
  const output = await OutputFile.open(file, module);
  output.write(new TextEncoder().encode(text));
  await output.finish();
  return { file, entries: Object.fromEntries(fills.map(({ map, entries }) => [map, entries.length])) };
}

/** Only what `build` wrote. */
async function removeOld(file: string): Promise<undefined> {
  if (!existsSync(file) || !(await readText(file)).startsWith("# fill of ")) return;
  try {
    await rm(file);
  } catch (cause) {
    throw fileError("write", file, cause);
  }
}

/** The entries beside an object; none where it has no fill file. @throws XdpkitError OBJECT_FILL, OBJECT_FILL_STALE */
export async function readFill(file: string, bytes: Uint8Array, { maps }: BpfObject): Promise<readonly MapFill[]> {
  const fill = fillFileOf(file);
  if (!existsSync(fill)) return [];
  const names = maps.map(({ name }) => name);
  return parseFill(await readText(fill), { file: fill, maps: names, digest: digestOf(bytes) });
}
