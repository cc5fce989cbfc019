/** The programs of a plan, compiled. */
import { type Compiled, compileOrThrow } from "xdpkit/compiler";
import { Headend } from "../program/behaviours.ts";
import type { Plan } from "../program/plan.ts";
import { createProgram } from "../program/program.xdp.ts";

export interface Programs extends ReturnType<typeof createProgram> {
  readonly compiled: Compiled;
}

/** Whether its program looks tunnels up in a table of sessions. */
export const hasTunnels = ({ hasSessions, headends }: Plan): boolean => hasSessions && headends.has(Headend.MGtp4D);

const MOST = 4;
const latest = new Map<string, Programs>();

/**
 * Compiles them, or returns those of an equal plan among the last four: a reload that changes only what tables hold compiles
 * nothing.
 *
 * @throws XdpkitError COMPILER_*
 */
export function programsFor(plan: Plan): Programs {
  const key = JSON.stringify(plan, plain);
  const programs = latest.get(key) ?? compilePlan(plan);
  latest.delete(key);
  latest.set(key, programs);
  if (latest.size > MOST) latest.delete(latest.keys().next().value!);
  return programs;
}

function compilePlan(plan: Plan): Programs {
  const made = createProgram(plan);
  return { ...made, compiled: compileOrThrow(hasTunnels(plan) ? [made.program, made.carry] : [made.program]) };
}

const plain = (_: string, value: unknown): unknown => {
  if (value instanceof Set) return [...value].sort();
  return typeof value === "bigint" ? `${value}` : value;
};
