/**
 * BTF as a C header, letter for letter what `bpftool btf dump … format c` 7.1 prints.
 *
 * Types come in the order of their ids, each after what its definition needs; a struct that is only pointed to is
 * declared before its first use. Invariant: every named type is defined once.
 */
import { xdpkitError } from "../base/index.ts";
import { DeclarationPrinter } from "./print-declaration.ts";
import { MAX_NESTING, Orderer } from "./print-order.ts";
import { typeOf } from "./query.ts";
import type { Btf, BtfType, TypeId } from "./types.ts";

const HEAD = `#ifndef __VMLINUX_H__
#define __VMLINUX_H__

#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute push (__attribute__((preserve_access_index)), apply_to = record)
#endif

`;

const TAIL = `#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute pop
#endif

#endif /* __VMLINUX_H__ */
`;

/** GCC's names of Arm's SIMD types, which no header declares. */
const MISSING_TYPES: ReadonlyMap<string, string> = new Map([
  ["__Poly8_t", "unsigned char"],
  ["__Poly16_t", "unsigned short"],
  ["__Poly64_t", "unsigned long long"],
  ["__Poly128_t", "unsigned __int128"],
]);

/** The header of all types. @throws BTF_CYCLE, BTF_LIMIT */
export function printBtf(btf: Btf): string {
  const printer = new BtfPrinter(btf);
  for (let id = 1; id < btf.types.length; id++) printer.print(id);
  return `${HEAD}${printer.text}${TAIL}`;
}

/** One type with all that it needs, without the guards of a header. @throws BTF_CYCLE, BTF_LIMIT, BTF_TYPE_ID */
export function printType(btf: Btf, id: TypeId): string {
  const printer = new BtfPrinter(btf);
  printer.print(id);
  return printer.text;
}

/** The kernel's own BTF takes a million; anonymous structs that share members could unfold without end. */
const MAX_STEPS = 10_000_000;

class BtfPrinter {
  readonly #btf: Btf;
  readonly #orderer: Orderer;
  readonly #declarations: DeclarationPrinter;
  readonly #states = new Map<TypeId, "emitting" | "emitted">();
  readonly #declared = new Set<TypeId>();
  readonly #parts: string[] = [];
  #steps = 0;

  constructor(btf: Btf) {
    this.#btf = btf;
    this.#orderer = new Orderer(btf);
    this.#declarations = new DeclarationPrinter(btf);
  }

  get text(): string {
    return this.#parts.join("");
  }

  print(id: TypeId): void {
    for (const queued of this.#orderer.order(id)) this.#emit(queued, 0, 0);
  }

  #write(declaration: string): void {
    this.#parts.push(declaration, ";\n\n");
  }

  /** `container` is the definition that needs the type; 0 asks for the definition of the type itself. */
  #emit(id: TypeId, container: TypeId, depth: number): void {
    const state = this.#states.get(id);
    if (state === "emitted") return;
    if (depth > MAX_NESTING) throw xdpkitError("BTF_CYCLE", { id });
    if (++this.#steps > MAX_STEPS) throw xdpkitError("BTF_LIMIT", { what: `printing type ${id}`, limit: MAX_STEPS });
    const type = typeOf(this.#btf, id);
    if (state === "emitting") this.#declareAgain(id, type, container);
    else this.#emitType(id, type, container, depth + 1);
  }

  /** A type that is being defined is needed inside of its own definition. */
  #declareAgain(id: TypeId, type: BtfType, container: TypeId): void {
    if (this.#declared.has(id)) return;
    if (type.kind === "typedef") {
      this.#typedef(id, type.name);
      this.#declared.add(id);
    } else if ((type.kind === "struct" || type.kind === "union") && id !== container && type.name !== "") {
      this.#declare(id);
    }
  }

  #declare(id: TypeId): void {
    this.#write(this.#declarations.tag(id));
    this.#declared.add(id);
  }

  #typedef(id: TypeId, name: string): void {
    if (name !== "__builtin_va_list") this.#write(this.#declarations.typedef(id));
  }

  #emitType(id: TypeId, type: BtfType, container: TypeId, depth: number): void {
    switch (type.kind) {
      case "int":
        this.#emitInt(id, type.name);
        return;
      case "enum":
      case "enum64":
        if (container === 0) this.#write(this.#declarations.enumeration(id, type, 0));
        this.#states.set(id, "emitted");
        return;
      case "pointer":
      case "volatile":
      case "const":
      case "restrict":
      case "typeTag":
        this.#emit(type.type, container, depth);
        return;
      case "array":
        this.#emit(type.element, container, depth);
        return;
      case "forward":
        this.#write(this.#declarations.tag(id));
        this.#states.set(id, "emitted");
        return;
      case "typedef":
        this.#states.set(id, "emitting");
        this.#emit(type.type, id, depth);
        if (!this.#declared.has(id)) this.#typedef(id, type.name);
        this.#states.set(id, "emitted");
        return;
      case "struct":
      case "union":
        this.#emitComposite(id, type, container, depth);
        return;
      case "prototype":
        this.#emit(type.returns, container, depth);
        for (const parameter of type.parameters) this.#emit(parameter.type, container, depth);
        return;
      default:
        return;
    }
  }

  #emitInt(id: TypeId, name: string): void {
    const alias = MISSING_TYPES.get(name);
    if (alias !== undefined) this.#write(`typedef ${alias} ${name}`);
    this.#states.set(id, "emitted");
  }

  #emitComposite(
    id: TypeId,
    type: Extract<BtfType, { kind: "struct" | "union" }>,
    container: TypeId,
    depth: number,
  ): void {
    this.#states.set(id, "emitting");
    if (container === 0 || type.name === "") {
      const inner = type.name === "" ? container : id;
      for (const member of type.members) this.#emit(member.type, inner, depth);
    } else if (!this.#declared.has(id) && id !== container) {
      this.#declare(id);
    }
    if (container === 0) {
      this.#write(this.#declarations.composite(id, type, 0));
      this.#states.set(id, "emitted");
    } else {
      this.#states.delete(id);
    }
  }
}
