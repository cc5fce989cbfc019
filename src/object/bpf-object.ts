/**
 * BpfObject: the one object in the middle, as plain data (no methods, no file descriptors).
 *
 * The ELF reader, the assembler and the compiler produce it; the disassembler, the verifier, the VM, the kernel layer
 * and the ELF writer consume it. Instructions stay unlinked: what an ELF file would relocate is a `Reference` beside
 * them. `link()` lays one program and the functions that it reaches out in a row.
 *
 * Invariant: `instruction` indices (references, lines) count Instructions of their own function, not slots.
 */
import type { Btf, TypeId } from "../btf/index.ts";
import type { Instruction } from "../isa/index.ts";

/**
 * An object as plain data: what readers, assembler and compiler make, and disassembler, machine, loader and writer
 * take.
 */
export interface BpfObject {
  /** Contents of the `license` section; "" when there is none. */
  readonly license: string;
  /** Contents of the legacy `version` section (LINUX_VERSION_CODE). */
  readonly kernelVersion?: number;
  /** Entry points and subprograms, in file order. */
  readonly functions: readonly BpfFunction[];
  /** In the order of their declaration. */
  readonly maps: readonly BpfMap[];
  /** What the kernel must have. */
  readonly externs: readonly BpfExtern[];
  /** Sections of data that no loader makes maps of (`.xdp_run_config` of libxdp): they are kept for those who read them. */
  readonly sections?: readonly GlobalData[];
  /** Types of maps, functions and variables; absent in objects without `.BTF`. */
  readonly btf?: Btf;
  /** Set for `bpfeb` objects, whose global data and packet accesses are big endian: they can be shown, not run here. */
  readonly bigEndian?: true;
}

/** A program, or a function that programs call. */
export interface BpfFunction {
  /** Symbol of the object, unique. */
  readonly name: string;
  /** ELF section: `xdp`, `xdp/devmap`, `.text`. */
  readonly section: string;
  /** As in ELF: static ones are seen in the object only, of weak ones another may take the place. */
  readonly linkage: "global" | "static" | "weak";
  /** Present on entry points: what the section name says (libbpf's section names). */
  readonly program?: ProgramKind;
  /** Unlinked: what an instruction refers to is in `references`. A 64-bit load is one instruction and two slots. */
  readonly instructions: readonly Instruction[];
  /** Ordered by instruction. */
  readonly references: readonly Reference[];
  /** Ordered by instruction. */
  readonly lines: readonly SourceLine[];
  /** CO-RE relocations, ordered by instruction. */
  readonly relocations: readonly CoreRelocation[];
  /** The BTF `function` type. */
  readonly type?: TypeId;
  /** Local labels of the symbol table (`LBB0_2`), ordered by instruction; only older compilers leave them. */
  readonly labels?: readonly Label[];
}

/** A name for a place inside a function. */
export interface Label {
  /** Symbol of the object. */
  readonly name: string;
  /** Index of the instruction that it stands before. */
  readonly instruction: number;
}

/** What a program is for, as libbpf reads it from the section's name. */
export interface ProgramKind {
  /** `xdp`, `xdp/devmap`, `xdp/cpumap`; other program types keep libbpf's name (`tc`, `fentry`). */
  readonly kind: string;
  /** `xdp.frags`: accepts multi-buffer packets. */
  readonly fragments: boolean;
  /** False for `?xdp` sections: libbpf loads them only on request. */
  readonly autoload: boolean;
}

/** What an `ld_imm64` or a call means before it is linked. */
export type Reference = { readonly instruction: number } & (
  | { readonly kind: "map"; readonly map: string }
  /** The address of `offset` bytes into the value of a global-data map. */
  | { readonly kind: "mapValue"; readonly map: string; readonly offset: number }
  /** A BPF-to-BPF call, or the address of a function for a callback (`ld_imm64`). */
  | { readonly kind: "function"; readonly function: string }
  | { readonly kind: "extern"; readonly extern: string }
);

/** One row of `.BTF.ext` line info. */
export interface SourceLine {
  /** Index of the first instruction of the line. */
  readonly instruction: number;
  /** Path as the compiler wrote it. */
  readonly file: string;
  /** The source line itself. */
  readonly text: string;
  /** From 1; 0 when unknown. */
  readonly line: number;
  /** From 1; 0 where the compiler wrote none. */
  readonly column: number;
}

/** One row of `.BTF.ext` CO-RE relocations; `kind` is `enum bpf_core_relo_kind` (include/uapi/linux/bpf.h). */
export interface CoreRelocation {
  /** Index of the instruction whose immediate or offset it sets. */
  readonly instruction: number;
  /** What it asks for. */
  readonly kind: CoreKind;
  /** Id of the type in the object's BTF that the access begins at. */
  readonly type: TypeId;
  /** `0:1:2` for fields, the enumerator's index for enum kinds, `0` for type kinds. */
  readonly access: string;
}

/** By their number, `enum bpf_core_relo_kind` (include/uapi/linux/bpf.h). */
export const CORE_KINDS = [
  "fieldByteOffset",
  "fieldByteSize",
  "fieldExists",
  "fieldSigned",
  "fieldLeftShift",
  "fieldRightShift",
  "typeIdLocal",
  "typeIdTarget",
  "typeExists",
  "typeSize",
  "enumValueExists",
  "enumValue",
  "typeMatches",
] as const;
/** What a CO-RE relocation asks for. */
export type CoreKind = (typeof CORE_KINDS)[number];

/** A map that the object declares. */
export interface BpfMap {
  /** Symbol of the object, unique. The kernel keeps 15 characters. */
  readonly name: string;
  /** How the object declares it: legacy `maps` section, BTF `.maps` section, or a section of global data. */
  readonly style: "legacy" | "btf" | "data";
  /** `enum bpf_map_type`. */
  readonly type: number;
  /** Bytes. */
  readonly keySize: number;
  /** Bytes. */
  readonly valueSize: number;
  /** Elements; bytes for ring buffers. 0 where the loader says it. */
  readonly maxEntries: number;
  /** BPF_F_*. */
  readonly flags: number;
  /** Number of the NUMA node of its memory. */
  readonly numaNode?: number;
  /** For instance the number of hashes of a bloom filter. */
  readonly extra?: bigint;
  /** LIBBPF_PIN_BY_NAME. */
  readonly pinByName: boolean;
  /** Id of the key's type in the object's BTF. */
  readonly keyType?: TypeId;
  /** Id of the value's type in the object's BTF. */
  readonly valueType?: TypeId;
  /** Template of the maps that a map-in-map holds. */
  readonly inner?: BpfMap;
  /** Static initialisation of map-in-map (`map`) and program arrays (`function`): index → name. */
  readonly slots?: readonly { readonly index: number; readonly target: string }[];
  /** Global data (`style` is `data`): the first value, and its section and variables. */
  readonly data?: GlobalData;
}

/** A section of variables: for the kernel an array of one element. */
export interface GlobalData {
  /** ELF section: `.rodata`, `.data`, `.bss`, `.rodata.str1.1`, `.data.counters`. */
  readonly section: string;
  /** True for `.rodata*`: BPF_F_RDONLY_PROG, frozen after load. */
  readonly readOnly: boolean;
  /** Initial values; zeros for `.bss`. */
  readonly bytes: Uint8Array;
  /** By their offset. */
  readonly variables: readonly GlobalVariable[];
  /** Where the section holds addresses of other things: no loader fills them in, and they are 0 when the program runs. */
  readonly addresses?: readonly { readonly offset: number; readonly target: string }[];
  /** The BTF `section` type. */
  readonly type?: TypeId;
}

/** A variable in a section of data. */
export interface GlobalVariable {
  /** Symbol of the object. */
  readonly name: string;
  /** Bytes from the beginning of its section. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
  /** As in ELF. */
  readonly linkage: "global" | "static" | "weak";
  /** Id of its type in the object's BTF. */
  readonly type?: TypeId;
}

/** What the object expects of the kernel: a configuration value, a kernel function or a kernel variable. */
export type BpfExtern =
  /** A value of the running kernel's configuration (`CONFIG_HZ`, `LINUX_KERNEL_VERSION`). */
  | {
      readonly kind: "kconfig";
      readonly name: string;
      readonly weak: boolean;
      readonly type: TypeId;
      readonly offset: number;
      readonly size: number;
    }
  /** The address of a kernel symbol, typed or not (`__ksym` variable). */
  | { readonly kind: "ksym"; readonly name: string; readonly weak: boolean; readonly type?: TypeId }
  /** A kernel function. */
  | { readonly kind: "kfunc"; readonly name: string; readonly weak: boolean; readonly type: TypeId };
