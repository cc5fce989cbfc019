/**
 * The shape of a network configuration: which fields there are and what each takes. network.ts checks the values.
 *
 * Invariant: every field of NetworkConfig stands in the table; the compiler knows when one is missing.
 */
import { type XdpkitError, xdpkitError } from "../base/index.ts";
import type { NetworkConfig } from "./network-config.ts";

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

/** @throws XdpkitError VM_NETWORK at the path of the value: an unknown field, another type, a missing field */
export function checkNetworkShape(config: unknown): asserts config is NetworkConfig {
  if (!isRecord(config)) throw networkError("expected interfaces, routes, neighbours or rules", "$");
  checkNames(config, Object.keys(FIELDS), "$");
  for (const [name, fields] of Object.entries(FIELDS)) {
    const rows = config[name] ?? [];
    if (!Array.isArray(rows)) throw networkError("expected a list", `$.${name}`);
    rows.forEach((row, index) => {
      checkRow(row, fields, REQUIRED[name] ?? [], `$.${name}[${index}]`);
    });
  }
}

function checkRow(row: unknown, fields: Readonly<Record<string, Kind>>, required: readonly string[], path: string) {
  if (!isRecord(row)) throw networkError("expected fields with values", path);
  checkNames(row, Object.keys(fields), path);
  const missing = required.find((name) => !(name in row));
  if (missing) throw networkError("the field is missing", `${path}.${missing}`);
  for (const [name, value] of Object.entries(row)) checkField(value, fields[name]!, `${path}.${name}`);
}

function checkField(value: unknown, kind: Kind, path: string): void {
  const problem = problemOf(value, kind);
  if (problem !== null) throw networkError(problem, path);
  if (!path.endsWith(".nextHops")) return;
  (value as readonly unknown[]).forEach((hop, index) => {
    checkRow(hop, NEXT_HOP, [], `${path}[${index}]`);
  });
}

function problemOf(value: unknown, kind: Kind): string | null {
  if (typeof kind === "function") return kind(value);
  if (kind === "list") return Array.isArray(value) ? null : "expected a list";
  if (typeof kind !== "string") return kind.includes(value as string) ? null : `expected one of ${kind.join(", ")}`;
  return typeof value === kind ? null : `expected a ${kind}, found ${JSON.stringify(value)}`;
}

function checkNames(record: object, known: readonly string[], path: string): void {
  const name = Object.keys(record).find((one) => !known.includes(one));
  if (name === undefined) return;
  throw networkError(`there is no field ${name}, only ${known.join(", ")}`, `${path}.${name}`);
}

function networkError(problem: string, path: string): XdpkitError {
  return xdpkitError("VM_NETWORK", { problem }, { at: { kind: "path", path } });
}
