/** A declaration as BPF_MAP_CREATE has it, and what of it no kernel takes, by the option that it came from. */
import { xdpkitError } from "../base/index.ts";
import { type Layout, layoutOf, type Schema } from "../schema/index.ts";
import {
  type MapFieldName,
  type MapRefusal,
  type MapShape,
  MapType,
  type MapTypeName,
  refusedFields,
  refusedMap,
} from "../uapi/index.ts";

/** What of a declaration BPF_MAP_CREATE is asked for. */
export interface DeclaredShape {
  readonly type: MapTypeName;
  readonly key?: Schema<unknown>;
  readonly value?: Schema<unknown>;
  /** Entries; bytes for ring buffers. */
  readonly maxEntries: number;
  /** BPF_F_*. */
  readonly flags: number;
  readonly name?: string;
  /** Number of hashes of a bloom filter, 1 to 15. */
  readonly hashes?: number;
}

/** Values of targets (`struct bpf_devmap_val`, `struct bpf_cpumap_val`): the index or queue size, and a program. */
const VALUE_SIZES: Readonly<Record<string, number>> = { DEVMAP: 8, DEVMAP_HASH: 8, CPUMAP: 8 };

/** Sizes in bytes; a key of a trie has its prefix length in front. */
export function mapShape({ type, key, value, maxEntries, flags, hashes }: DeclaredShape): MapShape {
  return {
    type: MapType[type],
    keySize: key ? layoutOf(key).size + (type === "LPM_TRIE" ? 4 : 0) : 0,
    valueSize: value ? layoutOf(value).size : (VALUE_SIZES[type] ?? 0),
    maxEntries,
    flags,
    ...(hashes === undefined ? {} : { extra: BigInt(hashes) }),
  };
}

/** @throws XdpkitError LANG_MAP_OPTION for what no kernel takes */
export function checkDeclaration(declaration: DeclaredShape): void {
  const { type, maxEntries, hashes, key, value } = declaration;
  const isRing = type === "RINGBUF" || type === "USER_RINGBUF";
  const entries = isRing ? "bytes" : "maxEntries";
  if (!Number.isInteger(maxEntries) || maxEntries < 0 || maxEntries > 0xffffffff)
    fail(declaration, entries, `is ${maxEntries}, not 1 to 2^32 - 1`);
  if (hashes !== undefined && !(Number.isInteger(hashes) && hashes >= 1 && hashes <= 15))
    fail(declaration, "hashes", `is ${hashes}, not 1 to 15`);
  // A perf array without a size has a slot for each CPU.
  const shape = mapShape(type === "PERF_EVENT_ARRAY" ? { ...declaration, maxEntries: maxEntries || 1 } : declaration);
  const refused = refusedMap(shape, { memory: Number.POSITIVE_INFINITY });
  if (refused) fail(declaration, optionOf(refused.field, entries), refused.rule);
  if (key && fieldsIn(layoutOf(key)).length > 0) fail(declaration, "key", "has a lock, which belongs into values");
  if (value) checkFields(declaration, refusedFields(shape, fieldsIn(layoutOf(value))));
}

/** Records of streams are no values of maps: none of the fields that the kernel knows may stand in them. */
export function checkRecord(declaration: DeclaredShape, record: Schema<unknown>): void {
  checkFields(declaration, refusedFields(mapShape(declaration), fieldsIn(layoutOf(record))));
}

function checkFields(declaration: DeclaredShape, refused: MapRefusal | undefined): void {
  if (refused) fail(declaration, "value", refused.rule, "keep it in a HashMap or an ArrayMap, one in each value");
}

function fail({ name, type }: DeclaredShape, option: string, problem: string, hint?: string): never {
  throw xdpkitError("LANG_MAP_OPTION", { map: name ?? type, option, problem }, hint === undefined ? {} : { hint });
}

function optionOf(field: MapRefusal["field"], entries: string): string {
  const options: Partial<Record<MapRefusal["field"], string>> = {
    key_size: "key",
    value_size: "value",
    max_entries: entries,
    map_extra: "hashes",
  };
  return options[field] ?? field;
}

function fieldsIn(layout: Layout): MapFieldName[] {
  switch (layout.kind) {
    case "spinLock":
      return ["bpf_spin_lock"];
    case "struct":
      return layout.fields.flatMap((field) => fieldsIn(field.layout));
    case "array": {
      const inside = fieldsIn(layout.element);
      return inside.length === 0 ? [] : Array.from({ length: layout.length }, () => inside).flat();
    }
    default:
      return [];
  }
}
