/** Global data: `.rodata` for settings and texts, `.data` and `.bss` for globals, each a section of variables. */
import type { BpfMap } from "../object/index.ts";
import { MapFlag, MapType } from "../uapi/index.ts";
import type { BtfBuilder } from "./btf-types.ts";
import type { DataSection, DataVariable, Unit } from "./front/unit.ts";

export function declareData(unit: Unit, btf: BtfBuilder): BpfMap[] {
  return [...unit.sections.values()].map((section) => declareSection(section, btf));
}

function declareSection(section: DataSection, btf: BtfBuilder): BpfMap {
  const { name, variables, size } = section;
  const readOnly = name === ".rodata";
  const bytes = new Uint8Array(size);
  for (const variable of variables) bytes.set(variable.bytes, variable.offset);
  const rows = variables.map((variable) => ({
    type: btf.variable(variable.name, typeOf(variable, btf), variable.isStatic ? "static" : "global"),
    offset: variable.offset,
    size: variable.bytes.length,
  }));
  const type = btf.add({ kind: "section", name, size, variables: rows });
  const isMappable = variables.some(({ isStatic }) => !isStatic);
  return {
    name,
    style: "data",
    type: MapType.ARRAY,
    keySize: 4,
    valueSize: size,
    maxEntries: 1,
    flags: (readOnly ? MapFlag.RDONLY_PROG : 0) | (isMappable ? MapFlag.MMAPABLE : 0),
    pinByName: false,
    valueType: type,
    data: {
      section: name,
      readOnly,
      bytes,
      type,
      variables: variables.map(({ name: variable, offset, bytes: value, isStatic }, index) => ({
        name: variable,
        offset,
        size: value.length,
        linkage: isStatic ? "static" : "global",
        type: rows[index]!.type,
      })),
    },
  };
}

function typeOf({ schema, bytes }: DataVariable, btf: BtfBuilder): number {
  return schema ? btf.schema(schema) : btf.array(btf.int("char", 1, true), bytes.length);
}
