/** Why programs are refused for pointers that are not what a call, a slot or an operation takes (kernel/bpf/verifier.c). */
import type { Reason } from "./reason.ts";

export const typeReasons: readonly Reason[] = [
  {
    sentence: /^off (-?\d+) doesn't point to 'struct (bpf_\w+)' that is at (\d+)/,
    reason: ([off, field, at]) =>
      `the pointer is at byte ${off} of the value, and its ${field} is at byte ${at}: the call wants the field itself`,
    hint: "pass the member, as in &value->lock, and not the value or another member",
  },
  {
    sentence: /^(bpf_\w+) cannot be accessed (?:directly )?by load\/store/,
    reason: ([field]) => `it reads or writes a ${field}, which the kernel's own calls alone may touch`,
    hint: "leave the field out: copy and set the members beside it, and use it with its calls (bpf_spin_lock, bpf_timer_init)",
  },
  {
    sentence: /^helper access to the packet is not allowed/,
    reason: "this helper does not take a pointer into the packet",
    hint: "copy to the stack or a map value first (bpf_xdp_load_bytes); bpf_perf_event_output takes packet bytes by ctx, with their count in the upper half of flags",
  },
  {
    sentence: /^cannot write into (packet|sock|ctx)|^R\d+ cannot write into (\w+)/,
    reason: ([one, other]) => `it writes into the ${one ?? other}, which this program may only read`,
    hint: "write to a copy on the stack or in a map",
  },
  {
    sentence: /^write to change key R(\d+) not allowed/,
    reason: ([register]) => `it writes by R${register} to the key that bpf_for_each_map_elem gave to the callback`,
    hint: "copy the key; change elements by bpf_map_update_elem",
  },
  {
    sentence: /^Possibly NULL pointer passed to (?:helper|trusted) (?:arg|R)(\d+)/,
    reason: ([argument]) => `argument ${argument} of the call may be null on this path`,
    hint: "compare it with null before the call",
  },
  {
    sentence: /^stack size of subprog (\d+) is (\d+)\. Too large/,
    reason: ([, bytes]) => `a function needs ${bytes} bytes of stack, and there are 512`,
    hint: "put large variables into a per-CPU array",
  },
  {
    sentence: /^Invalid format string|^string is not zero-terminated|^R\d+ does not point to a readonly map/,
    reason:
      "a text that is given to the call is not a constant that ends with a zero, or has a format that is not known",
    hint: "give a constant string (it lies in .rodata, ending with a zero), with %d, %u, %x, %lld, %s, %p and their kin",
  },
  {
    sentence: /^invalid size of register (fill|spill)/,
    reason: ([what]) =>
      `a pointer ${what === "fill" ? "is read from" : "is put on"} the stack in a piece: it takes all 8 bytes`,
    hint: "store and load pointers as 8 bytes, at a multiple of 8",
  },
  {
    sentence: /^cannot spill pointers to stack into stack frame of the caller/,
    reason: "a function stores a pointer in its caller's stack frame",
    hint: "return it, or let the function be inlined",
  },
  {
    sentence: /^call to invalid destination/,
    reason: "a call goes to where no function begins",
    hint: "call functions by name",
  },
  {
    sentence: /^same insn cannot be used with different pointers/,
    reason: "one load or store is reached with pointers of different kinds, such as ctx and stack",
    hint: "access each in a branch of its own; -O2 merges such branches: put a barrier (asm volatile) between",
  },
  {
    sentence: /^negative offset (\w+) ptr R(\d+) off=(-\d+) disallowed/,
    reason: ([what, register, off]) => `R${register} points ${off} bytes from the ${what}, which lies in front of it`,
    hint: "use offsets from 0",
  },
  {
    sentence: /^(\w+) pointer offset (-?\d+) is not allowed|^pointer offset (-?\d+) is not allowed/,
    reason: ([kind, off, bare]) =>
      `${kind ? `a pointer (${kind})` : "a pointer"} is moved by ${off ?? bare} bytes; the verifier follows offsets below 2^29 either way`,
    hint: "bound the offset before it is added",
  },
  {
    sentence:
      /^At (callback|program|subprogram|async callback)\b.* (?:register )?R0 has (.+) should have been in (\[.+\])/,
    reason: ([where, has, range]) => `the ${where} may return what is not in ${range}: ${has}`,
    hint: "return constants of that range: a callback 0 to go on and 1 to stop",
  },
  {
    sentence: /^R(\d+) pointer (\S+) pointer prohibited/,
    reason: ([, operation]) => `two pointers are operands of ${operation}`,
    hint: "only their difference (-) and comparisons are defined",
  },
  {
    sentence: /invalid sock access|variable sock access/,
    reason: "it reads what is no field of the socket, or at an offset that varies",
    hint: "read the fields of struct bpf_sock by their names; bpf_sk_fullsock first for more of them",
  },
  {
    sentence: /^R(\d+) is (\S+) invalid negative access: off=(-\d+)/,
    reason: ([, type, off]) => `it accesses ${off} bytes from a ${type}, in front of it`,
    hint: "use offsets from 0",
  },
  {
    sentence: /^tail_calls are not allowed in non-JITed programs with bpf-to-bpf calls/,
    reason: "programs with functions of their own make tail calls only where they are compiled to machine code",
    hint: "sysctl -w net.core.bpf_jit_enable=1, or inline the functions",
  },
  {
    sentence: /^LD_ABS is only allowed in functions that return 'int'/,
    reason: "old packet loads (LD_ABS, LD_IND) leave the function with 0, which this function does not return",
    hint: "XDP programs read by data and data_end",
  },
  {
    sentence: /^no direct value access support for this map type/,
    reason: "the program takes the address of a value of a map that is no array",
    hint: "look the value up (bpf_map_lookup_elem)",
  },
  {
    sentence: /^R(\d+) must be a rcu pointer/,
    reason: ([register]) => `R${register} is used outside of the RCU section in which its object is alive`,
    hint: "take and use it between bpf_rcu_read_lock and bpf_rcu_read_unlock",
  },
  {
    sentence: /^variable offset stack pointer cannot be passed into helper function/,
    reason: "a helper is given a stack address that varies",
    hint: "give it a constant place on the stack, and copy from or to it; or use a map value",
  },
  {
    sentence: /^callback function not allowed for map/,
    reason: "bpf_for_each_map_elem does not walk maps of this type",
    hint: "use a hash, an array, or one of their LRU and per-CPU forms",
  },
  {
    sentence: /^too many different module BTFs/,
    reason: "it uses kernel functions of more modules than a program may (256)",
    hint: "split the program by tail calls",
  },
  {
    sentence: /^expected pointer to func/,
    reason: "a helper wants a function, and is given something else",
    hint: "give the name of a function that stands in this object",
  },
  {
    sentence: /^helper call is not allowed in probe/,
    reason: "this helper may not be called where the program is attached",
    hint: "leave the call out, or do it in another program",
  },
  {
    sentence: /^insn (\d+) cannot be patched due to 16-bit range/,
    reason: ([slot]) => `instruction ${slot} jumps too far for what the kernel puts in between`,
    hint: "split the function, or compile with -mcpu=v4, whose jumps reach farther",
  },
];
