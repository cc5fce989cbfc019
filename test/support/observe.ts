/** What a program did, in a form that runs on different machines can be compared in. */
import { printHex } from "../../src/base/index.ts";
import type { MapAccess, OutcomesAccess } from "../../src/lang/index.ts";
import { print, type Schema } from "../../src/schema/index.ts";
import type { RandomRun } from "./random-modules.ts";
import { createReference, type ReferenceProgram } from "./reference/index.ts";

export interface Observation {
  readonly verdicts: readonly { readonly action: number; readonly packet: string }[];
  /** By the name of the export: entries as text, sorted; counters; values of globals. */
  readonly state: Readonly<Record<string, readonly string[]>>;
}

/** Runs the packets of a run, one after another, on a reference machine of its own. */
export function observe(exports: Readonly<Record<string, unknown>>, run: RandomRun): Observation {
  const machine = createReference(exports["program"] as ReferenceProgram, { maps: run.maps });
  const verdicts = run.packets.map((bytes) => {
    const { action, packet } = machine.run(bytes);
    return { action, packet: printHex(packet) };
  });
  const state = Object.entries(exports).flatMap(([name, handle]) => {
    const lines = isHandle(handle) ? linesOf(handle, machine.map(handle as never)) : undefined;
    return lines ? [[name, lines] as const] : [];
  });
  return { verdicts, state: Object.fromEntries(state) };
}

export interface Handle {
  readonly declaration?: { readonly type: string; readonly key?: Schema<unknown>; readonly value?: Schema<unknown> };
  readonly names?: readonly string[];
  readonly schema?: Schema<unknown>;
}

export const isHandle = (value: unknown): value is Handle =>
  typeof value === "object" && value !== null && ["declaration", "names", "schema"].some((part) => part in value);

function linesOf({ declaration, names, schema }: Handle, access: object): string[] | undefined {
  if (names)
    return Object.entries((access as OutcomesAccess<string>).read()).map(([name, count]) => `${name} ${count}`);
  if (schema) return [print(schema, (access as { readonly value: unknown }).value)];
  if (!declaration?.key || !declaration.value) return undefined;
  const { key, value } = declaration;
  const entries = [...(access as MapAccess<unknown, unknown>).entries()];
  return entries.map(([at, held]) => `${print(key!, at)} = ${printHeld(value, held)}`).toSorted();
}

/** Values of per-CPU maps are a list: that of the CPU that ran. */
const printHeld = (schema: Schema<unknown>, held: unknown): string =>
  print(schema, Array.isArray(held) ? held[0] : held);
