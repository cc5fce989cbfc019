/**
 * ELF objects of clang (and aya, cilium, iproute2) to BpfObject, taking what libbpf takes.
 *
 *   ELF → BTF and .BTF.ext → maps, globals, externs → functions → references
 *
 * Invariant: what is returned is complete: each reference, slot and type names something that is there.
 */
import { locate, XdpkitError, xdpkitError } from "../base/index.ts";
import { type Btf, readBtfSection } from "../btf/index.ts";
import type { BpfFunction, BpfMap, BpfObject } from "./bpf-object.ts";
import { type BtfExt, readBtfExt } from "./btf-ext.ts";
import { type ElfFile, type ElfSection, parseElf } from "./elf.ts";
import { type PlacedMap, readBtfMaps } from "./read-btf-maps.ts";
import { completeSectionTypes, readDataMaps, readOtherSections } from "./read-data.ts";
import { readExterns } from "./read-externs.ts";
import { type PlacedFunction, readFunctions } from "./read-functions.ts";
import { readLegacyMaps } from "./read-legacy-maps.ts";
import { indexFunctions, indexTargets, withReferences } from "./read-references.ts";
import { fillLegacySlots, fillSlots } from "./read-slots.ts";

/** How strictly an object is read, and what errors call it. */
export interface ReadElfOptions {
  /** The file, for error locations. */
  readonly name?: string;
  /** Refuse unknown opcodes and reserved bits, which only the kernel refuses otherwise. Default false. */
  readonly strict?: boolean;
}

/**
 * The programs, maps, globals and BTF of an object file, in either byte order.
 *
 * @throws OBJECT_*, BTF_* and ISA_* with the byte offset of what is wrong.
 */
export function readElf(bytes: Uint8Array, options: ReadElfOptions = {}): BpfObject {
  try {
    return readObject(parseElf(bytes), options.strict ?? false);
  } catch (error) {
    if (!(error instanceof XdpkitError) || options.name === undefined) throw error;
    throw locate(error, { kind: "file", file: options.name });
  }
}

function readObject(elf: ElfFile, strict: boolean): BpfObject {
  refuseStructOps(elf);
  const { btf, ext } = readTypes(elf);
  const placed = readFunctions(elf, ext, strict);
  const maps = [...readDeclaredMaps(elf, btf, placed), ...readDataMaps(elf, btf).map(unplaced)];
  const externs = readExterns(elf, btf);
  const targets = indexTargets(elf, placed, maps, externs);
  const kernelVersion = readVersion(elf);
  const sections = readOtherSections(elf, btf);
  return {
    license: readLicense(elf),
    ...(kernelVersion === undefined ? {} : { kernelVersion }),
    functions: placed.map((function_): BpfFunction => withReferences(targets, function_)),
    maps: maps.map(({ map }): BpfMap => map),
    externs,
    ...(sections.length > 0 ? { sections } : {}),
    ...(btf ? { btf } : {}),
    ...(elf.littleEndian ? {} : { bigEndian: true }),
  };
}

const unplaced = (map: BpfMap): PlacedMap => ({ map, offset: -1, size: 0 });

function readDeclaredMaps(elf: ElfFile, btf: Btf | undefined, functions: readonly PlacedFunction[]): PlacedMap[] {
  const legacy = fillLegacySlots(readLegacyMaps(elf), functions);
  if (!btf) {
    if (sectionNamed(elf, ".maps")) throw xdpkitError("OBJECT_BTF_MISSING", { what: "the .maps section" });
    return legacy;
  }
  return [...legacy, ...fillSlots(elf, readBtfMaps(btf), indexFunctions(functions))];
}

function sectionNamed(elf: ElfFile, name: string): ElfSection | undefined {
  return elf.sections.find((section) => section.name === name && section.bytes.length > 0);
}

function refuseStructOps(elf: ElfFile): void {
  const section = elf.sections.find(({ name }) => name.startsWith(".struct_ops"));
  if (section) throw xdpkitError("OBJECT_STRUCT_OPS", { section: section.name });
}

function readTypes(elf: ElfFile): { btf?: Btf; ext?: BtfExt } {
  const types = sectionNamed(elf, ".BTF");
  if (!types) return {};
  const { btf, strings, littleEndian } = readBtfSection(types.bytes, { base: types.offset });
  const complete = completeSectionTypes(btf, elf);
  const section = sectionNamed(elf, ".BTF.ext");
  if (!section) return { btf: complete };
  return { btf: complete, ext: readBtfExt(section.bytes, strings, { littleEndian, base: section.offset }) };
}

function readLicense(elf: ElfFile): string {
  const bytes = sectionNamed(elf, "license")?.bytes ?? new Uint8Array();
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}

/** LINUX_VERSION_CODE, which kprobes of old kernels had to match. */
function readVersion(elf: ElfFile): number | undefined {
  const bytes = sectionNamed(elf, "version")?.bytes;
  if (bytes?.length !== 4) return undefined;
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, elf.littleEndian);
}
