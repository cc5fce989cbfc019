/**
 * BTF (Documentation/bpf/btf.rst in the kernel) as plain data.
 *
 * `Btf.types[id]` is the type of that id; id 0 is `void`. Names are resolved strings, "" for anonymous. Invariant: the
 * order of `types` is the order of the file, so ids held elsewhere (maps, functions, line info) stay valid.
 */
export type TypeId = number;

/** A type as `struct btf_type` has it (include/uapi/linux/btf.h), with names instead of string offsets. */
export type BtfType =
  | { readonly kind: "void" }
  | {
      readonly kind: "int";
      readonly name: string;
      readonly size: number;
      readonly bits: number;
      readonly bitOffset: number;
      readonly signed: boolean;
      readonly char: boolean;
      readonly bool: boolean;
    }
  | { readonly kind: "pointer"; readonly type: TypeId }
  | { readonly kind: "array"; readonly element: TypeId; readonly index: TypeId; readonly length: number }
  | {
      readonly kind: "struct" | "union";
      readonly name: string;
      readonly size: number;
      readonly bitfields: boolean;
      readonly members: readonly BtfMember[];
    }
  | {
      readonly kind: "enum";
      readonly name: string;
      readonly size: number;
      readonly signed: boolean;
      readonly values: readonly { readonly name: string; readonly value: number }[];
    }
  | {
      readonly kind: "enum64";
      readonly name: string;
      readonly size: number;
      readonly signed: boolean;
      readonly values: readonly { readonly name: string; readonly value: bigint }[];
    }
  | { readonly kind: "forward"; readonly name: string; readonly union: boolean }
  | { readonly kind: "typedef"; readonly name: string; readonly type: TypeId }
  | { readonly kind: "volatile" | "const" | "restrict"; readonly type: TypeId }
  | {
      readonly kind: "function";
      readonly name: string;
      readonly prototype: TypeId;
      readonly linkage: BtfFunctionLinkage;
    }
  | {
      readonly kind: "prototype";
      readonly returns: TypeId;
      readonly parameters: readonly { readonly name: string; readonly type: TypeId }[];
    }
  | {
      readonly kind: "variable";
      readonly name: string;
      readonly type: TypeId;
      readonly linkage: "static" | "global" | "extern";
    }
  | {
      readonly kind: "section";
      readonly name: string;
      readonly size: number;
      readonly variables: readonly { readonly type: TypeId; readonly offset: number; readonly size: number }[];
    }
  | { readonly kind: "float"; readonly name: string; readonly size: number }
  | {
      readonly kind: "declTag";
      readonly name: string;
      readonly type: TypeId;
      readonly component: number;
      readonly attribute?: boolean;
    }
  | { readonly kind: "typeTag"; readonly name: string; readonly type: TypeId; readonly attribute?: boolean };

/** As `BTF_FUNC_STATIC`, `BTF_FUNC_GLOBAL` and `BTF_FUNC_EXTERN`. */
export type BtfFunctionLinkage = "static" | "global" | "extern";

/** A field of a struct or union. */
export interface BtfMember {
  /** Empty for an anonymous struct or union. */
  readonly name: string;
  /** Id of its type. */
  readonly type: TypeId;
  /** Bits from the start of the struct. */
  readonly bitOffset: number;
  /** 0 when the member is not a bit field. */
  readonly bitSize: number;
}

/** Types of one section: an id is an index into them. */
export interface Btf {
  /** By id; 0 is `void`. */
  readonly types: readonly BtfType[];
}
