/** The running kernel's own BTF (/sys/kernel/btf/vmlinux), read once and only when a program needs it. */
import { readFileSync } from "node:fs";
import { nameIndex, readBtf } from "../btf/index.ts";

let functions: ReadonlyMap<string, number> | undefined;

/** The BTF id of a kernel function; undefined when this kernel does not have it. */
export function kernelFunctionId(name: string): number | undefined {
  functions ??= readFunctions();
  return functions.get(name);
}

function readFunctions(): ReadonlyMap<string, number> {
  const btf = readBtf(readFileSync("/sys/kernel/btf/vmlinux"));
  const found = new Map<string, number>();
  for (const [name, ids] of nameIndex(btf)) {
    const id = ids.find((one) => btf.types[one]?.kind === "function");
    if (id !== undefined) found.set(name, id);
  }
  return found;
}
