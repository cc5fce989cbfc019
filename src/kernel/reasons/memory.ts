/** Why accesses to map values, the stack and other memory are refused. */
import { registerState, upperBound, type VerifierLog } from "../verifier-log.ts";
import { isStore, type Reason, span } from "./reason.ts";

/** ` in map counts`, when the log names the map. */
const inMap = (log: VerifierLog, register: string): string => {
  const name = registerState(log, register)?.match(/map=([^,)]+)/)?.[1];
  return name === undefined ? "" : ` in map ${name}`;
};

const NULLABLE: Readonly<Record<string, string>> = {
  map_value_or_null: "a look-up that may have found nothing",
  ringbuf_mem_or_null: "bpf_ringbuf_reserve, which gives null when the buffer is full",
  alloc_mem_or_null: "an allocation that may have failed",
  mem_or_null: "a call that may have given null",
};

/** Calls after which pointers that were known are numbers. */
const INVALIDATES: readonly (readonly [call: RegExp, reason: string, hint: string])[] = [
  [
    /call bpf_xdp_adjust_(?:head|tail|meta)/,
    "points into the packet as it was before bpf_xdp_adjust_*, which may have moved it",
    "load data and data_end from the context again behind the call, and compare again",
  ],
  [
    /call bpf_ringbuf_(?:submit|discard)/,
    "points to a record that was already submitted or discarded",
    "use the record only before bpf_ringbuf_submit or bpf_ringbuf_discard",
  ],
];
const invalidated = ({ path }: VerifierLog, register: string) => {
  const pointer = new RegExp(`\\b${register}(?:_w)?=(?:pkt|ringbuf_mem|mem)`);
  const last = path.findLastIndex((line) => pointer.test(line));
  return last < 0 ? undefined : INVALIDATES.find(([call]) => path.slice(last).some((line) => call.test(line)));
};

const FOLLOWED =
  "follow only pointers that came from the context, a map, the stack or a helper; one that was stored in parts or calculated with is a number";

/** MAX_BPF_STACK (include/linux/filter.h). */
const STACK_BYTES = 512;
const isInFrame = (off: string, size: string): boolean =>
  Number(off) >= -STACK_BYTES && Number(off) + Number(size) <= 0;
const STACK_WAYS: Readonly<Record<string, string>> = {
  "read from": "reads",
  "write to": "writes",
  "indirect access to": "accesses",
};
const TOO_SHORT =
  "a variable is too short for what is done with it, or the frame is full: large ones belong into a map (per-CPU array)";
const WRITE_FIRST = "write the whole variable first, with the padding between its fields: memset to 0, or = {}";

/** `R2 can be up to 65535`, or that it has no bound. */
const bound = (log: VerifierLog, register: string): string => {
  const most = upperBound(registerState(log, register));
  return most === undefined ? `${register} has no upper bound` : `${register} can be up to ${most}`;
};

export const memoryReasons: readonly Reason[] = [
  {
    sentence: /^(R\d+) invalid mem access '(\w+_or_null)'/,
    reason: ([register, kind], log) =>
      `${register} may be null: it comes from ${NULLABLE[kind!] ?? `a call that gives ${kind}`}${inMap(log, register!)}`,
    hint: ([register]) => `follow ${register} only where it was compared with null (0) and is not`,
  },
  {
    sentence: /^(R\d+) invalid mem access '(?:scalar|inv)'/,
    reason: ([register], log) => {
      if (registerState(log, register!) === "0") return `${register} is the null pointer, and is followed`;
      const known = invalidated(log, register!);
      return `${register} ${known?.[1] ?? "is followed as a pointer, but the verifier knows it only as a number"}`;
    },
    hint: ([register], log) =>
      registerState(log, register!) === "0"
        ? "compare what a call gives with null (0) before it is followed"
        : (invalidated(log, register!)?.[2] ?? FOLLOWED),
  },
  {
    sentence: /^(R\d+) invalid mem access '(\w+)'/,
    reason: ([register, kind]) => `${register} is of kind ${kind}, and memory behind it cannot be accessed`,
    hint: ([, kind]) =>
      kind === "pkt_end" ? "data_end is only there to be compared with: read through data" : "pass it to helpers only",
  },
  {
    sentence: /^invalid access to map (value|key), (?:value|key)_size=(\d+) off=(-?\d+) size=(\d+)/,
    reason: ([what, have, off, size]) =>
      `it accesses ${span(Number(off), Number(size))} of a map ${what} that has ${have} bytes`,
    hint: ([, have]) =>
      `keep the index in bounds (compare it, or mask it: index &= N - 1) so that all lies within ${have} bytes`,
  },
  {
    sentence: /^invalid access to memory, mem_size=(\d+) off=(-?\d+) size=(\d+)/,
    reason: ([have, off, size]) => `it accesses ${span(Number(off), Number(size))} of memory that has ${have} bytes`,
    hint: "ask for more bytes where the memory comes from (bpf_ringbuf_reserve, bpf_dynptr_slice), or access less",
  },
  {
    sentence: /^(R\d+) unbounded memory access, (?:make sure|use)/,
    reason: ([register], log) => `the offset or length in ${register} is not bounded: ${bound(log, register!)}`,
    hint: ([register]) =>
      `bound it right before, and in the register that is used: if (x > MAX) return, or x &= MAX (${register})`,
  },
  {
    sentence: /^(R\d+) min value is negative/,
    reason: ([register]) => `the offset or length in ${register} may be negative`,
    hint: "use an unsigned type and compare with an upper bound, or mask it: x &= MAX",
  },
  {
    sentence: /^(R\d+) (?:max|min) value is outside of the (?:allowed memory|array) range/,
    reason: ([register]) => `what ${register} points to may lie outside of the memory`,
    hint: "bound the index before it is added to the pointer",
  },
  {
    sentence: /^invalid (read from|write to|indirect access to) stack R\d+ off=(-?\d+) size=(\d+)/,
    reason: ([way, off, size]) =>
      way === "read from" && isInFrame(off!, size!)
        ? `it reads ${size} bytes at ${off} of the stack frame, which were never written`
        : `it ${STACK_WAYS[way!]} ${size} bytes at ${off} of the stack frame, which reaches from -${STACK_BYTES} to 0`,
    hint: ([way, off, size]) => (way === "read from" && isInFrame(off!, size!) ? WRITE_FIRST : TOO_SHORT),
  },
  {
    sentence: /^invalid stack (?:type R\d+ )?off=(-?\d+) (?:access_)?size=(\d+)/,
    reason: ([off, size]) =>
      `it accesses ${size} bytes at ${off} of the stack frame, which reaches from -${STACK_BYTES} to 0`,
    hint: TOO_SHORT,
  },
  {
    sentence: /^invalid (?:indirect )?read from stack (?:R\d+ )?off (-?\d+)\+(\d+) size (\d+)/,
    reason: ([off, at]) => `it reads byte ${Number(off) + Number(at)} of the stack frame, which was never written`,
    hint: WRITE_FIRST,
  },
  {
    sentence: /^misaligned stack access off \S+ size (\d+)/,
    reason: ([size]) => `a pointer or an access of ${size} bytes on the stack is not aligned to ${size}`,
    hint: ([size]) => `place the variable at a multiple of ${size}, or access it byte by byte`,
  },
  {
    sentence: /^misaligned (?:(\w+) )?access off \S+ size (\d+)/,
    reason: ([what, size]) =>
      `an access of ${size} bytes${what ? ` to the ${what}` : ""} is not aligned, and must be here`,
    hint: "read the bytes one by one, or copy them to an aligned variable first",
  },
  {
    sentence: /corrupt(?:ed)? spill(?:ed)? (?:pointer|memory)/,
    reason: "a pointer that was saved on the stack is overwritten in part",
    hint: "keep pointers and other variables in places of their own",
  },
  {
    sentence: /variable-offset (?:read|write|stack|indirect)|variable (?:offset )?stack access/,
    reason: "it accesses the stack at an index that may lead out of the variable",
    hint: "compare the index with the length of the array first, or mask it",
  },
  {
    sentence: /^write into map forbidden/,
    reason: "it writes into a map that programs may only read (constants, BPF_F_RDONLY_PROG)",
    hint: "make it a variable (.data, .bss: no const), or create the map without BPF_F_RDONLY_PROG",
  },
  {
    sentence: /^read from map forbidden/,
    reason: "it reads a map that programs may only write (BPF_F_WRONLY_PROG)",
    hint: "create the map without BPF_F_WRONLY_PROG",
  },
  {
    sentence: /^only read from (\w+) is supported|cannot write into (rdonly_\w+)|write into mem forbidden/,
    reason: ([map], log) =>
      `it ${isStore(log) ? "writes to" : "changes"} ${map ? "the map itself, not one of its values" : "memory that is read-only"}`,
    hint: ([map]) =>
      map
        ? "look an element up, and write through what the look-up gives"
        : "copy it to the stack, and change the copy",
  },
];
