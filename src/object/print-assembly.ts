/**
 * A whole object as assembler text, which `assemble` reads back: the directives of assemble.ts, and instructions with
 * what they refer to behind an `@`.
 *
 * BTF, source lines and CO-RE relocations have no text; kinds of externs are kept, their types are not. Invariant:
 * functions, maps, global data and references of `assemble(printAssembly(o))` are those of `o`.
 */
import { printHex } from "../base/index.ts";
import type { BpfExtern, BpfMap, BpfObject } from "./bpf-object.ts";
import { disassemble, printReference } from "./disassemble.ts";

/** Bytes of global data on one line. */
const BYTES_PER_LINE = 32;

/** The text that `assemble` reads back as the same object. */
export function printAssembly(object: BpfObject): string {
  const lines = [
    `.license ${JSON.stringify(object.license)}`,
    ...(object.kernelVersion === undefined ? [] : [`.version 0x${object.kernelVersion.toString(16)}`]),
    ...object.maps.flatMap(printMap),
    ...object.externs.map(printExtern),
    // Slots name maps and functions that may stand further down.
    ...object.maps.flatMap(printSlots),
  ];
  const bodies = bodiesOf(object);
  let section: string | undefined;
  for (const { name, linkage, ...function_ } of object.functions) {
    if (function_.section !== section) lines.push("", `.section ${function_.section}`);
    section = function_.section;
    lines.push("", `.${linkage} ${name}`);
    for (const line of bodies.get(name) ?? []) lines.push(line);
  }
  return `${lines.join("\n")}\n`;
}

function printMap(map: BpfMap): string[] {
  if (map.data) return printData(map);
  const line = `.map ${map.name} style=${map.style} ${printFields(map)}`;
  return map.inner ? [line, `.inner ${map.name} ${printFields(map.inner)}`] : [line];
}

function printFields(map: BpfMap): string {
  const { type, keySize, valueSize, maxEntries, flags, numaNode, extra, pinByName } = map;
  const fields = [`type=${type}`, `key=${keySize}`, `value=${valueSize}`, `entries=${maxEntries}`, `flags=${flags}`];
  if (numaNode !== undefined) fields.push(`numa=${numaNode}`);
  if (extra !== undefined) fields.push(`extra=${extra}`);
  if (pinByName) fields.push("pin");
  return fields.join(" ");
}

function printData({ data, flags }: BpfMap): string[] {
  if (!data) return [];
  const lines = [`.data ${data.section} size=${data.bytes.length} flags=${flags}`];
  for (let at = 0; at < data.bytes.length; at += BYTES_PER_LINE) {
    const bytes = data.bytes.subarray(at, at + BYTES_PER_LINE);
    if (bytes.some((byte) => byte !== 0)) lines.push(`.bytes ${at} ${printHex(bytes)}`);
  }
  for (const { name, offset, size, linkage } of data.variables) {
    lines.push(`.variable ${name} offset=${offset} size=${size} ${linkage}`);
  }
  return lines;
}

function printSlots(map: BpfMap): string[] {
  return (map.slots ?? []).map(({ index, target }) => `.slot ${map.name} ${index} ${target}`);
}

function printExtern(extern: BpfExtern): string {
  const place = extern.kind === "kconfig" ? ` offset=${extern.offset} size=${extern.size}` : "";
  return `.extern ${extern.kind} ${extern.name}${place}${extern.weak ? " weak" : ""}`;
}

/** The lines of each function by its name. */
function bodiesOf(object: BpfObject): ReadonlyMap<string, readonly string[]> {
  const bodies = new Map<string, string[]>();
  for (const { function: name, text, labels, reference } of disassemble(object)) {
    const body = bodies.get(name) ?? [];
    bodies.set(name, body);
    for (const label of labels) if (label !== name) body.push(`${label}:`);
    body.push(`  ${text}${reference ? ` @${printReference(reference)}` : ""}`);
  }
  return bodies;
}
