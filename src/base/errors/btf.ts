/** Errors of the btf layer. */
import { entry } from "./entry.ts";

export const btfErrors = {
  BTF_MAGIC: entry(
    (p: { found: number }) => `not BTF: it begins with 0x${p.found.toString(16).padStart(4, "0")} instead of 0xeb9f`,
    () => "give the contents of a .BTF section, or /sys/kernel/btf/vmlinux",
  ),
  BTF_VERSION: entry(
    (p: { version: number }) => `BTF version ${p.version} is not known`,
    () => "version 1 is the only one there is (Documentation/bpf/btf.rst)",
  ),
  BTF_TRUNCATED: entry(
    (p: { what: string; need: number; have: number }) => `${p.what} needs ${p.need} bytes, ${p.have} are left`,
    () => "the section was cut off, or one of its counts is wrong",
  ),
  BTF_STRINGS: entry(
    (p: { problem: string }) => `bad string section: ${p.problem}`,
    () => "it begins with an empty string and ends with a zero byte",
  ),
  BTF_NAME: entry(
    (p: { offset: number; length: number }) =>
      `name at ${p.offset} lies outside of the string section of ${p.length} bytes`,
    () => "a name is an offset into the string section",
  ),
  BTF_KIND: entry(
    (p: { kind: number; id: number }) => `type ${p.id} is of the unknown kind ${p.kind}`,
    () => "kinds 1 (int) to 19 (enum64) are known",
  ),
  BTF_TYPE_ID: entry(
    (p: { id: number; types: number }) => `type ${p.id} does not exist, there are ${p.types}`,
    () => "ids count from 1; 0 is void",
  ),
  BTF_FIELD: entry(
    (p: { id: number; field: string; value: number }) => `${p.field} of type ${p.id} is ${p.value}`,
    () => "Documentation/bpf/btf.rst gives the range of each field",
  ),
  BTF_CYCLE: entry(
    (p: { id: number }) => `type ${p.id} contains itself`,
    () => "only a pointer may lead back to a type",
  ),
  BTF_LIMIT: entry(
    (p: { what: string; limit: number }) => `${p.what} passes the limit of ${p.limit}`,
    () => "types nest so deeply or so often that no compiler wrote them",
  ),
  BTF_NO_SIZE: entry(
    (p: { type: string }) => `${p.type} has no size`,
    () => "void, functions and forward declarations have no values",
  ),
  BTF_VALUE_SIZE: entry(
    (p: { need: number; have: number }) => `the value has ${p.have} bytes, its type has ${p.need}`,
    () => "give exactly as many bytes as the type has",
  ),
  BTF_VALUE: entry(
    (p: { found: string; expected: string }) => `found ${p.found}, expected ${p.expected}`,
    (p: { found: string; expected: string }) => `write ${p.expected}`,
  ),
  BTF_VALUE_RANGE: entry(
    (p: { value: string; min: string; max: string }) => `${p.value} does not fit: ${p.min} to ${p.max}`,
    (p: { value: string; min: string; max: string }) => `write a number from ${p.min} to ${p.max}`,
  ),
  BTF_VALUE_MEMBER: entry(
    (p: { name: string; known: readonly string[] }) => `there is no member ${p.name}`,
    (p: { name: string; known: readonly string[] }) => `members are ${p.known.join(", ")}`,
  ),
  BTF_VALUE_LENGTH: entry(
    (p: { found: number; length: number }) => `${p.found} elements for an array of ${p.length}`,
    (p: { found: number; length: number }) => `give at most ${p.length}; missing ones are zero`,
  ),
} as const;
