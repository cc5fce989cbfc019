/**
 * What an object takes from the running kernel: configuration, symbols, functions. As libbpf, a weak one that is missing has
 * address 0, and a call of it is refused by the verifier only where it is reached.
 */
import { readFileSync } from "node:fs";
import { invariant, xdpkitError } from "../base/index.ts";
import { resolve } from "../btf/index.ts";
import { type Instruction, LD_IMM64 } from "../isa/index.ts";
import { type BpfExtern, type BpfMap, type BpfObject, encodeKconfig } from "../object/index.ts";
import { MapFlag, MapType } from "../uapi/index.ts";
import { readKconfig } from "./kconfig.ts";
import { kernelFunctionId, kernelVariableId } from "./kernel-btf.ts";

/** Values of `src` of `ld_imm64` (include/uapi/linux/bpf.h). */
const PSEUDO_MAP_VALUE = 2;
const PSEUDO_BTF_ID = 3;
/** `src` of a call of a kernel function. */
const PSEUDO_KFUNC_CALL = 2;
/** `imm` of a call to a function that this kernel lacks: libbpf's mark. */
const MISSING_FUNCTION = 2002000000;

/** The map that holds the values of `__kconfig` variables; undefined when the object has none. */
export function kconfigMap({ externs }: BpfObject): BpfMap | undefined {
  if (!externs.some(({ kind }) => kind === "kconfig")) return undefined;
  const bytes = encodeKconfig(externs, readKconfig(), missing);
  return {
    name: KCONFIG_MAP,
    style: "data",
    type: MapType.ARRAY,
    keySize: 4,
    valueSize: bytes.length,
    maxEntries: 1,
    flags: MapFlag.RDONLY_PROG,
    pinByName: false,
    data: { section: KCONFIG_MAP, readOnly: true, bytes, variables: [] },
  };
}

export const KCONFIG_MAP = ".kconfig";

const missing = (name: string) => xdpkitError("KERNEL_UNKNOWN_KERNEL_SYMBOL", { name });

/**
 * The instruction with what it names in place. `kconfig`: descriptor of the map of `kconfigMap`.
 *
 * @throws XdpkitError KERNEL_UNKNOWN_KERNEL_SYMBOL
 */
export function resolveExtern(object: BpfObject, instruction: Instruction, name: string, kconfig: number): Instruction {
  const extern = object.externs.find((one) => one.name === name);
  invariant(extern !== undefined, "references name externs of the object");
  if (extern.kind === "kconfig") return address(instruction, PSEUDO_MAP_VALUE, kconfig, extern.offset);
  if (extern.kind === "ksym") return symbol(instruction, extern, isTyped(object, extern));
  const id = kernelFunctionId(extern.name);
  if (id === undefined && !extern.weak) throw missing(extern.name);
  // Code only asks whether the function is there, and kernels before 6.4 take no address of one: any number but 0 says yes.
  if (instruction.opcode === LD_IMM64) return address(instruction, 0, id ?? 0, 0);
  return { ...instruction, imm: id ?? MISSING_FUNCTION, src: id ? PSEUDO_KFUNC_CALL : 0, offset: 0 };
}

const address = (instruction: Instruction, src: number, imm: number, high: number): Instruction => ({
  ...instruction,
  src,
  imm,
  high,
});

type Symbol = Extract<BpfExtern, { kind: "ksym" }>;

const isTyped = ({ btf }: BpfObject, { type }: Symbol): boolean =>
  btf !== undefined && type !== undefined && resolve(btf, type).kind !== "void";

/** A variable with a type is the kernel's BTF's; one without (`void`) is an address of /proc/kallsyms. */
function symbol(instruction: Instruction, { name, weak }: Symbol, typed: boolean): Instruction {
  const id = typed ? kernelVariableId(name) : undefined;
  if (id !== undefined) return address(instruction, PSEUDO_BTF_ID, id, 0);
  const place = typed ? undefined : symbolAddress(name);
  if (place === undefined && !weak) throw missing(name);
  const value = place ?? 0n;
  return address(instruction, 0, Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));
}

/** 0 where the kernel hides addresses (kernel.kptr_restrict). */
function symbolAddress(name: string): bigint | undefined {
  const found = new RegExp(`^([0-9a-f]+) \\S ${name}$`, "m").exec(readFileSync("/proc/kallsyms", "latin1"));
  return found ? BigInt(`0x${found[1]}`) : undefined;
}
