/**
 * BTF of an object: the types of maps, of global data and of functions, from the schemas of the language.
 *
 * Bit fields count from the most significant bit in the language and from the least significant in BTF. Invariant: types
 * are added once; members stand in the order of their bits, as the kernel demands.
 */
import type { Btf, BtfMember, BtfType, TypeId } from "../btf/index.ts";
import { type FieldLayout, type Layout, layoutOf, type Schema, type StructLayout } from "../schema/index.ts";

export class BtfBuilder {
  readonly #types: BtfType[] = [{ kind: "void" }];
  readonly #known = new Map<string, TypeId>();

  finish(): Btf {
    return { types: this.#types };
  }

  add(type: BtfType, key = JSON.stringify(type)): TypeId {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const id = this.#types.push(type) - 1;
    this.#known.set(key, id);
    return id;
  }

  int(name: string, size: number, signed = false, char = false, bool = false): TypeId {
    return this.add({ kind: "int", name, size, bits: bool ? 8 : size * 8, bitOffset: 0, signed, char, bool });
  }

  pointer(type: TypeId): TypeId {
    return this.add({ kind: "pointer", type });
  }

  array(element: TypeId, length: number): TypeId {
    return this.add({ kind: "array", element, index: this.int("__ARRAY_SIZE_TYPE__", 4), length });
  }

  /** `typedef unsigned … __u32`, as the kernel's headers have it. */
  unsigned(size: 1 | 2 | 4 | 8): TypeId {
    const [alias, name] = UNSIGNED[size];
    return this.add({ kind: "typedef", name: alias, type: this.int(name, size) });
  }

  schema(schema: Schema<unknown>): TypeId {
    return this.layout(layoutOf(schema));
  }

  layout(layout: Layout): TypeId {
    switch (layout.kind) {
      case "integer":
        return this.#integer(layout);
      case "bool":
        return this.int("_Bool", 1, false, false, true);
      case "address":
        if (layout.family === "ipv4") return this.add({ kind: "typedef", name: "__be32", type: this.unsigned(4) });
        return this.#bytes(layout.size);
      case "bytes":
        return this.#bytes(layout.size);
      case "array":
        return this.array(this.layout(layout.element), layout.length);
      case "struct":
        return this.#struct(layout);
      case "bits":
        return this.unsigned(1);
      case "spinLock":
        return this.struct("bpf_spin_lock", [["val", this.int("unsigned int", 4), 0]], 4);
    }
  }

  #integer({ size, signed, byteOrder }: Extract<Layout, { kind: "integer" }>): TypeId {
    const type = signed ? this.int(SIGNED[size], size, true) : this.unsigned(size);
    if (byteOrder === "host" || size === 1) return type;
    return this.add({ kind: "typedef", name: `__be${8 * size}`, type });
  }

  #bytes(size: number): TypeId {
    return this.array(this.unsigned(1), size);
  }

  /** A struct of the kernel: its members with their types and offsets in bytes. */
  struct(
    name: string,
    fields: readonly (readonly [name: string, type: TypeId, offset: number])[],
    size: number,
  ): TypeId {
    const members = fields.map(([member, type, offset]) => ({ name: member, type, bitOffset: offset * 8, bitSize: 0 }));
    return this.add({ kind: "struct", name, size, bitfields: false, members });
  }

  /** A union of the kernel, of members with their types. */
  union(name: string, fields: readonly (readonly [name: string, type: TypeId])[], size: number): TypeId {
    const members = fields.map(([member, type]) => ({ name: member, type, bitOffset: 0, bitSize: 0 }));
    return this.add({ kind: "union", name, size, bitfields: false, members });
  }

  /** An enum of the kernel: 4 bytes, values from 0. */
  enumeration(name: string, names: readonly string[]): TypeId {
    const values = names.map((one, value) => ({ name: one, value }));
    return this.add({ kind: "enum", name, size: 4, signed: false, values });
  }

  #struct(layout: StructLayout): TypeId {
    const parts = layout.fields.map((field) => this.#member(field));
    const members = parts.flat().sort((a, b) => a.bitOffset - b.bitOffset);
    const bitfields = members.some(({ bitSize }) => bitSize > 0);
    return this.add({ kind: "struct", name: layout.name, size: layout.size, bitfields, members });
  }

  #member({ name, offsetBits, layout }: FieldLayout): BtfMember[] {
    if (layout.kind !== "bits") return [{ name, type: this.layout(layout), bitOffset: offsetBits, bitSize: 0 }];
    const first = Math.floor(offsetBits / 8);
    const last = Math.floor((offsetBits + layout.width - 1) / 8);
    // A field across bytes is not contiguous in BTF's order: its bytes are given by parts.
    const members: BtfMember[] = [];
    for (let byte = first; byte <= last; byte++) {
      const from = Math.max(offsetBits, 8 * byte) - 8 * byte;
      const to = Math.min(offsetBits + layout.width, 8 * byte + 8) - 8 * byte;
      const part = first === last ? name : `${name}_${byte - first}`;
      members.push({ name: part, type: this.unsigned(1), bitOffset: 8 * byte + 8 - to, bitSize: to - from });
    }
    return members;
  }

  /** `int name(struct xdp_md *ctx)`. */
  program(name: string): TypeId {
    const context = this.pointer(this.context());
    const prototype = this.add({
      kind: "prototype",
      returns: this.int("int", 4, true),
      parameters: [{ name: "ctx", type: context }],
    });
    return this.add({ kind: "function", name, prototype, linkage: "global" });
  }

  /** `u64 name(u64, …)`: registers, whatever they hold. */
  subprogram(name: string, parameters: number): TypeId {
    const type = this.unsigned(8);
    const prototype = this.add({
      kind: "prototype",
      returns: type,
      parameters: Array.from({ length: parameters }, (_, index) => ({ name: `argument${index}`, type })),
    });
    return this.add({ kind: "function", name, prototype, linkage: "static" });
  }

  /** `int name(const struct xdp_md *ctx, …)` with pointers to unsigned integers, as the kernel declares it. */
  kfunc(name: string, sizes: readonly (1 | 2 | 4 | 8)[]): TypeId {
    const context = this.pointer(this.add({ kind: "const", type: this.context() }));
    const parameters = [context, ...sizes.map((size) => this.pointer(this.unsigned(size)))];
    return this.kernelFunction(
      name,
      this.int("int", 4, true),
      parameters.map((type, index) => [index === 0 ? "ctx" : `result${index}`, type]),
    );
  }

  /** A function of the kernel, with what it returns (0: nothing) and takes. */
  kernelFunction(
    name: string,
    returns: TypeId,
    parameters: readonly (readonly [name: string, type: TypeId])[],
  ): TypeId {
    const list = parameters.map(([parameter, type]) => ({ name: parameter, type }));
    const prototype = this.add({ kind: "prototype", returns, parameters: list });
    return this.add({ kind: "function", name, prototype, linkage: "extern" });
  }

  /** `struct xdp_md`. */
  context(): TypeId {
    const names = ["data", "data_end", "data_meta", "ingress_ifindex", "rx_queue_index", "egress_ifindex"];
    const type = this.unsigned(4);
    return this.struct(
      "xdp_md",
      names.map((name, index) => [name, type, 4 * index] as const),
      24,
    );
  }

  variable(name: string, type: TypeId, linkage: "static" | "global"): TypeId {
    return this.add({ kind: "variable", name, type, linkage });
  }
}

const UNSIGNED = {
  1: ["__u8", "unsigned char"],
  2: ["__u16", "unsigned short"],
  4: ["__u32", "unsigned int"],
  8: ["__u64", "unsigned long long"],
} as const;
const SIGNED = { 1: "signed char", 2: "short", 4: "int", 8: "long long" } as const;
