/**
 * Externs: what the kernel provides when the object is loaded (libbpf's bpf_object__collect_externs).
 *
 * `.kconfig` variables get places in one value, largest alignment first; `.ksyms` are addresses and functions of the
 * kernel. Invariant: only names that the symbol table leaves undefined are externs.
 */
import { alignUp } from "../base/index.ts";
import { alignmentOf, type Btf, resolve, sizeOf, type TypeId } from "../btf/index.ts";
import type { BpfExtern } from "./bpf-object.ts";
import type { ElfFile } from "./elf.ts";
import { compareText } from "./elf-symbols.ts";

/** In the order of the symbol table, kconfig values with their offsets. */
export function readExterns(elf: ElfFile, btf: Btf | undefined): BpfExtern[] {
  if (!btf) return [];
  const declared = declaredExterns(btf);
  const externs: BpfExtern[] = [];
  for (const symbol of elf.symbols) {
    if (symbol.section !== 0 || symbol.binding === "local" || symbol.name === "") continue;
    const declaration = declared.get(symbol.name);
    if (declaration) externs.push(readExtern(btf, symbol.name, symbol.binding === "weak", declaration));
  }
  return placeKconfig(btf, externs);
}

interface Declaration {
  readonly section: string;
  /** Of the function, or of the variable's value. */
  readonly type: TypeId;
  readonly isFunction: boolean;
}

/** Everything that `.kconfig` and `.ksyms` declare. */
function declaredExterns(btf: Btf): ReadonlyMap<string, Declaration> {
  const declared = new Map<string, Declaration>();
  for (const section of btf.types) {
    if (section.kind !== "section" || (section.name !== ".kconfig" && section.name !== ".ksyms")) continue;
    for (const row of section.variables) {
      const type = btf.types[row.type];
      if (type?.kind === "variable") {
        declared.set(type.name, { section: section.name, type: type.type, isFunction: false });
      }
      if (type?.kind === "function") {
        declared.set(type.name, { section: section.name, type: row.type, isFunction: true });
      }
    }
  }
  return declared;
}

function readExtern(btf: Btf, name: string, weak: boolean, declaration: Declaration): BpfExtern {
  const { type, section, isFunction } = declaration;
  if (isFunction) return { kind: "kfunc", name, weak, type };
  if (section === ".kconfig") return { kind: "kconfig", name, weak, type, offset: 0, size: sizeOf(btf, type) };
  const typed = resolve(btf, type).kind === "void" ? {} : { type };
  return { kind: "ksym", name, weak, ...typed };
}

/** libbpf's order: larger alignment first, then the smaller, then by name. */
function placeKconfig(btf: Btf, externs: readonly BpfExtern[]): BpfExtern[] {
  const offsets = new Map<string, number>();
  let end = 0;
  const ordered = externs
    .flatMap((extern) => (extern.kind === "kconfig" ? [{ extern, alignment: alignmentOf(btf, extern.type) }] : []))
    .sort(
      (a, b) => b.alignment - a.alignment || a.extern.size - b.extern.size || compareText(a.extern.name, b.extern.name),
    );
  for (const { extern, alignment } of ordered) {
    const offset = alignUp(end, alignment);
    offsets.set(extern.name, offset);
    end = offset + extern.size;
  }
  return externs.map((extern) =>
    extern.kind === "kconfig" ? { ...extern, offset: offsets.get(extern.name) ?? 0 } : extern,
  );
}
