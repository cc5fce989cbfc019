/** btf: the BPF type format: read, written, printed as C. */
export {
  alignmentOf,
  describe,
  findByName,
  isModifier,
  nameIndex,
  resolve,
  resolveId,
  sizeOf,
  typeOf,
} from "./query.ts";
export { type BtfSection, type ReadBtfOptions, readBtf, readBtfSection } from "./read.ts";
export { StringSection, StringTable } from "./strings.ts";
export type { Btf, BtfFunctionLinkage, BtfMember, BtfType, TypeId } from "./types.ts";
