/** The numbers of `include/uapi/linux/btf.h`: magic, header and kinds. */
import type { BtfType } from "./types.ts";

export const BTF_MAGIC = 0xeb9f;
export const BTF_VERSION = 1;
/** Bytes of the header that everyone writes: magic, version, flags, and five lengths. */
export const BTF_HEADER_LENGTH = 24;

/** `BTF_KIND_*` to our name of the kind; the index is the number. */
export const KINDS = [
  "void",
  "int",
  "pointer",
  "array",
  "struct",
  "union",
  "enum",
  "forward",
  "typedef",
  "volatile",
  "const",
  "restrict",
  "function",
  "prototype",
  "variable",
  "section",
  "float",
  "declTag",
  "typeTag",
  "enum64",
] as const satisfies readonly BtfType["kind"][];

/** `enum btf_func_linkage` and the linkage of `struct btf_var`; the index is the number. */
export const LINKAGES = ["static", "global", "extern"] as const;

/** Bits of the word that follows an `int`. */
export const INT_SIGNED = 1;
export const INT_CHAR = 2;
export const INT_BOOL = 4;
