/** Helper functions by number and by name. */
import { HELPERS } from "./helpers.gen.ts";

export interface HelperFact {
  readonly id: number;
  /** With its `bpf_` prefix. */
  readonly name: string;
  /** First kernel version that has it. */
  readonly since: string;
  /** Whether an XDP program may call it. */
  readonly xdp: boolean;
}

const byId = new Map<number, HelperFact>(HELPERS.map((helper) => [helper.id, helper]));
const byName = new Map<string, HelperFact>(HELPERS.map((helper) => [helper.name, helper]));

export const helperById = (id: number): HelperFact | undefined => byId.get(id);
export const helperByName = (name: string): HelperFact | undefined => byName.get(name);
