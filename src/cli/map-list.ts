/** `xdpkit map list`: maps of the machine, as `bpftool map list` shows them. */
import { type MapInfo, mapIds, mapInfo, openMapById } from "../kernel/index.ts";
import { mapTypeName } from "../uapi/index.ts";
import { findMap } from "./map-place.ts";

const typeName = (type: number): string => mapTypeName(type)?.toLowerCase() ?? `type ${type}`;

export function listMaps(place: string | undefined, { json }: { readonly json?: boolean }): void {
  const infos = place === undefined ? [...allMaps()] : [infoOf(place)];
  if (json) process.stdout.write(`${JSON.stringify(infos.map(infoToJson))}\n`);
  else process.stdout.write(infos.map(printInfo).join(""));
}

/** One that goes away meanwhile is left out. */
function* allMaps(): Generator<MapInfo> {
  for (const id of mapIds()) {
    using map = openMapById(id);
    if (map) yield mapInfo(map.fd);
  }
}

function infoOf(place: string): MapInfo {
  using map = findMap(place);
  return mapInfo(map.fd);
}

function printInfo({ id, definition, btfId, frozen, memoryBytes }: MapInfo): string {
  const { type, name, flags, keySize, valueSize, maxEntries } = definition;
  const last = [btfId === 0 ? "" : `btf_id ${btfId}`, frozen ? "frozen" : ""].filter((part) => part !== "");
  return [
    `${id}: ${typeName(type)}${name === "" ? "" : `  name ${name}`}  flags 0x${flags.toString(16)}\n`,
    `\tkey ${keySize}B  value ${valueSize}B  max_entries ${maxEntries}  memlock ${memoryBytes}B\n`,
    last.length === 0 ? "" : `\t${last.join("  ")}\n`,
  ].join("");
}

const infoToJson = ({ id, definition, btfId, frozen, memoryBytes }: MapInfo): Record<string, unknown> => ({
  id,
  type: typeName(definition.type),
  name: definition.name,
  flags: definition.flags,
  bytes_key: definition.keySize,
  bytes_value: definition.valueSize,
  max_entries: definition.maxEntries,
  bytes_memlock: memoryBytes,
  frozen: frozen ? 1 : 0,
  ...(btfId === 0 ? {} : { btf_id: btfId }),
});
