/** Entries of a map that has had another layout, carried over: what `load` does when the pin no longer fits. */
import { xdpkitError } from "../base/index.ts";
import { type MapAccess, type MapHandle, mapCodecs, type Schema, type Shared } from "../lang/index.ts";
import { type EntryCodecs, entryCodecs } from "../object/index.ts";
import { EntryAccess } from "./map-access.ts";
import type { KernelMap } from "./maps.ts";

/** How the entries of a pinned map become those of the map that takes its place. */
export interface Migration {
  /** Handle of the map in the new module. */
  readonly map: MapHandle;
  /** Schemas that the module had when the map was pinned; a key that has none has not changed. */
  readonly from: { readonly key?: Schema<unknown>; readonly value: Schema<unknown> };
  /** Undefined leaves an entry out. */
  readonly entry: (key: unknown, value: unknown) => readonly [unknown, unknown] | undefined;
}

interface MigrationOptions<K, V, OldK, OldV> {
  readonly map: Shared<MapAccess<K, V>>;
  readonly from: { readonly key?: Schema<OldK>; readonly value: Schema<OldV> };
  readonly entry: (key: OldK, value: OldV) => readonly [K, V] | undefined;
}

/**
 * For `load(programs, { pinPath, migrations: [migration({ map, from, entry })] })`. It is asked for each entry when the
 * pinned map has another layout than `map`, and not at all when it fits. What running programs change in the old map
 * meanwhile is not carried over.
 */
export const migration = <K, V, OldK = K, OldV = V>(options: MigrationOptions<K, V, OldK, OldV>): Migration =>
  options as unknown as Migration;

/** Copies the entries. @throws XdpkitError KERNEL_PIN_LAYOUT when the old map is not of `from` either; as `setAll` */
export function migrate(
  old: KernelMap,
  target: EntryAccess<unknown, unknown>,
  migration: Migration,
  path: string,
): void {
  const source = new EntryAccess<unknown, unknown>(old, oldCodecs(old, migration, path));
  target.setAll(migrated(source, migration));
}

function* migrated(
  source: EntryAccess<unknown, unknown>,
  { entry }: Migration,
): Generator<readonly [unknown, unknown]> {
  for (const [key, value] of source.entries()) {
    const next = entry(key, value);
    if (next) yield next;
  }
}

function oldCodecs(old: KernelMap, { map, from }: Migration, path: string): EntryCodecs {
  const { key, value } = mapCodecs({ declaration: { ...map.declaration, ...from } }) as EntryCodecs;
  const { name, keySize, valueSize } = old.definition;
  if (key.size === keySize && value.size === valueSize) return entryCodecs(undefined, old.definition, { key, value });
  const difference = `its keys have ${keySize} bytes and its values ${valueSize}, where the migration has ${key.size} and ${value.size}`;
  throw xdpkitError("KERNEL_PIN_LAYOUT", { map: name, path, difference });
}
