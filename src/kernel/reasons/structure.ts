/** Why programs are refused for their shape: paths, loops, size, functions, instructions, what describes them. */
import type { Reason } from "./reason.ts";

export const structureReasons: readonly Reason[] = [
  {
    sentence: /^unreachable insn (\d+)/,
    reason: ([slot]) => `instruction ${slot} is on no path: the kernel takes no dead code`,
    hint: "remove it, or the condition or endless loop in front of it; compilers do so when they optimise (-O2)",
  },
  {
    sentence: /^infinite loop detected/,
    reason: "a loop comes back to where it was with nothing changed: it would not end",
    hint: "let a counter reach a constant bound that the verifier can follow; or bpf_loop, bpf_for",
  },
  {
    sentence: /^back-edge from insn (\d+) to (\d+)/,
    reason: ([from, to]) =>
      `there is a loop from instruction ${from} to ${to}, and this kernel (or a load without CAP_BPF) takes none`,
    hint: "unroll it (#pragma unroll), or use Linux 5.3 or newer",
  },
  {
    sentence: /BPF program is too large. Processed (\d+) insn/,
    reason: ([count]) =>
      `the verifier gave up after following ${Number(count).toLocaleString("en-US")} instructions on all paths`,
    hint: "loop less often, or with bpf_loop; put repeated work into global functions, which are followed once; or split by tail calls",
  },
  {
    sentence: /^The sequence of (\d+) jumps is too complex/,
    reason: ([count]) => `there are more than ${Number(count) - 1} branches that the verifier has yet to follow`,
    hint: "branch less inside loops, or put parts into global functions",
  },
  {
    sentence: /^combined stack size of (\d+) calls is (\d+)/,
    reason: ([calls, bytes]) =>
      `the stack frames of ${calls} functions that call each other need ${bytes} bytes, and there are 512`,
    hint: "put large variables into a per-CPU array, or let the functions be inlined",
  },
  {
    sentence: /^the call stack of (\d+) frames is too deep/,
    reason: ([frames]) => `functions call each other ${frames} deep, or themselves, and 8 frames are the limit`,
    hint: "let functions be inlined (static inline, __always_inline), and write recursion as a loop",
  },
  {
    sentence: /^recursive call from (\S+) to (\S+)/,
    reason: ([from, to]) => `function ${from} calls ${to} again: recursion is not allowed`,
    hint: "write it as a loop with a constant bound",
  },
  {
    sentence: /^last insn is not an exit or jmp/,
    reason: "a function runs over its end: its last instruction is neither an exit nor a jump",
    hint: "end each function with a return",
  },
  {
    sentence: /^jump out of range from insn (\d+) to (-?\d+)/,
    reason: ([from, to]) => `the jump in instruction ${from} goes to ${to}, outside of its function`,
    hint: "jump within the function; calls go to others",
  },
  {
    sentence: /^jump into the middle of ldimm64 insn (\d+)/,
    reason: ([slot]) => `a jump goes into the second half of the 64-bit load at instruction ${slot}`,
    hint: "count a 64-bit load as two instructions, or jump to a label",
  },
  {
    sentence: /^unknown opcode 8d/,
    reason: "it calls through a register (callx), which no version of Linux takes",
    hint: "call functions by name, or choose between them with if; compile with -O2: without, helpers are function pointers",
  },
  {
    sentence: /^unknown opcode ([0-9a-f]+)/,
    reason: ([opcode]) => `this kernel does not know opcode 0x${opcode}`,
    hint: "compile for an older instruction set: -mcpu=v3 (v4 needs Linux 6.6)",
  },
  {
    sentence:
      /uses? reserved fields|invalid atomic opcode|invalid (?:BPF_ALU|BPF_LD_IMM|bpf_ld_imm64|ld_imm64)|unrecognized bpf_ld_imm64|invalid opcode/,
    reason: "an instruction has something in a field where this kernel expects 0, or a form that it does not know",
    hint: "compile for an older instruction set (-mcpu=v3), or mend the instruction if it was written by hand",
  },
  {
    sentence: /^div by zero/,
    reason: "it divides by the constant 0",
    hint: "divide by something else; a divisor in a register may be 0 (the quotient is then 0)",
  },
  {
    sentence: /^invalid shift (-?\d+)/,
    reason: ([count]) => `it shifts by ${count}, which is not below the width of the number`,
    hint: "shift by 0 to 31 (32-bit) or 0 to 63 (64-bit)",
  },
  {
    sentence: /^R(\d+) is invalid/,
    reason: ([register]) => `there is no register R${register}: R0 to R10 are all`,
    hint: "mend the instruction, or what has written it",
  },
  {
    sentence: /^missing btf func_info/,
    reason: "a function is passed to a helper, and no BTF describes it",
    hint: "compile with -g",
  },
  {
    sentence: /func[_ ]info|line_info|number of funcs required/,
    reason: "the BTF that describes functions and lines does not suit the instructions",
    hint: "compile again with -g, and change instructions and .BTF.ext together; without BTF the program loads, too",
  },
  {
    sentence: /total number of maps .*limit of (\d+)|^too many (?:subprograms|maps)/,
    reason: "it uses more maps or functions than a program may (64 maps, 256 functions)",
    hint: "put several into one map, or split the program by tail calls",
  },
];
