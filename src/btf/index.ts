/** btf: the BPF type format: read, written, printed as C; values decoded and encoded by it. */
export { decodeValue, type ValueOptions } from "./decode-value.ts";
export { type EncodeOptions, encodeValue } from "./encode-value.ts";
export { type Leaf, leavesOf } from "./leaves.ts";
export { printBtf, printType } from "./print.ts";
export {
  alignmentOf,
  describe,
  findByName,
  nameIndex,
  resolve,
  resolveId,
  sizeOf,
  typeOf,
} from "./query.ts";
export { type BtfSection, type ReadBtfOptions, readBtf, readBtfSection } from "./read.ts";
export { type SpecialField, specialFields } from "./special-fields.ts";
export { StringSection, StringTable } from "./strings.ts";
export type { Btf, BtfFunctionLinkage, BtfMember, BtfType, TypeId } from "./types.ts";
export type { PlainValue } from "./value.ts";
export { type FieldDeclaration, type TypeDeclaration, ValueTypes } from "./value-types.ts";
export { addBtfNames, writeBtf, writeBtfSection } from "./write.ts";
