/** The running kernel's own BTF (/sys/kernel/btf/vmlinux), read once and only when something needs it. */
import { readFileSync } from "node:fs";
import { type Btf, nameIndex, readBtf } from "../btf/index.ts";
import { applyCoreRelocations, type BpfObject } from "../object/index.ts";

let types: Btf | undefined;
let functions: ReadonlyMap<string, number> | undefined;

function kernelBtf(): Btf {
  types ??= readBtf(readFileSync("/sys/kernel/btf/vmlinux"));
  return types;
}

/** CO-RE against the running kernel, where the object asks for it. */
export function relocate(object: BpfObject): BpfObject {
  if (object.functions.every(({ relocations }) => relocations.length === 0)) return object;
  return applyCoreRelocations(object, kernelBtf()).object;
}

/** The BTF id of a kernel function; undefined when this kernel does not have it. */
export function kernelFunctionId(name: string): number | undefined {
  functions ??= readFunctions();
  return functions.get(name);
}

function readFunctions(): ReadonlyMap<string, number> {
  const btf = kernelBtf();
  const found = new Map<string, number>();
  for (const [name, ids] of nameIndex(btf)) {
    const id = ids.find((one) => btf.types[one]?.kind === "function");
    if (id !== undefined) found.set(name, id);
  }
  return found;
}
