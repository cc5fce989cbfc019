/** `xdpkit map dump|get|set|delete`: entries of one map of the running kernel. */
import { xdpkitError } from "../base/index.ts";
import { encodeValue, type PlainValue } from "../btf/index.ts";
import { BloomAccess, QueueAccess } from "../kernel/index.ts";
import type { UpdateMode } from "../lang/index.ts";
import { MapType, mapTypeName, updateFlags } from "../uapi/index.ts";
import { toJsonValue } from "./data-files.ts";
import { isGlobalData, type MapOptions, type OpenMap, openMap, readWord } from "./map-place.ts";
import { entriesAsJson, printBytes, printEntry } from "./map-print.ts";
import { Refusal } from "./refusal.ts";

interface PrintOptions extends MapOptions {
  readonly json?: boolean;
}

const QUEUES: readonly number[] = [MapType.QUEUE, MapType.STACK];
/** Types whose content is for programs and their readers. */
const CLOSED: readonly number[] = [MapType.RINGBUF, MapType.USER_RINGBUF, MapType.PERF_EVENT_ARRAY, MapType.XSKMAP];
/** Types that have values without keys. */
const KEYLESS: readonly number[] = [...QUEUES, MapType.BLOOM_FILTER];
/** Types whose values go in as descriptors. */
const DESCRIPTORS: readonly number[] = [MapType.PROG_ARRAY, MapType.ARRAY_OF_MAPS, MapType.HASH_OF_MAPS];

/** @throws XdpkitError CLI_MAP_CLOSED for a type that keeps its content */
export const checkDump = (open: OpenMap): void => requireOpen(open, "listed", [...CLOSED, ...KEYLESS]);

function requireOpen(
  { map: { definition } }: OpenMap,
  action: "listed" | "read" | "set" | "deleted",
  closed: readonly number[] = CLOSED,
): void {
  const { name, type } = definition;
  if (!closed.includes(type)) return;
  throw xdpkitError("CLI_MAP_CLOSED", { map: name, type: mapTypeName(type)!.toLowerCase(), action });
}

/** @throws XdpkitError CLI_MAP_CLOSED, CLI_MAP_DESCRIPTORS */
export function requireSettable(open: OpenMap, closed: readonly number[] = [...CLOSED, ...KEYLESS]): void {
  const { name, type } = open.map.definition;
  requireOpen(open, "set", closed);
  if (DESCRIPTORS.includes(type))
    throw xdpkitError("CLI_MAP_DESCRIPTORS", { map: name, type: mapTypeName(type)!.toLowerCase() });
}

export async function dumpMap(place: string, options: PrintOptions): Promise<void> {
  using open = await openMap(place, options);
  checkDump(open);
  if (!options.json && !open.isTyped) return dumpBytes(open);
  const pieces = options.json ? entriesAsJson(open.access) : entriesAsText(open);
  for (const piece of pieces) process.stdout.write(piece);
}

function* entriesAsText({ access, map }: OpenMap): Generator<string> {
  let before = "[";
  for (const [key, value] of access.entries()) {
    yield before + printEntry(key, value, map.perCpu);
    before = ",";
  }
  yield before === "[" ? "[]\n" : "]\n";
}

function dumpBytes({ map }: OpenMap): void {
  const { keySize } = map.definition;
  let found = 0;
  for (const { keys, values, count } of map.batches()) {
    for (let at = 0; at < count; at++) {
      const key = keys.subarray(at * keySize, (at + 1) * keySize);
      process.stdout.write(printBytes(map, key, values.subarray(at * map.valueBytes, (at + 1) * map.valueBytes)));
    }
    found += count;
  }
  process.stdout.write(`Found ${found} element${found === 1 ? "" : "s"}\n`);
}

export async function getEntry(place: string, key: string | undefined, options: PrintOptions): Promise<void> {
  using open = await openMap(place, options);
  requireOpen(open, "read");
  const value = valueAt(open, key);
  if (value === undefined) throw absent(open);
  process.stdout.write(`${JSON.stringify(toJsonValue(value), null, options.json ? 0 : 2)}\n`);
}

/** Of a Bloom filter: true when the value may be there. */
function valueAt({ map, codecs, access }: OpenMap, key: string | undefined): unknown {
  const { type } = map.definition;
  if (QUEUES.includes(type)) return new QueueAccess(map, codecs).peek();
  if (type !== MapType.BLOOM_FILTER) return access.get(keyOf(key));
  return new BloomAccess(map, codecs).has(keyOf(key)) || undefined;
}

export async function setEntry(
  place: string,
  words: readonly string[],
  options: MapOptions & { readonly mode: string },
): Promise<void> {
  using open = await openMap(place, options);
  const { name, type, keySize } = open.map.definition;
  requireSettable(open, CLOSED);
  const wanted = keySize === 0 ? 1 : 2;
  if (words.length !== wanted)
    throw xdpkitError("CLI_USAGE", { problem: `${name} takes ${wanted === 1 ? "a value" : "a key and a value"}` });
  const [key, value] = words.map(readWord);
  if (QUEUES.includes(type)) new QueueAccess(open.map, open.codecs).push(key);
  else if (type === MapType.BLOOM_FILTER) new BloomAccess(open.map, open.codecs).add(key);
  else open.access.set(key, withOthers(open, value), modeOf(options.mode));
}

export async function deleteEntry(place: string, key: string, options: MapOptions): Promise<void> {
  using open = await openMap(place, options);
  requireOpen(open, "deleted", [...CLOSED, ...KEYLESS]);
  if (!open.access.delete(keyOf(key))) throw absent(open);
}

function keyOf(word: string | undefined): unknown {
  if (word === undefined) throw xdpkitError("CLI_USAGE", { problem: "a key is missing" });
  return readWord(word);
}

function modeOf(text: string): UpdateMode {
  if (text in updateFlags) return text as UpdateMode;
  throw xdpkitError("CLI_USAGE", { problem: `--mode is ${Object.keys(updateFlags).join(", ")}, not ${text}` });
}

/** Variables of a section that the value does not name keep what they have. */
function withOthers(open: OpenMap, value: unknown): unknown {
  if (!isGlobalData(open)) return value;
  const onto = open.map.get(new Uint8Array(4))!;
  return encodeValue(open.btf!, open.map.definition.valueType!, value as PlainValue, "$.value", { onto });
}

function absent({ map }: OpenMap): Refusal {
  const hint = "xdpkit map dump shows what is there";
  return new Refusal([xdpkitError("KERNEL_MAP_ABSENT", { map: map.definition.name }, { hint })]);
}
