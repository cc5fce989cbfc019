/** Errors of the compiler: what kernel functions may not say, and what cannot be proven. One row per reason. */
import { entry } from "./entry.ts";

const many = (found: string): string => (/^(a|an|the) /.test(found) ? found : `\`${found}\``);

export const compilerErrors = {
  COMPILER_STACK: entry(
    (p: { name: string; bytes: number }) =>
      `${p.name} needs ${p.bytes} bytes of stack; a BPF program has 512, with the subprograms that it calls`,
    () => "keep large values in a per-CPU array",
  ),
  COMPILER_CAPTURED: entry(
    (p: { name: string }) => `\`${p.name}\` belongs to the function around this one, which the kernel calls by itself`,
    () => "keep what it needs in a map or a global",
  ),
  COMPILER_UNSUPPORTED: entry(
    (p: { construct: string; instead: string }) => `${p.construct} cannot be compiled`,
    (p) => p.instead,
  ),
  COMPILER_NO_SOURCE: entry(
    (p: { name: string }) => `the source of ${p.name === "" ? "this function" : many(p.name)} is not known`,
    () => "call functions of *.xdp.ts modules, of xdpkit, or compute the value when the module is evaluated",
  ),
  COMPILER_USER_SPACE: entry(
    (p: { name: string }) => `${many(p.name)} belongs to user space`,
    () => "call it where the program is loaded or tested, not inside a kernel function",
  ),
  COMPILER_UNKNOWN_NAME: entry(
    (p: { name: string }) => `${many(p.name)} has no value that the compiler knows`,
    () => "a kernel function sees its parameters, its locals, and what its module has evaluated",
  ),
  COMPILER_NOT_EVALUATED: entry(
    (p: { name: string }) => `${many(p.name)} is not initialised yet`,
    () => "compile after the module has been evaluated; in an import cycle hand over a function instead of a value",
  ),
  COMPILER_NOT_STAGED: entry(
    (p: { what: string }) => `${p.what} must be known when the program is compiled`,
    () => "use a constant of the module, or a loop that is unrolled over constants",
  ),
  COMPILER_PATHS_DIFFER: entry(
    (p: { name: string }) => `${many(p.name)} is something else on another path`,
    () => "use it on each path, or give it one kind of value on all of them",
  ),
  COMPILER_TYPE: entry(
    (p: { expected: string; found: string }) => `${p.expected} is needed here, and this is ${p.found}`,
    () => "convert it: u32(…), BigInt(…), ipv6Address(…), new S({…})",
  ),
  COMPILER_NO_PROPERTY: entry(
    (p: { name: string; of: string }) => `${p.of} has no ${many(p.name)} in kernel code`,
    () => "kernel functions use fields, getters and methods of structs, maps, contexts and cursors",
  ),
  COMPILER_MAYBE_NULL: entry(
    (p: { what: string }) => `${many(p.what)} may be null`,
    () => "test it first: if (!x) return XdpAction.Pass; or x ?? exit(XdpAction.Drop)",
  ),
  COMPILER_NOT_PROVEN: entry(
    (p: { what: string }) => `\`!\` claims that ${many(p.what)} is there, and that cannot be proven`,
    () => "test it: x ?? exit(XdpAction.Drop)",
  ),
  COMPILER_RECURSION: entry(
    (p: { name: string }) => `${p.name === "" ? "this function" : many(p.name)} calls itself`,
    () => "write a loop: range(n), unroll(n), or loop(n, body)",
  ),
  COMPILER_DEAD_PLACE: entry(
    (p: { killer: string; line: number }) => `this place of the packet died at ${p.killer} in line ${p.line}`,
    () => "take it anew with ctx.header(…) behind that call; numbers and addresses that were read before survive",
  ),
  COMPILER_OVERWRITTEN: entry(
    (p: { line: number }) => `this is an old name for a place that line ${p.line} overwrote as a whole`,
    () => "read it before it is overwritten, keep copyOf(place), or take the place again",
  ),
  COMPILER_PLACES_COMPARED: entry(
    (p: { operator: string }) =>
      `\`${p.operator}\` says whether two names are one place, not whether the bytes are equal`,
    () => "compare the bytes with equals(a, b)",
  ),
  COMPILER_ADDRESS_OPERATION: entry(
    (p: { operation: string }) => `${p.operation} works on text; an address is 4, 6 or 16 bytes in the kernel`,
    () => "compare with === or inPrefix(…); for arithmetic use u32(address), u64(mac) or Ipv6Halves.from(address)",
  ),
  COMPILER_ADDRESS_TEXT: entry(
    (p: { text: string; family: string }) => `${JSON.stringify(p.text)} is not ${p.family}`,
    () => 'write "192.0.2.1", "2001:db8::1" or "02:00:00:00:00:01"',
  ),
  COMPILER_FRACTION: entry(
    (p: { value: number }) => `${p.value} is not a whole number`,
    () => "the kernel has integers only: round when the module is evaluated",
  ),
  COMPILER_CONSTANT_RANGE: entry(
    (p: { value: string; type: string; range: string }) => `${p.value} does not fit into ${p.type} (${p.range})`,
    () => "use a wider field, or wrap on purpose: u8(…), u16(…), u32(…)",
  ),
  COMPILER_DIVISION: entry(
    () => "`/` between numbers may give a fraction",
    () => "write Math.trunc(a / b), or a shift",
  ),
  COMPILER_PRODUCT: entry(
    (p: { operator: string; max: string }) =>
      `the result of \`${p.operator}\` may be as large as ${p.max}, and numbers are exact up to 2^53`,
    () => "bound the operands (x & 0xffff), compute with bigint, or wrap on purpose: u32(Math.imul(a, b))",
  ),
  COMPILER_NEGATIVE: entry(
    (p: { operator: string; min: number }) => `${many(p.operator)} of a number that may be negative (${p.min})`,
    () => "test it first, or wrap on purpose: u32(x)",
  ),
  COMPILER_SHIFT: entry(
    (p: { found: string; limit: number }) => `a shift by ${p.found}, and ${p.limit} is the most`,
    () => "JavaScript takes the count modulo 32, BPF modulo the width: bound it with & 31",
  ),
  COMPILER_WRAPPING_COMPARISON: entry(
    () => "a difference of bigints is never negative: it wraps at 2^64",
    () => "compare sums (a > b, now > last + n), or signed: i64(a) - i64(b) < 0n",
  ),
  COMPILER_OFFSET: entry(
    (p: { min: number; max: number; limit: number }) =>
      `the offset ${p.min === p.max ? `is ${p.min}` : `lies between ${p.min} and ${p.max}`}; it must be 0 to ${p.limit}`,
    () => "bound it: & 0x3ff, or test it before",
  ),
  COMPILER_INDEX: entry(
    (p: { min: number; max: number; length: number }) =>
      `the index lies between ${p.min} and ${p.max}; it must be 0 to ${p.length - 1}`,
    () => "test it first (if (i >= n) …), mask it, or use a loop over a constant range",
  ),
  COMPILER_LENGTH: entry(
    (p: { min: number; max: number; limit: number }) =>
      `the length lies between ${p.min} and ${p.max}; it must be 0 to ${p.limit}`,
    () => "test it first, or mask it",
  ),
  COMPILER_LOOP: entry(
    (p: { problem: string }) => `the verifier must see this loop end: ${p.problem}`,
    () => "bound it: for (const i of range(n)), a constant limit in the condition, or loop(n, body) for many rounds",
  ),
  COMPILER_LOOP_VALUE: entry(
    (p: { found: string }) => `the kernel calls the body of this loop, and between its rounds there is no ${p.found}`,
    () => "keep a number, a bigint, a boolean or an address, such as an index or a key; or go round at most 8192 times",
  ),
  COMPILER_SHARED_UPDATE: entry(
    (p: { field: string }) => `another CPU may change ${many(p.field)} between the read and the write`,
    (p) =>
      `atomic.add(place, ${JSON.stringify(p.field)}, n), a per-CPU map, withLock, or place.${p.field} = place.${p.field} + n when the race is meant`,
  ),
  COMPILER_IGNORED_RESULT: entry(
    (p: { name: string }) => `${many(p.name)} may fail, and its result is not looked at`,
    (p) => `if (!ctx.${p.name}(…)) return XdpAction.Drop;`,
  ),
  COMPILER_UNDER_LOCK: entry(
    (p: { what: string; line: number }) => `${p.what} under the lock of line ${p.line}`,
    () => "compute it before withLock, and return the result from its body",
  ),
  COMPILER_RECORD_LEAK: entry(
    (p: { line: number }) => `the record that line ${p.line} reserved is neither submitted nor discarded on this path`,
    () => "call submit(record) or discard(record) on every path",
  ),
  COMPILER_CONNECTION_LEAK: entry(
    (p: { line: number; isNew: boolean }) =>
      p.isNew
        ? `the connection that line ${p.line} allocated is not inserted on this path`
        : `the connection that line ${p.line} found is not released on this path`,
    (p) =>
      p.isNew
        ? "call insert() on every path on which it is not null: the kernel takes it back by no other way"
        : "call release() on every path on which it is not null",
  ),
  COMPILER_RELEASED: entry(
    (p: { line: number; isTaken: boolean; isInserted: boolean }) =>
      p.isTaken
        ? `the connection that line ${p.line} found belongs to another variable since paths met`
        : `the connection was ${p.isInserted ? "inserted" : "released"} in line ${p.line}, on a path that leads here`,
    (p) => {
      if (p.isTaken) return "use one variable for it";
      return p.isInserted ? "use what insert() has returned" : "use it before release(), and release it once";
    },
  ),
  COMPILER_READ_ONLY: entry(
    (p: { what: string }) => `${p.what} cannot be written from kernel code`,
    () => "use a global(…), a map, or a local variable",
  ),
  COMPILER_GPL_ONLY: entry(
    (p: { name: string; license: string }) =>
      `${many(p.name)} is for GPL programs, and the licence is ${JSON.stringify(p.license)}`,
    () => 'leave the licence out ("Dual MIT/GPL"), or do without it',
  ),
  COMPILER_TARGET: entry(
    (p: { what: string; needs: string; target: string }) =>
      `${p.what} needs Linux ${p.needs}; the target is ${p.target}`,
    () => "raise the program's target, or do without it",
  ),
  COMPILER_NO_VERDICT: entry(
    (p: { name: string }) => `${many(p.name)} has a path without a verdict`,
    () => "return an XdpAction on every path",
  ),
  COMPILER_PROGRAM_NAME: entry(
    (p: { problem: string }) => p.problem,
    () => 'export it as a constant of the module, or give it a name: xdp(…, { name: "end" })',
  ),
  COMPILER_NAME_CLASH: entry(
    (p: { name: string; kind: string }) => `two ${p.kind} are called ${many(p.name)} (the kernel keeps 15 characters)`,
    () => 'give one of them another name: { name: "…" }',
  ),
} as const;
