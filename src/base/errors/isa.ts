/** Errors of the isa layer. */
import { entry } from "./entry.ts";

export const isaErrors = {
  ISA_UNKNOWN_OPCODE: entry(
    (p: { opcode: number }) => `unknown opcode 0x${p.opcode.toString(16)}`,
    () => "RFC 9669 section 5 lists the opcodes; a lenient decode keeps unknown ones as they are",
  ),
  ISA_RESERVED: entry(
    (p: { field: string; value: number; opcode: number }) =>
      `reserved field ${p.field} is ${p.value} in an instruction of opcode 0x${p.opcode.toString(16)}`,
    () => "fields that an instruction does not use must be zero (RFC 9669 section 3)",
  ),
  ISA_TRUNCATED: entry(
    (p: { need: number; have: number }) => `instruction needs ${p.need} bytes, ${p.have} are left`,
    () => "instructions fill 8 bytes, ld_imm64 fills 16",
  ),
  ISA_FIELD_RANGE: entry(
    (p: { field: string; value: number; min: number; max: number }) =>
      `${p.field} is ${p.value}, outside ${p.min} to ${p.max}`,
    (p) => (p.field === "offset" ? "a jump further away needs gotol" : "registers are r0 to r10, imm has 32 bits"),
  ),
  ISA_SYNTAX: entry(
    (p: { found: string; expected: string }) => `found ${p.found}, expected ${p.expected}`,
    (p: { found: string; expected: string }) => `write ${p.expected} here`,
  ),
  ISA_NUMBER_RANGE: entry(
    (p: { text: string; min: string; max: string }) => `${p.text} does not fit: ${p.min} to ${p.max}`,
    () => "use ld_imm64 (`r1 = 0x100000000 ll`) for 64-bit values",
  ),
  ISA_LABEL_UNKNOWN: entry(
    (p: { label: string; known: readonly string[] }) => `no label ${p.label}`,
    (p: { label: string; known: readonly string[] }) =>
      p.known.length > 0 ? `labels here are ${p.known.slice(0, 8).join(", ")}` : `declare it: \`${p.label}:\``,
  ),
  ISA_LABEL_TWICE: entry(
    (p: { label: string; line: number }) => `label ${p.label} was declared on line ${p.line} already`,
    () => "rename one of them",
  ),
} as const;
