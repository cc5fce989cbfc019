/** The constants of the module that `xdpkit types` writes: a handle for each map and variable. */
import type { MapDescription, VariableDescription } from "./object-types.ts";
import { bytes, comment, fits } from "./typescript-text.ts";

type Access = readonly [generic: string, ...of: string[]];

/** A constant of the module. */
export interface Handle {
  /** In C. */
  readonly name: string;
  /** The type of its access: a generic type and what it is of. */
  readonly access: Access;
  readonly record?: string | undefined;
  readonly about: string;
}

export function mapHandle(map: MapDescription): Handle {
  const { name, type, maxEntries, keySize, valueSize, record } = map;
  const access = accessOf(map);
  const records = access[1] === "Uint8Array" ? " Records are bytes: --record says what they are." : "";
  const sizes = `key ${bytes(keySize)}, value ${bytes(valueSize)}`;
  return { name, access, record, about: `${type}, max_entries ${maxEntries}, ${sizes}.${records}` };
}

export function variableHandle({ name, section, size, readOnly, type }: VariableDescription): Handle {
  const access = [readOnly ? "ForeignConstant" : "ForeignVariable", type] as const;
  return { name, access, about: `${section}, ${bytes(size)}.` };
}

function accessOf({ type, key = "number", value = "Uint8Array", inner = [], record }: MapDescription): Access {
  switch (type) {
    case "PERCPU_HASH":
    case "PERCPU_ARRAY":
    case "LRU_PERCPU_HASH":
      return ["ForeignPerCpuMap", key, value];
    case "QUEUE":
    case "STACK":
      return ["ForeignQueue", value];
    case "BLOOM_FILTER":
      return ["BloomAccess", `Given<${value}>`];
    case "RINGBUF":
      return ["EventSource", value];
    case "PERF_EVENT_ARRAY":
      return [record === undefined ? "EventSource" : "ForeignSamples", value];
    case "USER_RINGBUF":
      return ["UserRingAccess", record === undefined ? value : `Given<${value}>`];
    case "PROG_ARRAY":
      return ["ForeignProgramArray", key, "ProgramName"];
    case "DEVMAP":
    case "DEVMAP_HASH":
      return ["ForeignDevMap", key, "ProgramName"];
    case "CPUMAP":
      return ["ForeignCpuMap", key, "ProgramName"];
    case "ARRAY_OF_MAPS":
    case "HASH_OF_MAPS":
      return ["ForeignMapOfMaps", key, inner.map((name) => JSON.stringify(name)).join(" | ") || "never"];
    case "XSKMAP":
      return ["MapAccess", key, "unknown"];
    default:
      return ["ForeignMap", key, value];
  }
}

/** Of lines that are too long, the arguments are broken first, then the type. */
export function printHandle({ name, access, about, record }: Handle, constant: string): string {
  const start = `export const ${constant} = new Foreign<`;
  const values = [JSON.stringify(name), ...(record === undefined ? [] : [`{ record: ${JSON.stringify(record)} }`])];
  const [generic, ...of] = access;
  const type = `${generic}<${of.join(", ")}>`;
  const call = `>(${values.join(", ")});`;
  const head = comment(about) + start;
  if (fits(start + type + call)) return `${head}${type}${call}\n`;
  if (fits(`${start}${type}>(`)) return `${head}${type}>(\n${values.map((value) => `  ${value},\n`).join("")});\n`;
  return `${head}\n${printAccess(access)}${call}\n`;
}

/** On lines of its own. */
function printAccess([generic, ...of]: Access): string {
  const line = `  ${generic}<${of.join(", ")}>`;
  return fits(line) ? `${line}\n` : `  ${generic}<\n${of.map(printPart).join(",\n")}\n  >\n`;
}

/** Only a union can be longer than a line. */
function printPart(type: string): string {
  const line = `    ${type}`;
  return fits(line)
    ? line
    : type
        .split(" | ")
        .map((one) => `    | ${one}`)
        .join("\n");
}
