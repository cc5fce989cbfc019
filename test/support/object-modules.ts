/** The modules that `xdpkit types` writes for the objects of the tests and examples, and claims about their types as text. */
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describeObject } from "../../src/cli/object-types.ts";
import { printModule } from "../../src/cli/print-types.ts";
import { type BpfObject, type Codec, entryCodecs, readElf, variableCodec } from "../../src/object/index.ts";
import { MapType, PER_CPU_MAP_TYPES } from "../../src/uapi/index.ts";
import { allObjects } from "../objects/corpus.ts";
import type { Random } from "./random.ts";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

export interface ObjectModule {
  /** Unique: `12-router`. */
  readonly name: string;
  readonly object: BpfObject;
  readonly text: string;
}

const examples = readdirSync(join(ROOT, "examples"), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".o"))
  .sort()
  .map((name) => join(ROOT, "examples", name));

/** Of every object that is checked in, and of those of xdp-tools where they are installed. */
export function objectModules(): ObjectModule[] {
  return [...allObjects.map(({ path }) => path), ...examples].map((path, index) => {
    const name = `${index}-${basename(path, ".o")}`;
    const object = readElf(readFileSync(path), { name });
    const text = printModule(describeObject(object), { object: path, module: join(ROOT, "test", `${name}.types.ts`) });
    return { name, object, text };
  });
}

/** Exported constants by the names in C. */
export function handlesIn(text: string): ReadonlyMap<string, string> {
  const rows = text.matchAll(/^export const (\w+) = new Foreign<[^;]*?>\(\s*("[^"]+"),?\s*\);$/gm);
  return new Map([...rows].map(([, constant, name]) => [JSON.parse(name!) as string, constant!]));
}

const OF_VALUES: readonly number[] = [
  ...[MapType.HASH, MapType.LRU_HASH, MapType.ARRAY, MapType.LPM_TRIE],
  ...PER_CPU_MAP_TYPES,
];

const PRELUDE = `type Access<H> = H extends Shared<infer A> ? A : never;
type Entry<H> = Access<H> extends { entries(): IterableIterator<infer E> } ? E : never;
`;

/**
 * A module that tsc accepts when what the codecs make of bytes has the types that handles have, member for member, and may
 * be set again. Bytes are 0 or 1, so that a bool is one, and an enum sometimes has a name.
 */
export function valueClaims({ name, object, text }: ObjectModule, random: Random): string {
  const handles = handlesIn(text);
  const sample = ({ size, decode }: Codec): string => literal(decode(random.bytes(size).map((byte) => byte & 1)));
  const entries = object.maps
    .filter(({ type, data }) => !data && OF_VALUES.includes(type))
    .map((map) => {
      const { key, value } = entryCodecs(object.btf, map);
      const list = PER_CPU_MAP_TYPES.includes(map.type);
      const handle = `m.${handles.get(map.name)}`;
      const pair = `[${sample(key)}, ${list ? `[${sample(value)}, ${sample(value)}]` : sample(value)}]`;
      return `(access: Access<typeof ${handle}>) => {
  const entry: Entry<typeof ${handle}> = ${pair};
  access.set(...entry);
},`;
    });
  const cells = object.maps
    .flatMap(({ data }) => data?.variables ?? [])
    .filter((variable) => handles.has(variable.name))
    .map((variable) => {
      const handle = `m.${handles.get(variable.name)}`;
      const { size, decode } = variableCodec(object.btf, variable);
      return `(cell: Access<typeof ${handle}>): typeof cell.value => ${literal(decode(new Uint8Array(size)))
        .replace(/^\{/, "({")
        .replace(/\}$/, "})")},`;
    });
  const claims = [...entries, ...cells].join("\n");
  return `import type { Shared } from "xdpkit";\nimport * as m from "./${name}.types.ts";\n${PRELUDE}export const claims = [\n${claims}\n];\nexport { m };\n`;
}

/** A value as an expression. */
function literal(value: unknown): string {
  if (typeof value === "bigint") return `${value}n`;
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  return `{ ${Object.entries(value)
    .map(([key, inner]) => `${JSON.stringify(key)}: ${literal(inner)}`)
    .join(", ")} }`;
}
