/** The maps that the code uses, as the object declares them. */
import { ArrayOfMaps, counterName, type MapHandle, mapShape, Outcomes, ProgramArray } from "../lang/index.ts";
import type { BpfMap } from "../object/index.ts";
import { layoutOf, type Schema } from "../schema/index.ts";
import { MapType } from "../uapi/index.ts";
import type { BtfBuilder } from "./btf-types.ts";
import type { CompilableProgram } from "./compilable-program.ts";
import type { Unit } from "./front/unit.ts";

/** Declares all maps; `compile` is called with the programs that tables hold, which may use further maps. */
export function declareMaps(unit: Unit, btf: BtfBuilder, compile: (program: CompilableProgram) => void): BpfMap[] {
  const maps: BpfMap[] = [];
  const declared = new Set<MapHandle | Outcomes<string>>();
  for (let grew = true; grew; ) {
    grew = false;
    for (const [handle, name] of [...unit.maps]) {
      if (declared.has(handle)) continue;
      declared.add(handle);
      grew = true;
      maps.push(
        handle instanceof Outcomes ? counters(handle, name, btf) : declareMap(unit, btf, handle, name, compile),
      );
    }
  }
  return maps;
}

/** One element: a struct with a counter per name, so that tools print the names. */
function counters({ names }: Outcomes<string>, name: string, btf: BtfBuilder): BpfMap {
  const size = 8 * names.length;
  const members = names.map((one, index) => ({
    name: counterName(one),
    type: btf.unsigned(8),
    bitOffset: 64 * index,
    bitSize: 0,
  }));
  return {
    name,
    style: "btf",
    type: MapType.PERCPU_ARRAY,
    keySize: 4,
    valueSize: size,
    maxEntries: 1,
    flags: 0,
    pinByName: false,
    keyType: btf.unsigned(4),
    valueType: btf.add({ kind: "struct", name, size, bitfields: false, members }),
  };
}

function declareMap(
  unit: Unit,
  btf: BtfBuilder,
  handle: MapHandle,
  name: string,
  compile: (program: CompilableProgram) => void,
): BpfMap {
  const map = plainMap(btf, handle, name);
  const { inner } = handle.declaration;
  if (inner) return { ...map, inner: plainMap(btf, inner, `${name}.inner`), ...slotsOf(innerMaps(unit, handle)) };
  if (!(handle instanceof ProgramArray)) return map;
  const programs = Object.entries(handle.programs()).map(([index, program]) => {
    compile(program as unknown as CompilableProgram);
    return { index: Number(index), target: program.name };
  });
  return { ...map, ...slotsOf(programs) };
}

type MapSlots = NonNullable<BpfMap["slots"]>;

/** The maps that a map of maps holds at load. An object has slots for arrays only; of hashes, user space sets them. */
function innerMaps(unit: Unit, handle: MapHandle): MapSlots {
  const slots = [...(handle.declaration.entries?.() ?? [])].map(([index, map]) => ({
    index: Number(index),
    target: unit.declareMap(map as MapHandle),
  }));
  return handle instanceof ArrayOfMaps ? slots : [];
}

const slotsOf = (slots: MapSlots): Pick<BpfMap, "slots"> =>
  slots.length === 0 ? {} : { slots: [...slots].sort((a, b) => a.index - b.index) };

function plainMap(btf: BtfBuilder, handle: MapHandle, name: string): BpfMap {
  const { type, key, value, numaNode, pin } = handle.declaration;
  const isTrie = type === "LPM_TRIE";
  const hasTypes = TYPED.has(type);
  return {
    ...mapShape(handle.declaration),
    name,
    style: "btf",
    pinByName: pin,
    ...(numaNode === undefined ? {} : { numaNode }),
    ...(hasTypes && key ? { keyType: isTrie ? prefixKey(btf, key) : btf.schema(key) } : {}),
    ...(hasTypes && value ? { valueType: btf.schema(value) } : {}),
  };
}

/** Map types whose keys and values the kernel accepts BTF for. */
const TYPED: ReadonlySet<string> = new Set([
  "HASH",
  "LRU_HASH",
  "PERCPU_HASH",
  "LRU_PERCPU_HASH",
  "ARRAY",
  "PERCPU_ARRAY",
  "LPM_TRIE",
]);

/** `struct bpf_lpm_trie_key`, with the data by the schema's fields. */
function prefixKey(btf: BtfBuilder, key: Schema<unknown>): number {
  const layout = layoutOf(key);
  const name =
    layout.kind === "struct" ? `${layout.name}_prefix` : `${layout.kind === "address" ? layout.family : "data"}_prefix`;
  return btf.add({
    kind: "struct",
    name,
    size: 4 + layout.size,
    bitfields: false,
    members: [
      { name: "prefixLength", type: btf.unsigned(4), bitOffset: 0, bitSize: 0 },
      { name: "data", type: btf.schema(key), bitOffset: 32, bitSize: 0 },
    ],
  });
}
