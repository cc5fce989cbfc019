/** Settings bound to values: constants of an object, fixed before it is loaded, in the machine and in the kernel alike. */
import type { BpfMap, BpfObject, GlobalData } from "../object/index.ts";
import { schemaCodec } from "./codecs.ts";
import type { Binding } from "./variables.ts";

/**
 * The object with other first values of the settings; those that its programs do not read are ignored.
 *
 * @throws what the schema of a setting says of a value, at `$.name`
 */
export function withSettings(
  object: BpfObject,
  names: ReadonlyMap<object, string>,
  settings: readonly Binding[],
): BpfObject {
  if (settings.length === 0) return object;
  const values = new Map(
    settings.map(({ setting, value }) => {
      const name = names.get(setting) ?? setting.name;
      return [name, schemaCodec(setting.schema).encode(value, `$.${name}`)] as const;
    }),
  );
  const bound = (map: BpfMap): BpfMap => (map.data ? { ...map, data: withValues(map.data, values) } : map);
  return { ...object, maps: object.maps.map(bound) };
}

function withValues(data: GlobalData, values: ReadonlyMap<string, Uint8Array>): GlobalData {
  const bytes = data.bytes.slice();
  for (const { name, offset } of data.variables) bytes.set(values.get(name) ?? [], offset);
  return { ...data, bytes };
}
