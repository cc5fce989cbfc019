/** Errors of the schema layer: declarations that cannot be laid out, and values that do not fit their layout. */
import { entry } from "./entry.ts";

export const schemaErrors = {
  SCHEMA_BITS_UNALIGNED: entry(
    (p: { bits: number }) => `a group of bits is ${p.bits} bits long, which is not a whole number of bytes`,
    (p) => `add bits(${8 - (p.bits % 8)}) for the reserved bits that the format has there`,
  ),
  SCHEMA_BITS_WIDTH: entry(
    (p: { width: number }) => `bits(${p.width}) is not a field of 1 to 32 bits`,
    () => "split a wider field, or use be64",
  ),
  SCHEMA_LENGTH: entry(
    (p: { what: string; length: number }) => `${p.what} cannot have the length ${p.length}`,
    () => "lengths are integers from 0 to 2^31 - 1, fixed when the layout is declared",
  ),
  SCHEMA_FIELD_NAME: entry(
    (p: { name: string }) => `"${p.name}" cannot be the name of a field`,
    () => 'use an identifier; digits alone would be reordered, and "constructor" and "__proto__" belong to the object',
  ),
  SCHEMA_NOT_A_SCHEMA: entry(
    (p: { found: string }) => `${p.found} does not describe memory`,
    () => "use u8 … u64, be16 … be64, bits(n), bytes(n), array(…), an address, or a class that extends struct({…})",
  ),
  SCHEMA_NAMED: entry(
    (p: { found: string }) => `${p.found} cannot have names for its values`,
    () => "named(…) takes an integer of at most 32 bits or bits(n)",
  ),
  SCHEMA_TYPE: entry(
    (p: { expected: string; found: string }) => `expected ${p.expected}, found ${p.found}`,
    (p) => `give ${p.expected}`,
  ),
  SCHEMA_RANGE: entry(
    (p: { value: string; type: string; minimum: string; maximum: string }) =>
      `${p.value} does not fit into ${p.type}: ${p.minimum} to ${p.maximum}`,
    (p) => `wrap it on purpose with a cast such as u8(…), or give a value from ${p.minimum} to ${p.maximum}`,
  ),
  SCHEMA_ADDRESS: entry(
    (p: { text: string; family: string; example: string }) => `${JSON.stringify(p.text)} is not ${p.family} address`,
    (p) => `write it as ${JSON.stringify(p.example)}`,
  ),
  SCHEMA_SIZE: entry(
    (p: { what: string; need: number; have: number }) => `${p.what} takes ${p.need} bytes, here are ${p.have}`,
    () => "the sizes must match",
  ),
  SCHEMA_UNKNOWN_FIELD: entry(
    (p: { struct: string; field: string; known: readonly string[] }) => `${p.struct} has no field "${p.field}"`,
    (p) => `its fields are ${p.known.join(", ")}`,
  ),
  SCHEMA_MISSING_FIELD: entry(
    (p: { struct: string; field: string }) => `the field "${p.field}" of ${p.struct} is missing`,
    (p) => `give it, or make the value with new ${p.struct}({…}), which fills in zeros`,
  ),
  SCHEMA_JSON_SYNTAX: entry(
    (p: { problem: string }) => `not JSON: ${p.problem}`,
    () => 'structs and arrays are written as JSON, such as {"port": 53}',
  ),
} as const;
