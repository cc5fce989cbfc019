/** BTF through bpf(2): loading it, and the `func_info` and `line_info` rows that refer to it. */
import { xdpkitError } from "../base/index.ts";
import { type Btf, type BtfType, StringTable, writeBtfSection } from "../btf/index.ts";
import type { LinkedProgram } from "../object/index.ts";
import { errnoName } from "../uapi/index.ts";
import { attributes, BpfCommand, closeFd, tryBpf } from "./syscall.ts";

export class LoadedBtf implements Disposable {
  readonly fd: number;

  constructor(fd: number) {
    this.fd = fd;
  }

  /** Rows for BPF_PROG_LOAD: one function per row, in order. */
  program(linked: LinkedProgram): { fd: number; functions: Uint8Array; lines: Uint8Array } {
    const typed = linked.functions.every((one) => one.function.type !== undefined);
    const rows = typed ? linked.functions.map(({ function: one, start }) => [linked.slots[start]!, one.type!]) : [];
    return { fd: this.fd, functions: new Uint8Array(Uint32Array.from(rows.flat()).buffer), lines: new Uint8Array(0) };
  }

  [Symbol.dispose](): void {
    closeFd(this.fd);
  }
}

/** @throws XdpkitError KERNEL_CALL */
export function loadBtf(btf: Btf): LoadedBtf {
  const bytes = writeBtfSection({ types: btf.types.map(acceptable) }, new StringTable());
  const fd = tryBpf(BpfCommand.BtfLoad, attributes().pointer(0, bytes).u32(16, bytes.length));
  if (fd < 0) throw xdpkitError("KERNEL_CALL", { call: "BPF_BTF_LOAD", errno: errnoName(fd) });
  return new LoadedBtf(fd);
}

/**
 * What libbpf changes before it loads BTF: externs have no place in the kernel's copy, so extern functions become global
 * ones and sections that hold them become plain structs without members.
 */
function acceptable(type: BtfType): BtfType {
  if (type.kind === "function" && type.linkage === "extern") return { ...type, linkage: "global" };
  if (type.kind === "variable" && type.linkage === "extern") return { ...type, linkage: "global" };
  if (type.kind === "section" && (type.name === ".ksyms" || type.name === ".kconfig")) {
    return { kind: "int", name: "section", size: 4, bits: 32, bitOffset: 0, signed: false, char: false, bool: false };
  }
  return type;
}
