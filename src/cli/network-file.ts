/** The network file (docs/network-file.md): YAML or JSON, its shape checked; src/vm/network.ts checks the values. */
import { isMap, LineCounter, parseDocument } from "yaml";
import { type XdpkitError, xdpkitError } from "../base/index.ts";
import type { NetworkConfig } from "../vm/index.ts";
import { readText } from "./files.ts";

type Row<K extends keyof NetworkConfig> = NonNullable<NetworkConfig[K]>[number];

/** What a field takes: a JSON type, one of some words, a list, or a check of its own that says what was expected. */
type Kind = "number" | "string" | "boolean" | "list" | readonly string[] | ((value: unknown) => string | null);

const onlyFields =
  (type: "boolean" | "number", ...names: readonly string[]) =>
  (value: unknown): string | null =>
    isRecord(value) && Object.entries(value).every(([name, one]) => names.includes(name) && typeof one === type)
      ? null
      : `expected ${names.join(" and ")}, each a ${type}`;
const families = onlyFields("boolean", "ipv4", "ipv6");

/** Every field of every list; the compiler knows when one is missing here. */
const FIELDS: { readonly [K in keyof Required<NetworkConfig>]: Readonly<Record<keyof Row<K>, Kind>> } = {
  interfaces: {
    index: "number",
    name: "string",
    mac: "string",
    mtu: "number",
    up: "boolean",
    forwarding: (value) => (typeof value === "boolean" ? null : families(value)),
    addresses: "list",
  },
  routes: {
    to: "string",
    type: ["unicast", "local", "broadcast", "multicast", "blackhole", "unreachable", "prohibit", "throw"],
    via: "string",
    interface: "string",
    nextHops: "list",
    table: "number",
    metric: "number",
    mtu: "number",
    encapsulation: onlyFields("number", "bytes"),
    source: "string",
  },
  neighbours: {
    address: "string",
    interface: "string",
    mac: "string",
    state: ["permanent", "noarp", "reachable", "stale", "delay", "probe", "incomplete", "failed"],
  },
  rules: {
    priority: "number",
    family: ["ipv4", "ipv6"],
    from: "string",
    to: "string",
    ingress: "string",
    mark: "number",
    table: "number",
  },
};
const NEXT_HOP: Readonly<Record<string, Kind>> = { via: "string", interface: "string", weight: "number" };
/** Fields that src/vm/network.ts does not ask for itself. */
const REQUIRED: Readonly<Record<string, readonly string[]>> = { rules: ["priority", "table"] };

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** @throws XdpkitError CLI_FILE, CLI_YAML at the line and column, CLI_NETWORK at the path */
export async function readNetworkFile(file: string): Promise<NetworkConfig> {
  const config = parseYaml(await readText(file), file);
  checkNames(config, Object.keys(FIELDS), { path: "$", file });
  for (const [name, fields] of Object.entries(FIELDS)) {
    const rows = config[name] ?? [];
    if (!Array.isArray(rows)) throw networkError("expected a list", { path: `$.${name}`, file });
    rows.forEach((row, index) => {
      checkRow(row, fields, REQUIRED[name] ?? [], { path: `$.${name}[${index}]`, file });
    });
  }
  return Object.fromEntries(Object.entries(config).filter(([, rows]) => rows !== null)) as NetworkConfig;
}

function parseYaml(text: string, file: string): Record<string, unknown> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: "error" });
  const problem = document.errors[0];
  if (problem) {
    const { line, col } = lines.linePos(problem.pos[0]);
    throw xdpkitError("CLI_YAML", { problem: problem.message }, { at: { kind: "source", file, line, column: col } });
  }
  if (!isMap(document.contents))
    throw networkError("the file holds no interfaces, routes or neighbours", { path: "$", file });
  try {
    return document.toJS() as Record<string, unknown>;
  } catch (cause) {
    // Aliases: without anchor, or so many that they would fill the memory.
    throw xdpkitError("CLI_YAML", { problem: (cause as Error).message }, { at: { kind: "file", file }, cause });
  }
}

interface Place {
  readonly path: string;
  readonly file: string;
}

const inside = ({ path, file }: Place, name: string): Place => ({ path: `${path}.${name}`, file });

function checkRow(row: unknown, fields: Readonly<Record<string, Kind>>, required: readonly string[], place: Place) {
  if (!isRecord(row)) throw networkError("expected fields with values", place);
  checkNames(row, Object.keys(fields), place);
  const missing = required.find((name) => !(name in row));
  if (missing) throw networkError("the field is missing", inside(place, missing));
  for (const [name, value] of Object.entries(row)) checkField(value, fields[name]!, inside(place, name));
}

function checkField(value: unknown, kind: Kind, place: Place): void {
  const problem = problemOf(value, kind);
  if (problem !== null) throw networkError(problem, place);
  if (!place.path.endsWith(".nextHops")) return;
  (value as readonly unknown[]).forEach((hop, index) => {
    checkRow(hop, NEXT_HOP, [], { ...place, path: `${place.path}[${index}]` });
  });
}

function problemOf(value: unknown, kind: Kind): string | null {
  if (typeof kind === "function") return kind(value);
  if (kind === "list") return Array.isArray(value) ? null : "expected a list";
  if (typeof kind !== "string") return kind.includes(value as string) ? null : `expected one of ${kind.join(", ")}`;
  return typeof value === kind ? null : `expected a ${kind}, found ${JSON.stringify(value)}`;
}

function checkNames(record: object, known: readonly string[], place: Place): void {
  const name = Object.keys(record).find((one) => !known.includes(one));
  if (name === undefined) return;
  throw networkError(`there is no field ${name}, only ${known.join(", ")}`, inside(place, name));
}

function networkError(problem: string, { path, file }: Place): XdpkitError {
  return xdpkitError("CLI_NETWORK", { problem }, { at: { kind: "path", file, path } });
}
