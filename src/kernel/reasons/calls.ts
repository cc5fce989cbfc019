/** Why calls of helpers and kernel functions are refused. */
import { mapTypeName } from "../../uapi/index.ts";
import type { Reason } from "./reason.ts";

/** `bpf_redirect_map#51` without its number. */
const nameOf = (helper: string): string => helper.replace(/#\d+$/, "");

/** What the verifier calls kinds of values (reg_type_str of kernel/bpf/log.c). */
const KINDS: Readonly<Record<string, string>> = {
  "": "a number",
  inv: "a number",
  scalar: "a number",
  ctx: "the context",
  fp: "a pointer to the stack",
  pkt: "a pointer into the packet",
  map_ptr: "a map",
  map_value: "a pointer to a map value",
  map_value_or_null: "the result of a look-up that may be null",
  ringbuf_mem: "a record of a ring buffer",
  func: "a function",
};
const kind = (name: string): string => KINDS[name] ?? `of kind ${name}`;
/** Kinds that are expected: `fp, pkt, map_value, `; many of them mean any memory. */
const kinds = (text: string): string => {
  const names = text.split(/, ?/).filter((name) => name !== "");
  return names.length > 3 ? "a pointer to memory (stack, packet, map value, …)" : names.map(kind).join(" or ");
};

export const callReasons: readonly Reason[] = [
  // The calls that libbpf and src/object/core-patch.ts put where a relocation or a weak function found nothing.
  {
    sentence: /^invalid func unknown#195896080/,
    reason: "it uses a type, field or value that this kernel does not have (a CO-RE relocation found nothing)",
    hint: "ask first: bpf_core_field_exists, bpf_core_type_exists, bpf_core_enum_value_exists",
  },
  {
    sentence: /^invalid func unknown#2002\d{6}$/,
    reason: "it calls a kernel function that is declared weak, and that this kernel does not have",
    hint: "call it only where it exists: if (bpf_ksym_exists(…))",
  },
  {
    sentence: /^invalid func unknown#(\d+)/,
    reason: ([id]) => `it calls helper ${id}, which this kernel does not have`,
    hint: "xdpkit doctor shows which helpers this kernel has; call it only where it is there, or use a newer kernel",
  },
  {
    sentence:
      /^(?:unknown func (\S+)|program of this type cannot use helper (\S+)|func (\S+) is not (?:supported|allowed))/,
    reason: ([old, helper, other]) => `helper ${nameOf(old ?? helper ?? other ?? "")} is not for XDP programs`,
    hint: "use a helper that XDP has: bpf-helpers(7); some also need CAP_PERFMON or a newer kernel",
  },
  {
    sentence: /might sleep|non-sleepable|sleepable (?:helper|kfunc|kernel)/,
    reason: "it calls what may sleep, and XDP programs must not",
    hint: "read with what never sleeps (bpf_probe_read_kernel), or do it in another program",
  },
  {
    sentence:
      /GPL-restricted function from non-GPL|cannot call kernel function from non-GPL|non-GPL compatible program/,
    reason: "the helper is only for programs under the GPL, and the license of this one is another",
    hint: 'declare a compatible license (char LICENSE[] SEC("license") = "GPL"), or do without the helper',
  },
  {
    sentence: /^(R\d) type=(\S*) expected=(.+)/,
    reason: ([register, have, expected]) =>
      `argument ${register!.slice(1)} of the call is ${kind(have!)}, where ${kinds(expected!)} belongs`,
    hint: ([, have, expected]) =>
      have?.endsWith("_or_null")
        ? "compare it with null before the call"
        : expected === "func"
          ? "pass a function of the program, static and with the arguments of a callback"
          : have === "scalar" || have === "inv"
            ? "pass the pointer itself: a number, or a pointer that an earlier call made invalid, will not do"
            : "see the helper's signature in bpf-helpers(7)",
  },
  {
    sentence: /^cannot pass map_type (\d+) into func (\S+)/,
    reason: ([type, helper]) => `${nameOf(helper!)} does not work on maps of type ${mapTypeName(Number(type)) ?? type}`,
    hint: ([, helper]) =>
      /redirect_map/.test(helper!)
        ? "use a DEVMAP, DEVMAP_HASH, CPUMAP or XSKMAP"
        : /tail_call/.test(helper!)
          ? "use a PROG_ARRAY"
          : "declare the map with another type, or use the helper that its type has",
  },
  {
    sentence: /^expected prog array map for tail call/,
    reason: "bpf_tail_call gets a map that is no PROG_ARRAY",
    hint: "declare the map with type PROG_ARRAY, key and value of 4 bytes",
  },
  {
    sentence: /^(R\d) is not a known constant/,
    reason: ([register]) =>
      `argument ${register!.slice(1)} of the call must be a constant, and is only known at run time`,
    hint: "pass a number that is known at compile time; for records of variable length there is bpf_ringbuf_output",
  },
  {
    sentence: /invalid zero-sized read/,
    reason: "a helper is given memory of 0 bytes, or a length that may be 0",
    hint: "call it only where the length is above 0; a map without keys has no look-up",
  },
  {
    sentence: /^(R\d) is not a scalar/,
    reason: ([register]) => `argument ${register!.slice(1)} of the kernel function must be a number`,
    hint: "pass what the function's declaration says",
  },
  {
    sentence: /calling kernel function (\S+) is not allowed/,
    reason: ([name]) => `kernel function ${name} is not for XDP programs`,
    hint: "kernel functions are registered by program type: use one that XDP has, or a helper",
  },
  {
    sentence: /metadata kfuncs require device-bound program/,
    reason: "the bpf_xdp_metadata_* functions belong to a driver, and this program is bound to no interface",
    hint: "load it for one interface (BPF_F_XDP_DEV_BOUND_ONLY with its index: ip link, libxdp); a test run has no driver",
  },
  {
    sentence:
      /^calling invalid kernel function|^kernel btf_id \d+ is not a function|^kernel function btf_id|^invalid kernel function call/,
    reason: "this kernel does not have the kernel function that is called",
    hint: "declare it __weak and call it only where it exists, or use a newer kernel",
  },
  {
    sentence: /^arg#(\d+) (.+)|^kernel function (\S+) args#(\d+)/,
    reason: ([index, what, name]) =>
      `argument ${Number(index ?? 0) + 1} of ${name ?? "the call"} does not suit: ${what ?? "it is of another type"}`,
    hint: "pass what the function's declaration says: a pointer that the kernel itself gave out, not null and not moved",
  },
  {
    sentence: /tail_calls? (?:is|are) not allowed .*?(?:frames is (\d+) bytes|BTF|interrupt)/,
    reason: ([bytes]) =>
      bytes
        ? `a function with a tail call is called with ${bytes} bytes of stack in use, and 256 is the limit`
        : "a function other than the program itself makes a tail call, and has no BTF",
    hint: "make tail calls from the program itself, or with less on the stack (and compile with -g)",
  },
  {
    sentence: /^Caller passes invalid args into func#\d+ \('([^']+)'\)/,
    reason: ([name]) => `global function ${name} is called with arguments that its declaration does not allow`,
    hint: "global functions are checked by themselves: make it static, or pass the context, numbers and pointers to sized memory",
  },
  {
    sentence: /^fd \d+ is not pointing to valid bpf_map/,
    reason: "an instruction refers to a map that is not open",
    hint: "load the object whole: LoadedObject creates its maps first",
  },
];
