/** object: BpfObject, the plain data in the middle; its ELF reader, ELF writer, CO-RE and linker. */

export { type AssembleOptions, assemble } from "./assemble.ts";
export {
  type BpfExtern,
  type BpfFunction,
  type BpfMap,
  type BpfObject,
  CORE_KINDS,
  type CoreKind,
  type CoreRelocation,
  type GlobalData,
  type GlobalVariable,
  type Label,
  type ProgramKind,
  type Reference,
  type SourceLine,
} from "./bpf-object.ts";
export { applyCoreRelocations, type CoreOptions, type CoreOutcome, type CoreResult } from "./core.ts";
export {
  type DisassembledLine,
  type DisassembleOptions,
  disassemble,
  type PrintDisassemblyOptions,
  printDisassembly,
  printReference,
} from "./disassemble.ts";
export { type EntryCodecs, entryCodecs, perCpuCodec } from "./entry-codecs.ts";
export { type MapFill, parseFill, printFill } from "./fill.ts";
export { encodeGlobals, setGlobals, setVariables } from "./globals.ts";
export { encodeKconfig, type KconfigValue, type KconfigValues } from "./kconfig.ts";
export { type LinkedProgram, link } from "./link.ts";
export { printAssembly } from "./print-assembly.ts";
export { programKind, UNKNOWN_KIND, withProgramType } from "./program-kind.ts";
export { type Reach, reachOf } from "./reach.ts";
export { type ReadElfOptions, readElf } from "./read-elf.ts";
export { sourceOf } from "./source-of.ts";
export {
  type Codec,
  recordCodec,
  recordType,
  type ValueWindow,
  valueWindow,
  variableCodec,
} from "./value-codec.ts";
export { type WriteElfOptions, writeElf } from "./write-elf.ts";
