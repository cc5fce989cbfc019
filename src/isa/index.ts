/** isa: the eBPF instruction set (RFC 9669) as one table; encode, decode, print, parse. */
export { type DecodeOptions, decode, encode } from "./encode.ts";
export { type Instruction, LD_IMM64, slotsOf, startSlots } from "./instruction.ts";
export { type Parsed, type ParseOptions, parse, parseLines } from "./parse.ts";
export { type Dialect, jumpDistance, type PrintOptions, print, wideImmediate } from "./print.ts";
export { FORMS, type Form, type Group, type Version } from "./table.ts";
export { formOf } from "./template.ts";
