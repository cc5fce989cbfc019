/** The kernel's types for `run --btf`: which file, and what the program's CO-RE relocations found in it. */
import { existsSync } from "node:fs";
import { type Btf, readBtf } from "../btf/index.ts";
import { type BpfObject, readElf } from "../object/index.ts";
import type { Engine } from "./engine.ts";
import { inFile, readBytes } from "./files.ts";

const RUNNING_KERNEL = "/sys/kernel/btf/vmlinux";
const ELF_MAGIC = 0x7f;

export interface KernelTypes {
  readonly file: string;
  readonly btf: Btf;
}

/** CO-RE relocations of the programs that ran. */
export interface CoreReport {
  /** The file of the kernel's types; null when there was none, and they kept what the compiler put in. */
  readonly types: string | null;
  readonly patched: number;
  /** What the kernel does not have: instructions that must not be reached. */
  readonly poisoned: number;
  readonly asCompiled: number;
}

/**
 * The types that an object's relocations are to ask: a file of BTF (raw, or an ELF file with a .BTF section), by default
 * those of the running kernel where it has them; undefined for `none` and where nothing asks.
 *
 * @throws XdpkitError CLI_FILE, BTF_*
 */
export async function kernelTypes(object: BpfObject, wanted: string | undefined): Promise<KernelTypes | undefined> {
  const asks = object.functions.some(({ relocations }) => relocations.length > 0);
  if (wanted === "none" || (wanted === undefined && !(asks && existsSync(RUNNING_KERNEL)))) return undefined;
  const file = wanted ?? RUNNING_KERNEL;
  const bytes = await readBytes(file);
  return { file, btf: await inFile(file, () => readTypes(bytes, file)) };
}

function readTypes(bytes: Uint8Array, file: string): Btf {
  const btf = bytes[0] === ELF_MAGIC ? readElf(bytes, { name: file }).btf : undefined;
  return btf ?? readBtf(bytes);
}

/** Undefined where no relocation was met. */
export function coreReport({ core }: Engine, types: KernelTypes | undefined): CoreReport | undefined {
  const poisoned = core.outcomes.filter(({ outcome }) => outcome === "poisoned").length;
  if (core.outcomes.length + core.unrelocated === 0) return undefined;
  return {
    types: types?.file ?? null,
    patched: core.outcomes.length - poisoned,
    poisoned,
    asCompiled: core.unrelocated,
  };
}

export function printCore(report: CoreReport | undefined): string {
  if (!report) return "";
  const { types, patched, poisoned, asCompiled } = report;
  if (types === null)
    return `\n  CO-RE: ${asCompiled} relocations as compiled, without a kernel's types (--btf FILE)\n`;
  const missing = poisoned > 0 ? `, ${poisoned} of them for what it does not have` : "";
  return `\n  CO-RE: ${patched + poisoned} relocations by ${types}${missing}\n`;
}
