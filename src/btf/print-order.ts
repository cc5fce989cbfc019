/**
 * In which order types are printed, so that C accepts them: what a definition embeds stands before it, what it only
 * points to may follow (libbpf's btf_dump_order_type).
 *
 * A link is strong when the definition must be there: an embedded member, an anonymous struct. Invariant: a type is
 * queued once, after everything that it has strong links to.
 */
import { xdpkitError } from "../base/index.ts";
import { isModifier, typeOf } from "./query.ts";
import { mentionedTypes } from "./read.ts";
import type { Btf, BtfType, TypeId } from "./types.ts";

/** Deeper than any real nesting; a hostile file must not exhaust the stack. */
export const MAX_NESTING = 512;

type Link = "strong" | "weak";

export class Orderer {
  readonly #btf: Btf;
  readonly #states = new Map<TypeId, "ordering" | "ordered">();
  readonly #referenced: ReadonlySet<TypeId>;
  #queue: TypeId[] = [];

  constructor(btf: Btf) {
    this.#btf = btf;
    this.#referenced = referencedTypes(btf);
  }

  /** The types to print before and with `id`, those printed earlier left out. @throws BTF_CYCLE */
  order(id: TypeId): readonly TypeId[] {
    this.#queue = [];
    this.#visit(id, false, 0);
    return this.#queue;
  }

  #visit(id: TypeId, throughPointer: boolean, depth: number): Link {
    const state = this.#states.get(id);
    if (state === "ordered") return "strong";
    const type = typeOf(this.#btf, id);
    if (depth > MAX_NESTING) throw xdpkitError("BTF_CYCLE", { id });
    if (state === "ordering") {
      if ((type.kind === "struct" || type.kind === "union") && throughPointer && type.name !== "") return "weak";
      throw xdpkitError("BTF_CYCLE", { id });
    }
    return this.#visitType(id, type, throughPointer, depth + 1);
  }

  #visitType(id: TypeId, type: BtfType, throughPointer: boolean, depth: number): Link {
    switch (type.kind) {
      case "pointer": {
        const link = this.#visit(type.type, true, depth);
        this.#states.set(id, "ordered");
        return link;
      }
      case "array":
        return this.#visit(type.element, false, depth);
      case "struct":
      case "union":
        return this.#visitComposite(id, type, throughPointer, depth);
      case "enum":
      case "enum64":
      case "forward":
        if (type.name !== "" || !this.#referenced.has(id)) this.#queue.push(id);
        this.#states.set(id, "ordered");
        return "strong";
      case "typedef": {
        const link = this.#visit(type.type, throughPointer, depth);
        if (throughPointer && link === "weak") return "weak";
        this.#queue.push(id);
        this.#states.set(id, "ordered");
        return "strong";
      }
      case "prototype": {
        const links = [type.returns, ...type.parameters.map((parameter) => parameter.type)].map((part) =>
          this.#visit(part, throughPointer, depth),
        );
        return links.includes("strong") ? "strong" : "weak";
      }
      default:
        if (isModifier(type)) return this.#visit(type.type, throughPointer, depth);
        this.#states.set(id, "ordered");
        return "weak";
    }
  }

  #visitComposite(
    id: TypeId,
    type: Extract<BtfType, { kind: "struct" | "union" }>,
    throughPointer: boolean,
    depth: number,
  ): Link {
    if (throughPointer && type.name !== "") return "weak";
    this.#states.set(id, "ordering");
    for (const member of type.members) this.#visit(member.type, false, depth);
    if (type.name !== "") this.#queue.push(id);
    this.#states.set(id, "ordered");
    return "strong";
  }
}

/** Types that another one mentions; what a function returns does not count. */
function referencedTypes(btf: Btf): ReadonlySet<TypeId> {
  const referenced = new Set<TypeId>();
  for (const type of btf.types) {
    const mentioned = type.kind === "prototype" ? type.parameters.map(({ type: id }) => id) : mentionedTypes(type);
    for (const id of mentioned) referenced.add(id);
  }
  return referenced;
}
