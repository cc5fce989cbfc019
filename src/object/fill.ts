/**
 * Fill files: the entries that maps hold at load, beside an object. ELF objects and libbpf have initial values for global
 * data, program arrays and maps of maps only.
 *
 * The text is a batch file of bpftool-batch(8), so that it serves those who load the object with other tools:
 *
 *   # fill of guard.o sha256 5d41…
 *   map update name denied key hex 18 00 00 00 c6 33 64 00 value hex 00 00 00 00 00 00 00 00
 *
 * Invariant: the first line names the object by its digest; entries are never put into maps of another.
 */
import { parseHex, printHex, xdpkitError } from "../base/index.ts";

interface MapEntryBytes {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** The entries of one map, as bytes. */
export interface MapFill {
  /** The map's name in the object. */
  readonly map: string;
  /** Keys and values as bytes, in the order of writing. */
  readonly entries: readonly MapEntryBytes[];
}

/** BPF_OBJ_NAME_LEN - 1: bpftool knows maps by the names that the kernel has. */
const KERNEL_NAME_LENGTH = 15;

const spaced = (bytes: Uint8Array): string => (printHex(bytes).match(/../g) ?? []).join(" ");

/** `object` names the object's file, `digest` is its SHA-256 in hexadecimal. */
export function printFill(fills: readonly MapFill[], { object, digest }: { object: string; digest: string }): string {
  const lines = fills.flatMap(({ map, entries }) => {
    const name = map.slice(0, KERNEL_NAME_LENGTH);
    return entries.map(({ key, value }) => `map update name ${name} key hex ${spaced(key)} value hex ${spaced(value)}`);
  });
  return [`# fill of ${object} sha256 ${digest}`, ...lines, ""].join("\n");
}

const FIRST_LINE = /^# fill of \S+ sha256 ([0-9a-f]{64})$/;
const ENTRY = /^map update name (\S+) key hex ([0-9a-f ]+) value hex ([0-9a-f ]+)$/;

/**
 * What `printFill` wrote. `maps` are the names of the object's maps, `digest` is that of the object at hand.
 *
 * @throws XdpkitError OBJECT_FILL_STALE for that of another object, OBJECT_FILL at the line that is none of a fill file
 */
export function parseFill(
  text: string,
  { file, maps, digest }: { file: string; maps: readonly string[]; digest: string },
): readonly MapFill[] {
  const [first = "", ...rest] = text.split("\n");
  const [, written] = FIRST_LINE.exec(first) ?? [];
  const at = (line: number, text: string) => ({ kind: "source", file, line, column: 0, text }) as const;
  if (written === undefined) throw xdpkitError("OBJECT_FILL", {}, { at: at(1, first) });
  if (written !== digest) throw xdpkitError("OBJECT_FILL_STALE", {}, { at: { kind: "file", file } });
  const known = new Map(maps.map((map) => [map.slice(0, KERNEL_NAME_LENGTH), { map, entries: [] as MapEntryBytes[] }]));
  rest.forEach((line, index) => {
    if (line === "" || line.startsWith("#")) return;
    const [, name = "", ...hex] = ENTRY.exec(line) ?? [];
    const [key, value] = hex.map(parseHex);
    const fill = known.get(name);
    if (!fill || !key || !value) throw xdpkitError("OBJECT_FILL", {}, { at: at(index + 2, line) });
    fill.entries.push({ key, value });
  });
  return [...known.values()].filter(({ entries }) => entries.length > 0);
}
