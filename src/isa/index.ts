/** isa: the eBPF instruction set (RFC 9669) as one table; encode, decode, print, parse. */
export { type Instruction, LD_IMM64, slotsOf } from "./instruction.ts";
