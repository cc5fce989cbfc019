/**
 * What an object has for user space, as plain data: what `xdpkit types --json` prints and the module is printed from.
 *
 * Invariant: a type here is that of the value which the codecs of src/object give for the map or variable.
 */
import { xdpkitError } from "../base/index.ts";
import { type TypeDeclaration, type TypeId, ValueTypes } from "../btf/index.ts";
import { type BpfMap, type BpfObject, type GlobalVariable, recordType } from "../object/index.ts";
import { MapFlag, MapType, type MapTypeName, mapTypeName } from "../uapi/index.ts";
import { RESERVED_TYPES } from "./module-names.ts";

export interface MapDescription {
  readonly name: string;
  /** `HASH`; the number of a type that is not known here. */
  readonly type: MapTypeName | `${number}`;
  /** Bytes. */
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  /** In TypeScript; absent where there are no keys. */
  readonly key?: string;
  /** The same; absent where values are not what BTF says: targets and streams. */
  readonly value?: string;
  /** Of a stream whose records were said: the name of their type in C; `value` is that in TypeScript. */
  readonly record?: string;
  /** Of a map of maps: the object's maps that it can hold. */
  readonly inner?: readonly string[];
}

export interface VariableDescription {
  readonly name: string;
  readonly section: string;
  /** Bytes. */
  readonly size: number;
  readonly readOnly: boolean;
  /** In TypeScript. */
  readonly type: string;
}

export interface ObjectDescription {
  readonly maps: readonly MapDescription[];
  readonly variables: readonly VariableDescription[];
  readonly programs: readonly { readonly name: string; readonly section: string }[];
  readonly types: readonly TypeDeclaration[];
}

/**
 * `records`: what streams hold, `events=event`.
 *
 * @throws XdpkitError CLI_NO_BTF, CLI_RECORD_OPTION, OBJECT_NO_TYPE, BTF_CYCLE, BTF_LIMIT, BTF_TYPE_ID
 */
export function describeObject(object: BpfObject, records: readonly string[] = []): ObjectDescription {
  if (!object.btf) throw xdpkitError("CLI_NO_BTF", {});
  const recordOf = readRecords(object, records);
  const types = new ValueTypes(object.btf, RESERVED_TYPES);
  const maps = object.maps
    .filter(({ data }) => !data)
    .map((map) => {
      const record = recordOf.get(map.name);
      const stream =
        record === undefined ? {} : { record, value: types.typeOf(recordType(object.btf, record), record) };
      return { ...describeMap(map, object.maps, types), ...stream };
    });
  const variables = describeVariables(object.maps, types);
  const programs = object.functions.flatMap(({ name, section, program }) => (program ? [{ name, section }] : []));
  return { maps, variables, programs, types: types.declarations };
}

function readRecords({ maps }: BpfObject, options: readonly string[]): ReadonlyMap<string, string> {
  const known = maps.filter(isStream).map(({ name }) => name);
  return new Map(
    options.map((text) => {
      const [, name = "", record = ""] = /^([^=]*)=(.+)$/.exec(text) ?? [];
      if (!known.includes(name)) throw xdpkitError("CLI_RECORD_OPTION", { text, known });
      return [name, record];
    }),
  );
}

function describeMap(map: BpfMap, all: readonly BpfMap[], types: ValueTypes): MapDescription {
  const { name, keySize, valueSize, maxEntries, inner } = map;
  return {
    name,
    type: mapTypeName(map.type) ?? `${map.type}`,
    keySize,
    valueSize,
    maxEntries,
    ...(keySize > 0 && !isStream(map) ? { key: valueType(types, map.keyType, keySize, `${name}_key`) } : {}),
    ...(isStream(map) || isTable(map) ? {} : { value: valueType(types, map.valueType, valueSize, `${name}_value`) }),
    ...(inner ? { inner: all.filter((one) => fits(one, inner)).map((one) => one.name) } : {}),
  };
}

const STREAMS: readonly number[] = [MapType.RINGBUF, MapType.USER_RINGBUF, MapType.PERF_EVENT_ARRAY];
/** Of programs, maps, interfaces, CPUs and sockets. */
const TABLES: readonly number[] = [
  MapType.PROG_ARRAY,
  MapType.ARRAY_OF_MAPS,
  MapType.HASH_OF_MAPS,
  MapType.DEVMAP,
  MapType.DEVMAP_HASH,
  MapType.CPUMAP,
  MapType.XSKMAP,
];
const isStream = ({ type }: BpfMap): boolean => STREAMS.includes(type);
const isTable = ({ type }: BpfMap): boolean => TABLES.includes(type);

/** bpf_map_meta_equal (kernel/bpf/map_in_map.c) and array_map_meta_equal, as far as declarations tell. */
function fits(map: BpfMap, template: BpfMap): boolean {
  return (
    !map.data &&
    map.type === template.type &&
    map.keySize === template.keySize &&
    map.valueSize === template.valueSize &&
    map.flags === template.flags &&
    (map.type !== MapType.ARRAY || (map.flags & MapFlag.INNER_MAP) !== 0 || map.maxEntries === template.maxEntries)
  );
}

/** As `codecOf` decides: by BTF, else by size. */
function valueType(types: ValueTypes, id: TypeId | undefined, size: number, place: string): string {
  if (id) return types.typeOf(id, place);
  if (size === 8) return "bigint";
  return size === 1 || size === 2 || size === 4 ? "number" : "string";
}

/** Those that BTF knows by a name of their own: not the constants of functions, which C has no name for outside of them. */
function describeVariables(maps: readonly BpfMap[], types: ValueTypes): VariableDescription[] {
  const rows = maps.flatMap(({ data }) => (data ? data.variables.map((variable) => ({ data, variable })) : []));
  const counts = new Map<string, number>();
  for (const { variable } of rows) counts.set(variable.name, (counts.get(variable.name) ?? 0) + 1);
  const isNamed = ({ name, type }: GlobalVariable): boolean =>
    type !== undefined && /^[A-Za-z_]\w*$/.test(name) && counts.get(name) === 1;
  return rows
    .filter(({ variable }) => isNamed(variable))
    .map(({ data: { section, readOnly }, variable: { name, size, type } }) => {
      return { name, section, size, readOnly, type: types.typeOf(type!, name) };
    });
}
