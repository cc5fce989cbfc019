/**
 * The kernel versions that docstrings and docs/language.md name, against the facts that the compiler refuses by: the generated
 * tables of helpers and map types, and what handles say of themselves.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import * as lang from "../../src/lang/index.ts";
import { helperByName, type MapTypeName, mapTypeSince } from "../../src/uapi/index.ts";

const read = (path: string): string => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), "utf8");
const DOCS = read("docs/language.md");
const VERSION = /\b([3-7]\.\d{1,2})\b/;

interface Claim {
  readonly what: string;
  readonly said: string;
  readonly fact: string | undefined;
}

/** Docstrings in front of `export const name = intrinsic(…)` that name a version. */
function ofDocstrings(): Claim[] {
  const text = read("src/lang/helpers.ts");
  return [...text.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\nexport const (\w+)/g)].flatMap(
    ([, doc = "", what = ""]) => {
      const said = /[Kk]ernel ([3-7]\.\d{1,2})/.exec(doc)?.[1];
      return said === undefined ? [] : [{ what, said, fact: sinceOf(what) }];
    },
  );
}

/** The oldest kernel of an intrinsic. */
function sinceOf(name: string): string | undefined {
  const value = (lang as Readonly<Record<string, unknown>>)[name];
  const facts = typeof value === "function" ? lang.intrinsicOf(value) : undefined;
  return facts?.since ?? (facts?.helper === undefined ? undefined : helperByName(facts.helper)?.since);
}

/** `bpf_…` (kernel 5.8), in docstrings and in docs. */
function ofHelpersInText(path: string): Claim[] {
  return [...read(path).matchAll(/`(bpf_\w+)` \((?:kernel )?([3-7]\.\d{1,2})\)/g)].flatMap(
    ([, what = "", said = ""]) => {
      const fact = helperByName(what)?.since;
      return fact === undefined ? [] : [{ what, said, fact }];
    },
  );
}

/** `name()` (5.8) in docs/language.md, for functions of the language. */
const ofDocs = (): Claim[] =>
  [...DOCS.matchAll(/`(\w+)\([^`]*\)` \(([3-7]\.\d{1,2})[,)]/g)].flatMap(([, what = "", said = ""]) => {
    const fact = sinceOf(what);
    return fact === undefined ? [] : [{ what, said, fact }];
  });

const TYPES: Readonly<Record<string, MapTypeName>> = {
  HashMap: "HASH",
  LruHashMap: "LRU_HASH",
  PerCpuHashMap: "PERCPU_HASH",
  LruPerCpuHashMap: "LRU_PERCPU_HASH",
  ArrayMap: "ARRAY",
  PerCpuArray: "PERCPU_ARRAY",
  LpmTrie: "LPM_TRIE",
  Queue: "QUEUE",
  Stack: "STACK",
  BloomFilter: "BLOOM_FILTER",
  DevMap: "DEVMAP",
  DevHashMap: "DEVMAP_HASH",
  CpuMap: "CPUMAP",
  XskMap: "XSKMAP",
  ProgramArray: "PROG_ARRAY",
  ArrayOfMaps: "ARRAY_OF_MAPS",
  HashOfMaps: "HASH_OF_MAPS",
  RingBuffer: "RINGBUF",
  PerfEventArray: "PERF_EVENT_ARRAY",
  UserRingBuffer: "USER_RINGBUF",
};
const typeSince = (name: string): string | undefined => mapTypeSince(TYPES[name]!);

/** The rows of the table of map classes: `A`, `B` … | 3.19, 4.10 | */
const ofMapTable = (): Claim[] =>
  [...DOCS.matchAll(/^\| ((?:`[A-Z]\w+`(?:, )?)+) \| .* \| ([3-7][\d., ]+) \|$/gm)].flatMap(
    ([, names = "", cell = ""]) => {
      const versions = cell.split(", ");
      return [...names.matchAll(/\w+/g)].map(([what], index) => ({
        what,
        said: versions[index] ?? versions[0]!,
        fact: typeSince(what),
      }));
    },
  );

/** A `RingBuffer` (5.8); and docstrings of the classes. */
const ofMapText = (): Claim[] => [
  ...[...DOCS.matchAll(/`([A-Z]\w+)` \(([3-7]\.\d{1,2})\)/g)].flatMap(([, what = "", said = ""]) =>
    what in TYPES ? [{ what, said, fact: typeSince(what) }] : [],
  ),
  ...["src/lang/maps.ts", "src/lang/target-maps.ts"].flatMap((path) =>
    [...read(path).matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\nexport class (\w+)/g)].flatMap(
      ([, doc = "", what = ""]) => {
        const said = VERSION.exec(doc)?.[1];
        return said === undefined || !(what in TYPES) ? [] : [{ what, said, fact: typeSince(what) }];
      },
    ),
  ),
];

it.each<[from: string, claims: () => readonly Claim[], least: number]>([
  ["docstrings of helpers", ofDocstrings, 8],
  ["helpers in docstrings of src/lang/context.ts", () => ofHelpersInText("src/lang/context.ts"), 0],
  ["helpers in docstrings of src/lang/maps.ts", () => ofHelpersInText("src/lang/maps.ts"), 1],
  ["helpers in docs/language.md", () => ofHelpersInText("docs/language.md"), 1],
  ["functions in docs/language.md", ofDocs, 4],
  ["the table of maps in docs/language.md", ofMapTable, 15],
  ["maps in docs and docstrings", ofMapText, 8],
])("%s", (_, claims, least) => {
  const all = claims();
  expect(all.length).toBeGreaterThanOrEqual(least);
  expect(all.filter(({ said, fact }) => said !== fact)).toEqual([]);
});
