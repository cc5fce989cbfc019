/** Entries of maps as text, as `bpftool map dump` prints them: with names where there is BTF, else as bytes. */
import { alignUp, printHex } from "../base/index.ts";
import type { EntryAccess, KernelMap } from "../kernel/index.ts";
import { toJsonValue } from "./data-files.ts";

/** A list of JSON in pieces, one entry a line. */
export function* entriesAsJson(access: EntryAccess<unknown, unknown>): Generator<string> {
  let before = "[\n";
  for (const [key, value] of access.entries()) {
    yield before + JSON.stringify(toJsonValue({ key, value }));
    before = ",\n";
  }
  yield before === "[\n" ? "[]\n" : "\n]\n";
}

/** `{ "key": …, "value": … }`, per-CPU values one by one. */
export function printEntry(key: unknown, value: unknown, perCpu: boolean): string {
  const entry = perCpu
    ? { key, values: (value as readonly unknown[]).map((one, cpu) => ({ cpu, value: one })) }
    : { key, value };
  return printValue(entry, "");
}

/** JSON, two blanks a level; integers of 64 bits in full, lists of numbers on one line. */
function printValue(value: unknown, indent: string): string {
  if (typeof value === "bigint") return String(value);
  if (value instanceof Uint8Array) return JSON.stringify(printHex(value));
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    const parts = value.map((one) => printValue(one, inner));
    const isFlat = value.every((one) => typeof one !== "object");
    return isFlat ? `[${parts.join(", ")}]` : `[\n${parts.map((part) => inner + part).join(",\n")}\n${indent}]`;
  }
  const members = Object.entries(value).map(
    ([name, one]) => `${inner}${JSON.stringify(name)}: ${printValue(one, inner)}`,
  );
  return members.length === 0 ? "{}" : `{\n${members.join(",\n")}\n${indent}}`;
}

export function printBytes({ perCpu, definition }: KernelMap, key: Uint8Array, value: Uint8Array): string {
  if (!perCpu) return `key: ${printHex(key, " ")}  value: ${printHex(value, " ")}\n`;
  const padded = alignUp(definition.valueSize, 8);
  const lines = Array.from({ length: value.length / padded }, (_, cpu) => {
    const one = value.subarray(cpu * padded, cpu * padded + definition.valueSize);
    return `value (CPU ${String(cpu).padStart(2, "0")}): ${printHex(one, " ")}\n`;
  });
  return `key:\n${printHex(key, " ")}\n${lines.join("")}`;
}
