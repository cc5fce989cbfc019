/** Keys, values and records of a handle as bytes: what every way into a map (VM, kernel) encodes with. */
import { xdpkitError } from "../base/index.ts";
import type { Codec, MapFill, ValueWindow } from "../object/index.ts";
import {
  decode,
  encode,
  fromJson,
  inside,
  layoutOf,
  type Schema,
  type SchemaWindow,
  toJson,
  windowOf,
} from "../schema/index.ts";
import type { MapHandle } from "./maps.ts";

/** How keys and values of a map become bytes. */
export interface MapCodecs {
  /** Absent for maps without keys. */
  readonly key?: Codec;
  /** Absent for maps whose values are programs, maps or devices. */
  readonly value?: Codec;
}

/**
 * Those of a map's declaration; a side that has no schema (queues, targets) is left out. `codecOf` makes them.
 *
 * @throws XdpkitError LANG_PREFIX
 */
export function mapCodecs({ declaration }: Pick<MapHandle, "declaration">, codecOf = schemaCodec): MapCodecs {
  const { type, key, value } = declaration;
  return {
    ...(key ? { key: type === "LPM_TRIE" ? prefixCodec(key, codecOf(key)) : codecOf(key) } : {}),
    ...(value ? { value: codecOf(value) } : {}),
  };
}

/** The same for values as JSON data: what `toJson` makes and `fromJson` takes. */
export function jsonCodec(schema: Schema<unknown>): Codec {
  const { size, decode, encode } = schemaCodec(schema);
  return {
    size,
    decode: (bytes) => toJson(schema, decode(bytes)),
    encode: (json, path) =>
      encode(
        within(path, () => fromJson(schema, json)),
        path,
      ),
  };
}

function within<T>(path: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw inside(error, path.slice(1));
  }
}

/** The codec of a scalar or struct class, by its layout. */
export function schemaCodec(schema: Schema<unknown>): Codec {
  const { size } = layoutOf(schema);
  return {
    size,
    decode: (bytes) => decode(schema, bytes),
    encode: (value, path) => within(path, () => encode(schema, value)),
    over: (bytes) => placed(windowOf(schema, bytes)),
  };
}

function placed({ read, write }: SchemaWindow<unknown>): ValueWindow {
  return {
    read,
    write(at, value, path) {
      try {
        write(at, value);
      } catch (error) {
        throw inside(error, path.slice(1));
      }
    },
  };
}

/** `struct bpf_lpm_trie_key`: the length in bits, then the data. Addresses are written `"10.0.0.0/8"`. */
function prefixCodec(schema: Schema<unknown>, data: Codec): Codec {
  const isAddress = layoutOf(schema).kind === "address";
  return {
    size: 4 + data.size,
    decode(bytes) {
      const prefixLength = viewOf(bytes).getUint32(0, true);
      const value = data.decode(bytes.subarray(4));
      return isAddress ? `${value}/${prefixLength}` : { prefixLength, data: value };
    },
    encode(given, path) {
      const { prefixLength, data: value } = isAddress ? parsePrefix(given) : (given as PrefixParts);
      if (!Number.isInteger(prefixLength) || prefixLength < 0 || prefixLength > 8 * data.size)
        throw xdpkitError("LANG_PREFIX", { found: String(given), bits: 8 * data.size }, { at: { kind: "path", path } });
      const bytes = new Uint8Array(4 + data.size);
      viewOf(bytes).setUint32(0, prefixLength, true);
      bytes.set(data.encode(value, path), 4);
      return bytes;
    },
  };
}

interface PrefixParts {
  readonly prefixLength: number;
  readonly data: unknown;
}

/** An address alone has length NaN, which no map takes. */
function parsePrefix(given: unknown): PrefixParts {
  const [, data = "", length = "NaN"] = /^(.*?)(?:\/(\d{1,3}))?$/.exec(String(given)) ?? [];
  return { data, prefixLength: Number(length) };
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/**
 * What maps hold at load, as bytes by the maps' names in an object. Maps of maps and program arrays are left out: an object
 * holds theirs itself.
 *
 * @throws XdpkitError LANG_MAP_OPTION for per-CPU maps and device maps, whose values depend on the machine
 */
export function entriesOf(names: ReadonlyMap<object, string>): readonly MapFill[] {
  return Array.from(names).flatMap(([handle, map]) => {
    const { declaration } = handle as Partial<MapHandle>;
    if (!declaration?.entries || declaration.inner) return [];
    const { key, value } = mapCodecs({ declaration });
    if (/PERCPU/.test(declaration.type) || !value) {
      const of = value ? "the number of CPUs" : "the interfaces and programs";
      const problem = `cannot stand beside an object, for they depend on ${of} of the machine that loads it`;
      const hint = "leave them out and fill the map where it is loaded, or load the module: xdpkit load, attach, run";
      throw xdpkitError("LANG_MAP_OPTION", { map, option: "entries", problem }, { hint });
    }
    const entries = Array.from(declaration.entries(), ([k, v], index) => ({
      key: key!.encode(k, `$[${index}].key`),
      value: value!.encode(v, `$[${index}].value`),
    }));
    return entries.length === 0 ? [] : [{ map, entries }];
  });
}
