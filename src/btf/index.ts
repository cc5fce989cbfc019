/** btf: the BPF type format: read, written, printed as C. */
export type { Btf, BtfFunctionLinkage, BtfMember, BtfType, TypeId } from "./types.ts";
