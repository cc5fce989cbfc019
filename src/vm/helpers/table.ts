/** How helpers are written down: by their kernel name, each a function of the CPU whose r1 to r5 are the arguments. */
import type { HelperFunction } from "../cpu.ts";

export type HelperTable = Readonly<Record<`bpf_${string}`, HelperFunction>>;
