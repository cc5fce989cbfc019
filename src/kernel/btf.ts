/** BTF through bpf(2): loading it, and the `func_info` and `line_info` rows that refer to it. */
import { type XdpkitError, xdpkitError } from "../base/index.ts";
import { type Btf, type BtfType, StringTable, writeBtfSection } from "../btf/index.ts";
import type { BpfFunction, LinkedProgram } from "../object/index.ts";
import { errno, errnoName } from "../uapi/index.ts";
import { Descriptor } from "./descriptor.ts";
import { attributes, BpfCommand, closeFd, tryBpf } from "./syscall.ts";

export class LoadedBtf extends Descriptor {
  readonly #strings: StringTable;

  constructor(fd: number, strings: StringTable) {
    super(fd);
    this.#strings = strings;
  }

  /** Rows for BPF_PROG_LOAD: functions (8 bytes: slot, type) and lines (16 bytes: slot, file, text, position). */
  program(linked: LinkedProgram): { fd: number; functions: Uint8Array; lines: Uint8Array } {
    const typed = linked.functions.every((one) => one.function.type !== undefined);
    const rows = typed ? linked.functions.map(({ function: one, start }) => [linked.slots[start]!, one.type!]) : [];
    return { fd: this.fd, functions: words(rows.flat()), lines: words(typed ? this.#lines(linked) : []) };
  }

  /** The kernel wants a line at the start of each function; without one it gets none. */
  #lines({ lines, slots, functions }: LinkedProgram): number[] {
    const known = new Set(lines.map(({ instruction }) => instruction));
    if (!functions.every(({ start }) => known.has(start))) return [];
    return lines.flatMap(({ instruction, file, text, line, column }) => [
      slots[instruction]!,
      this.#strings.add(file),
      this.#strings.add(text),
      (line << 10) | Math.min(column, 0x3ff),
    ]);
  }
}

const words = (values: readonly number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer);

/** The kernel writes all types in front of the one that it refuses. */
const LOG_BYTES = 1 << 20;

/**
 * Loads the types of an object, and the names and texts of its source lines. An error that is returned is KERNEL_BTF: the
 * kernel does not take these types, and programs can be loaded without (libbpf: "BTF is optional, ignoring").
 *
 * @throws XdpkitError KERNEL_CALL
 */
export function loadBtf(btf: Btf, functions: readonly BpfFunction[]): LoadedBtf | XdpkitError {
  const strings = new StringTable();
  for (const { file, text } of functions.flatMap(({ lines }) => lines)) {
    strings.add(file);
    strings.add(text);
  }
  const bytes = writeBtfSection({ types: acceptable(btf.types) }, strings);
  const fd = tryBpf(BpfCommand.BtfLoad, attributes().pointer(0, bytes).u32(16, bytes.length));
  if (fd >= 0) return new LoadedBtf(fd, strings);
  if (!REFUSED.includes(fd)) throw xdpkitError("KERNEL_CALL", { call: "BPF_BTF_LOAD", errno: errnoName(fd) });
  return xdpkitError("KERNEL_BTF", { errno: errnoName(fd), reason: reasonOf(bytes) });
}

/** Of the types themselves (kernel/bpf/btf.c, btf_parse). */
const REFUSED: readonly number[] = [-errno.EINVAL, -errno.E2BIG, -errno.EEXIST, -errno.ENOENT];

/** The last line of the log: the type and what is wrong with it. */
function reasonOf(bytes: Uint8Array): string {
  const log = new Uint8Array(LOG_BYTES);
  const asked = attributes().pointer(0, bytes).pointer(8, log).u32(16, bytes.length).u32(20, LOG_BYTES).u32(24, 1);
  const fd = tryBpf(BpfCommand.BtfLoad, asked);
  if (fd >= 0) closeFd(fd);
  const text = new TextDecoder().decode(log.subarray(0, Math.max(0, log.indexOf(0))));
  return text.trimEnd().split("\n").at(-1)!.trim();
}

/**
 * What libbpf changes before it loads BTF: externs have no place in the kernel's copy. Extern functions become global ones,
 * whose parameters the kernel wants named (clang leaves those names out), extern variables integers, and the sections that
 * hold them an integer type.
 */
function acceptable(types: readonly BtfType[]): BtfType[] {
  const externs = new Set(types.flatMap((one) => (isExtern(one) && one.kind === "function" ? one.prototype : [])));
  const integer = types.findIndex((type) => type.kind === "int" || isExternSection(type));
  return types.map((type, id) => {
    if (isExternSection(type)) return INTEGER;
    if (isExtern(type))
      return type.kind === "function" ? { ...type, linkage: "global" } : { ...type, type: integer, linkage: "global" };
    return type.kind === "prototype" && externs.has(id) ? named(type) : type;
  });
}

const INTEGER: BtfType = {
  kind: "int",
  name: "section",
  size: 4,
  bits: 32,
  bitOffset: 0,
  signed: false,
  char: false,
  bool: false,
};

type Extern = Extract<BtfType, { kind: "function" | "variable" }>;
type Prototype = Extract<BtfType, { kind: "prototype" }>;

const isExtern = (type: BtfType): type is Extern =>
  (type.kind === "function" || type.kind === "variable") && type.linkage === "extern";

const isExternSection = (type: BtfType): boolean =>
  type.kind === "section" && (type.name === ".ksyms" || type.name === ".kconfig");

const named = (type: Prototype): Prototype => ({
  ...type,
  parameters: type.parameters.map(({ name, type: of }, at) => ({ name: name || `argument${at}`, type: of })),
});
