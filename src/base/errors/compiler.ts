/** Errors of the compiler layer. */
import { entry } from "./entry.ts";

export const compilerErrors = {
  COMPILER_STACK: entry(
    (p: { name: string; bytes: number }) => `${p.name} needs ${p.bytes} bytes of stack; a BPF frame has 512`,
    () => "keep large values in a per-CPU array, or move a part into a subprogram",
  ),
} as const;
