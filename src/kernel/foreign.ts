/**
 * What user space gets when it opens a handle of an object that another compiler made (`Foreign`): by the map's own type, with
 * the codecs of the object's BTF. Programs and maps in maps are names of the object; others that stand there are ids.
 */
import { withProgram } from "../lang/index.ts";
import { type BpfObject, type Codec, entryCodecs, recordCodec } from "../object/index.ts";
import { MapType } from "../uapi/index.ts";
import { HandleAccess, type Translation } from "./handle-access.ts";
import { BloomAccess, EntryAccess, QueueAccess } from "./map-access.ts";
import type { KernelMap } from "./maps.ts";
import { objectId } from "./object-info.ts";
import { PerfReader } from "./perf-array.ts";
import { sampleDecoder } from "./perf-sample.ts";
import { programInfoById } from "./program-info.ts";
import { Records } from "./records.ts";
import { RingReader, RingWriter } from "./ring-buffer.ts";
import { targetCodec } from "./target-codecs.ts";

interface Loaded {
  readonly object: BpfObject;
  readonly maps: ReadonlyMap<string, KernelMap>;
  map(name: string): KernelMap;
  program(name: string): { readonly fd: number };
}

/** `record`: the name in C of what a stream's records are; bytes when absent. */
export function openForeign(loaded: Loaded, map: KernelMap, record: string | undefined): unknown {
  const { definition } = map;
  const { type, valueSize } = definition;
  const stream = streamOf(map, record === undefined ? undefined : recordCodec(loaded.object.btf, record));
  if (stream) return stream;
  const target = targetCodec(type, valueSize);
  const codecs = entryCodecs(loaded.object.btf, definition, target ? { value: target } : {});
  if (type === MapType.QUEUE || type === MapType.STACK) return new QueueAccess(map, codecs);
  if (type === MapType.BLOOM_FILTER) return new BloomAccess(map, codecs);
  const access = new EntryAccess<unknown, unknown>(map, codecs);
  const translation = translationOf(loaded, type);
  return translation ? new HandleAccess(access, translation) : access;
}

function streamOf(map: KernelMap, record: Codec | undefined): unknown {
  switch (map.definition.type) {
    case MapType.RINGBUF: {
      const decode = record && ((bytes: Uint8Array) => record.decode(bytes.subarray(0, record.size)));
      return map.own(new Records(new RingReader(map), decode ?? copy));
    }
    case MapType.PERF_EVENT_ARRAY:
      return map.own(new Records(new PerfReader(map), record ? sampleDecoder(record) : copy));
    case MapType.USER_RINGBUF: {
      const writer = map.own(new RingWriter(map));
      return { send: (value: unknown) => writer.send(record ? record.encode(value, "$") : (value as Uint8Array)) };
    }
    default:
      return undefined;
  }
}

/** Records are valid only while they are read. */
const copy = (bytes: Uint8Array): Uint8Array => bytes.slice();

function translationOf(loaded: Loaded, type: number): Translation | undefined {
  const program: Translation = {
    in: (value) => (typeof value === "string" ? loaded.program(value).fd : value),
    out: (id) => programNameOf(loaded, id as number) ?? id,
  };
  switch (type) {
    case MapType.PROG_ARRAY:
      return program;
    case MapType.DEVMAP:
    case MapType.DEVMAP_HASH:
    case MapType.CPUMAP:
      return { in: (value) => withProgram(value, program.in), out: (value) => withProgram(value, program.out) };
    case MapType.ARRAY_OF_MAPS:
    case MapType.HASH_OF_MAPS:
      return {
        in: (value) => (typeof value === "string" ? loaded.map(value).fd : value),
        out: (id) => [...loaded.maps].find(([, { fd }]) => objectId(fd) === id)?.[0] ?? id,
      };
    default:
      return undefined;
  }
}

/** The kernel's name of a program is cut: only those that it may be are compared, since asking for one loads it. */
function programNameOf(loaded: Loaded, id: number): string | undefined {
  const known = programInfoById(id)?.name;
  return loaded.object.functions.find(
    ({ name, program }) => program && name.slice(0, 15) === known && objectId(loaded.program(name).fd) === id,
  )?.name;
}
