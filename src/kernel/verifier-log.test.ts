/** Logs as kernels from 5.4 to 7.3 write them: the sentence, the slot, the registers. */
import { describe, expect, it } from "vitest";
import { readVerifierLog, registerState, upperBound } from "./verifier-log.ts";
import { explain } from "./verifier-reasons.ts";

interface Case {
  readonly kernel: string;
  readonly log: string;
  readonly sentences: readonly string[];
  readonly slot?: number;
  readonly processed?: number;
  readonly registers?: Readonly<Record<string, string | undefined>>;
}

const CASES: readonly Case[] = [
  {
    kernel: "5.4: inv, imm, a state before the second half of a path",
    log: `Type info disagrees with actual arguments due to compiler optimizations
0: (61) r3 = *(u32 *)(r1 +4)
1: (61) r2 = *(u32 *)(r1 +0)
2: (bf) r4 = r2
3: (07) r4 += 14
4: (2d) if r4 > r3 goto pc+2
 R1=ctx(id=0,off=0,imm=0) R2_w=pkt(id=0,off=0,r=14,imm=0) R3_w=pkt_end(id=0,off=0,imm=0) R4_w=pkt(id=0,off=14,r=14,imm=0) R10=fp0
5: (61) r0 = *(u32 *)(r2 +12)
invalid access to packet, off=12 size=4, R2(id=0,off=12,r=14)
R2 offset is outside of the packet
processed 6 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`,
    sentences: ["invalid access to packet, off=12 size=4, R2(id=0,off=12,r=14)", "R2 offset is outside of the packet"],
    slot: 5,
    processed: 6,
    registers: { R2: "pkt(id=0,off=0,r=14,imm=0)", R4: "pkt(id=0,off=14,r=14,imm=0)", R9: undefined },
  },
  {
    kernel: "5.15: source lines, another path, precision",
    log: `func#0 @0
0: R1=ctx(id=0,off=0,imm=0) R10=fp0
; __u32 key = context->rx_queue_index;
0: (61) r1 = *(u32 *)(r1 +16)
1: R1_w=inv(id=0,umax_value=4294967295,var_off=(0x0; 0xffffffff)) R10=fp0
; if (key > 7)
1: (25) if r1 > 0x7 goto pc+2
 R1_w=inv(id=0,umax_value=7,var_off=(0x0; 0x7)) R10=fp0
last_idx 1 first_idx 0
regs=2 stack=0 before 0: (61) r1 = *(u32 *)(r1 +16)
parent didn't have regs=2 stack=0 marks

from 1 to 4: R1_w=inv(id=0,umin_value=8,umax_value=4294967295,var_off=(0x0; 0xffffffff)) R10=fp0
; table[key] = 1;
4: (bf) r2 = r10
5: R2_w=fp0 R10=fp0
5: (0f) r2 += r1
math between fp pointer and register with unbounded min value is not allowed
verification time 68 usec
stack depth 0
processed 6 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`,
    sentences: ["math between fp pointer and register with unbounded min value is not allowed"],
    slot: 5,
    processed: 6,
    registers: { R1: "inv(id=0,umin_value=8,umax_value=4294967295,var_off=(0x0; 0xffffffff))", R2: "fp0" },
  },
  {
    kernel: "6.1: states behind the instruction, frames, a line of a state for a callee",
    log: `reg type unsupported for arg#0 function main#7
0: R1=ctx(off=0,imm=0) R10=fp0
0: (85) call pc+2
caller:
 R10=fp0
callee:
 frame1: R1=ctx(off=0,imm=0) R10=fp0
3: frame1: R1=ctx(off=0,imm=0) R10=fp0
3: (61) r2 = *(u32 *)(r1 +0)          ; frame1: R1=ctx(off=0,imm=0) R2_w=pkt(off=0,r=0,imm=0)
4: (71) r0 = *(u8 *)(r2 +3)
invalid access to packet, off=3 size=1, R2(id=0,off=3,r=0)
R2 offset is outside of the packet
processed 4 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`,
    sentences: ["invalid access to packet, off=3 size=1, R2(id=0,off=3,r=0)", "R2 offset is outside of the packet"],
    slot: 4,
    processed: 4,
    registers: { R2: "pkt(off=0,r=0,imm=0)", R1: "ctx(off=0,imm=0)" },
  },
  {
    kernel: "6.8: a map by name, a scalar with ranges, mark_precise",
    log: `0: R1=ctx() R10=fp0
0: (85) call bpf_map_lookup_elem#1    ; R0_w=map_value_or_null(id=1,map=counts,ks=4,vs=8)
mark_precise: frame0: last_idx 0 first_idx 0 subseq_idx -1
mark_precise: frame0: regs=r2 stack= before 0: (85) call bpf_map_lookup_elem#1
1: (57) r2 &= 255                     ; R2_w=scalar(smin=smin32=0,smax=umax=smax32=umax32=255,var_off=(0x0; 0xff))
2: (79) r0 = *(u64 *)(r0 +0)
R0 invalid mem access 'map_value_or_null'
processed 3 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`,
    sentences: ["R0 invalid mem access 'map_value_or_null'"],
    slot: 2,
    processed: 3,
    registers: {
      R0: "map_value_or_null(id=1,map=counts,ks=4,vs=8)",
      R2: "scalar(smin=smin32=0,smax=umax=smax32=umax32=255,var_off=(0x0; 0xff))",
    },
  },
  {
    kernel: "6.12: a loop, its sentence behind an instruction, states below",
    log: `0: R1=ctx() R10=fp0
0: (b7) r0 = 2                        ; R0_w=2
1: (85) call bpf_get_prandom_u32#7    ; R0_w=scalar()
2: (55) if r0 != 0x2 goto pc-2 infinite loop detected at insn 1
cur state: R0=scalar() R10=fp0
old state: R0=scalar() R10=fp0
processed 4 insns (limit 1000000) max_states_per_insn 0 total_states 1 peak_states 1 mark_read 1
`,
    sentences: ["infinite loop detected at insn 1"],
    slot: 1,
    processed: 4,
  },
  {
    kernel: "6.18: a sentence behind a jump of which the states are not written any more",
    log: `393: (05) goto pc-267
127: (45) if r0 & 0x2000000 goto pc+266 BPF program is too large. Processed 1000001 insn
processed 1000001 insns (limit 1000000) max_states_per_insn 4 total_states 87877 peak_states 104 mark_read 0
`,
    sentences: ["BPF program is too large. Processed 1000001 insn"],
    slot: 127,
    processed: 1000001,
  },
  {
    kernel: "6.18: statistics behind a sentence without a new line",
    log: `2: (b7) r3 = 0                        ; R3=0
3: (85) call bpf_tail_call#12
expected prog array map for tail callprocessed 3 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`,
    sentences: ["expected prog array map for tail call"],
    slot: 3,
    processed: 3,
  },
  {
    kernel: "all: about the shape, on no path",
    log: "unreachable insn 12\nprocessed 0 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n",
    sentences: ["unreachable insn 12"],
    slot: 12,
    processed: 0,
  },
  {
    kernel: "6.18: an instruction that was handed out from is not the place",
    log: `4: (85) call bpf_ringbuf_reserve#131          ; R0=ringbuf_mem_or_null(id=2,ref_obj_id=2,sz=8) refs=2
5: (b7) r0 = 2                        ; R0=2 refs=2
6: (95) exit
Unreleased reference id=2 alloc_insn=4
BPF_EXIT instruction in main prog would lead to reference leak
`,
    sentences: [
      "Unreleased reference id=2 alloc_insn=4",
      "BPF_EXIT instruction in main prog would lead to reference leak",
    ],
    slot: 6,
  },
  {
    kernel: "7.3: a report below the sentences",
    log: `0: R1=ctx() R10=fp0
; return *(__u8 *)data;
0: (61) r2 = *(u32 *)(r1 +0)          ; R1=ctx() R2=pkt(r=0)
1: (71) r0 = *(u8 *)(r2 +14)
invalid access to packet, off=14 size=1, R2(id=0,off=14,r=0)
R2 offset is outside of the packet

Verification failed: Memory Safety: Packet access out of bounds

Reason:
  The access is not inside of what was proven.

At:
  main @ port.c:7:9
  Source context:
  >>> 7 | return *(__u8 *)data;
        | ^-- error: packet access out of bounds
  Instruction context:
      0 | (61) r2 = *(u32 *)(r1 +0)
  >>> 1 | (71) r0 = *(u8 *)(r2 +14)
      2 | (95) exit

Causal path:
  port.c:6:3 insn 0
  R2 becomes a packet pointer

Suggestion:
  Compare it with data_end.

processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`,
    sentences: ["invalid access to packet, off=14 size=1, R2(id=0,off=14,r=0)", "R2 offset is outside of the packet"],
    slot: 1,
    processed: 2,
    registers: { R2: "pkt(r=0)" },
  },
  {
    kernel: "7.3: a report that knows the place better than the path",
    log: `recursive call from f() to f()

Verification failed: Program Structure: Recursive subprogram call

Reason:
  A function calls itself.

At:
  f @ case.c:15:2
      14 | ...                                  5 | (a5) if r1 < 0x4 goto pc+1
  >>> 15 |   f();                           >>> 7 | (85) call pc-5
         |   ^-- error: recursive subprogram call

Suggestion:
  Write a loop.

processed 0 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`,
    sentences: ["recursive call from f() to f()"],
    slot: 7,
    processed: 0,
  },
  {
    kernel: "7.3: a report alone",
    log: `Verification failed: Policy: Operation is not allowed

Reason:
  It is not.

At:
  insn 4
  ^-- error: policy check failed

processed 0 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`,
    sentences: ["Operation is not allowed"],
    slot: 4,
    processed: 0,
  },
  { kernel: "any: nothing", log: "", sentences: [] },
  {
    kernel: "any: level 2, live registers first",
    log: `Live regs before insn:
      0: .1........ (61) r2 = *(u32 *)(r1 +0)
      1: ..2....... (71) r0 = *(u8 *)(r2 +0)
0: R1=ctx() R10=fp0
0: (b7) r0 = 2                        ; R0=2
1: (97) r0 %= 0
div by zero
`,
    sentences: ["div by zero"],
    slot: 1,
  },
];

describe("the verifier's log", () => {
  it.each(CASES)("of $kernel", ({ log, sentences, slot, processed, registers = {} }) => {
    const read = readVerifierLog(log);
    expect([read.sentences, read.slot, read.processed]).toEqual([sentences, slot, processed]);
    for (const [register, state] of Object.entries(registers)) expect(registerState(read, register)).toBe(state);
  });

  it("can be cut anywhere", () => {
    for (const { log } of CASES) {
      for (let end = 0; end < log.length; end += 7) {
        const { sentences, slot = 0 } = readVerifierLog(log.slice(0, end));
        expect(sentences.every((line) => log.includes(line) || log.includes(line.slice(1)))).toBe(true);
        expect(Number.isInteger(slot)).toBe(true);
      }
    }
  });

  it.each([
    ["scalar(smin=smin32=0,smax=umax=smax32=umax32=255,var_off=(0x0; 0xff))", 255],
    ["inv(id=0,umin_value=8,umax_value=65535,var_off=(0x0; 0xffff))", 65535],
    ["scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))", 0xffffffff],
    ["scalar(id=1)", undefined],
    [undefined, undefined],
  ])("bounds %s by %s", (state, bound) => expect(upperBound(state)).toBe(bound));
});

/** Sentences of kernels and privileges that the tests of the running kernel do not have. */
const SENTENCES: readonly (readonly [sentence: string, reason: string])[] = [
  [
    "back-edge from insn 7 to 3",
    "there is a loop from instruction 7 to 3, and this kernel (or a load without CAP_BPF) takes none",
  ],
  ["R1 invalid mem access 'inv'", "R1 is followed as a pointer, but the verifier knows it only as a number"],
  ["R0 leaks addr as return value", "R0 is an address of the kernel, and it would get out to user space"],
  ["R10 leaks addr into map", "R10 is an address of the kernel, and it would get out to user space"],
  ["invalid read from stack off -8+0 size 8", "it reads byte -8 of the stack frame, which was never written"],
  [
    "invalid indirect read from stack R2 off -16+4 size 16",
    "it reads byte -12 of the stack frame, which was never written",
  ],
  ["unknown func bpf_get_current_task#35", "helper bpf_get_current_task is not for XDP programs"],
  ["program of this type cannot use helper bpf_skb_load_bytes#26", "helper bpf_skb_load_bytes is not for XDP programs"],
  [
    "calling kernel function bpf_task_acquire is not allowed",
    "kernel function bpf_task_acquire is not for XDP programs",
  ],
  [
    "invalid func unknown#195896080",
    "it uses a type, field or value that this kernel does not have (a CO-RE relocation found nothing)",
  ],
  ["R2 offset is outside of the packet", "R2 does not point into the part of the packet that is known to be there"],
  ["R0 max value is outside of the array range", "what R0 points to may lie outside of the memory"],
  ["attempt to corrupt spilled pointer on stack", "a pointer that was saved on the stack is overwritten in part"],
  ["corrupted spill memory", "a pointer that was saved on the stack is overwritten in part"],
  [
    "R1 has unknown scalar with mixed signed bounds, pointer arithmetic with it prohibited for !root",
    "the verifier cannot bound what this calculation with a pointer gives",
  ],
  ["At subprogram exit the register R0 is not a scalar value (fp)", "a pointer is returned where a number is needed"],
  [
    "Global function f() doesn't return scalar. Only those are supported.",
    "a pointer is returned where a number is needed",
  ],
  [
    "The total number of maps per program has reached the limit of 64",
    "it uses more maps or functions than a program may (64 maps, 256 functions)",
  ],
  ["tail_call would lead to reference leak", "it ends while something that a call handed out is still held"],
  ["kernel btf_id 7 is not a function", "this kernel does not have the kernel function that is called"],
  [
    "Caller passes invalid args into func#1 ('parse')",
    "global function parse is called with arguments that its declaration does not allow",
  ],
  ["fd 9 is not pointing to valid bpf_map", "an instruction refers to a map that is not open"],
  [
    "invalid access to packet, off=0 size=4, R2(id=0,r=0)",
    "it accesses bytes 0 to 3 of the packet, but on this path no comparison with data_end covers it",
  ],
  [
    "invalid indirect access to stack R2 off=-4 size=16",
    "it accesses 16 bytes at -4 of the stack frame, which reaches from -512 to 0",
  ],
  [
    "invalid stack type R2 off=-4 access_size=16",
    "it accesses 16 bytes at -4 of the stack frame, which reaches from -512 to 0",
  ],
  [
    "R1 variable offset stack access prohibited for !root, var_off=(0x0; 0x3)",
    "it accesses the stack at an index that may lead out of the variable",
  ],
  ["R3 subtraction from stack pointer prohibited", "something is subtracted from a pointer to the stack"],
  ["recursive call from f() to g()", "function f() calls g() again: recursion is not allowed"],
  [
    "R2 unbounded memory access, use 'var &= const' or 'if (var < const)'",
    "the offset or length in R2 is not bounded: R2 has no upper bound",
  ],
  ["misaligned packet access off 0+14+0 size 4", "an access of 4 bytes to the packet is not aligned, and must be here"],
  ["invalid type id 1 in func info", "the BTF that describes functions and lines does not suit the instructions"],
  ["missing func_info for func#1", "the BTF that describes functions and lines does not suit the instructions"],
  [
    "The sequence of 8193 jumps is too complex.",
    "there are more than 8192 branches that the verifier has yet to follow",
  ],
  [
    "tail_calls are not allowed when call stack of previous frames is 264 bytes. Too large",
    "a function with a tail call is called with 264 bytes of stack in use, and 256 is the limit",
  ],
  [
    "At program exit the register R0 has value (0x7; 0x0) should have been in (0x0; 0x1)",
    "it returns value (0x7; 0x0), where only (0x0; 0x1) is allowed",
  ],
  ["bpf_spin_unlock without taking a lock", "locks are not taken and released in pairs, one at a time"],
  [
    "off 0 doesn't point to 'struct bpf_spin_lock' that is at 4",
    "the pointer is at byte 0 of the value, and its bpf_spin_lock is at byte 4: the call wants the field itself",
  ],
  [
    "bpf_spin_lock cannot be accessed directly by load/store",
    "it reads or writes a bpf_spin_lock, which the kernel's own calls alone may touch",
  ],
  ["unknown opcode 8d", "it calls through a register (callx), which no version of Linux takes"],
  ["unknown opcode 8e", "this kernel does not know opcode 0x8e"],
  ["helper access to the packet is not allowed", "this helper does not take a pointer into the packet"],
  ["cannot write into packet", "it writes into the packet, which this program may only read"],
  ["R6 cannot write into sock", "it writes into the sock, which this program may only read"],
  ["write to change key R2 not allowed", "it writes by R2 to the key that bpf_for_each_map_elem gave to the callback"],
  ["Possibly NULL pointer passed to helper arg2", "argument 2 of the call may be null on this path"],
  ["Possibly NULL pointer passed to trusted arg0", "argument 0 of the call may be null on this path"],
  ["stack size of subprog 0 is 520. Too large", "a function needs 520 bytes of stack, and there are 512"],
  [
    "Invalid format string",
    "a text that is given to the call is not a constant that ends with a zero, or has a format that is not known",
  ],
  [
    "R2 does not point to a readonly map'",
    "a text that is given to the call is not a constant that ends with a zero, or has a format that is not known",
  ],
  [
    "string is not zero-terminated",
    "a text that is given to the call is not a constant that ends with a zero, or has a format that is not known",
  ],
  ["invalid size of register fill", "a pointer is read from the stack in a piece: it takes all 8 bytes"],
  ["invalid size of register spill", "a pointer is put on the stack in a piece: it takes all 8 bytes"],
  [
    "cannot spill pointers to stack into stack frame of the caller",
    "a function stores a pointer in its caller's stack frame",
  ],
  ["call to invalid destination", "a call goes to where no function begins"],
  [
    "same insn cannot be used with different pointers",
    "one load or store is reached with pointers of different kinds, such as ctx and stack",
  ],
  ["negative offset ctx ptr R1 off=-8 disallowed", "R1 points -8 bytes from the ctx, which lies in front of it"],
  [
    "map_value pointer offset 2147483647 is not allowed",
    "a pointer (map_value) is moved by 2147483647 bytes; the verifier follows offsets below 2^29 either way",
  ],
  [
    "pointer offset 1073741824 is not allowed",
    "a pointer is moved by 1073741824 bytes; the verifier follows offsets below 2^29 either way",
  ],
  [
    "At callback return the register R0 has smin=33 should have been in [0, 1]",
    "the callback may return what is not in [0, 1]: smin=33",
  ],
  [
    "At callback return the register R0 has unknown scalar value should have been in [0, 1]",
    "the callback may return what is not in [0, 1]: unknown scalar value",
  ],
  ["jump out of range from insn 1 to -2", "the jump in instruction 1 goes to -2, outside of its function"],
  ["R1 pointer *= pointer prohibited", "two pointers are operands of *="],
  ["R1 invalid sock access off=0 size=8", "it reads what is no field of the socket, or at an offset that varies"],
  [
    "variable sock access var_off=(0x0; 0xff) disallowed",
    "it reads what is no field of the socket, or at an offset that varies",
  ],
  ["R6 is bpf_array invalid negative access: off=-8", "it accesses -8 bytes from a bpf_array, in front of it"],
  [
    "tail_calls are not allowed in non-JITed programs with bpf-to-bpf calls",
    "programs with functions of their own make tail calls only where they are compiled to machine code",
  ],
  [
    "LD_ABS is only allowed in functions that return 'int'.",
    "old packet loads (LD_ABS, LD_IND) leave the function with 0, which this function does not return",
  ],
  [
    "no direct value access support for this map type",
    "the program takes the address of a value of a map that is no array",
  ],
  ["R1 must be a rcu pointer", "R1 is used outside of the RCU section in which its object is alive"],
  [
    "variable offset stack pointer cannot be passed into helper function; var_off=(0x0; 0x38) off=-64 size=8",
    "a helper is given a stack address that varies",
  ],
  ["callback function not allowed for map", "bpf_for_each_map_elem does not walk maps of this type"],
  ["too many different module BTFs", "it uses kernel functions of more modules than a program may (256)"],
  ["expected pointer to func", "a helper wants a function, and is given something else"],
  ["helper call is not allowed in probe", "this helper may not be called where the program is attached"],
  ["insn 12 cannot be patched due to 16-bit range", "instruction 12 jumps too far for what the kernel puts in between"],
  [
    "the call stack of 9 frames is too deep !",
    "functions call each other 9 deep, or themselves, and 8 frames are the limit",
  ],
  ["R1 pointer comparison prohibited", "pointers of different kinds, or a pointer and a number, are compared"],
];

describe("explanations", () => {
  it.each(SENTENCES)("of %s", (sentence, reason) => {
    expect(explain(readVerifierLog(`0: (95) exit\n${sentence}\n`))?.reason).toBe(reason);
  });

  it("tell the way out that leads out", () => {
    const hint = (sentence: string) => explain(readVerifierLog(`0: (95) exit\n${sentence}\n`))?.hint;
    expect(hint("unknown opcode 8d")).toContain("call functions by name");
    expect(hint("off 0 doesn't point to 'struct bpf_spin_lock' that is at 4")).toContain("&value->lock");
    expect(hint("helper access to the packet is not allowed")).toContain("bpf_xdp_load_bytes");
    expect(hint("invalid access to packet, off=-1 size=1, R1(id=0,off=-1,r=0)")).toBe(
      "start 1 further on, or go on only where the offset is at least 1: nothing in front of data can be read",
    );
  });

  it("are absent where no row fits", () => {
    expect(explain(readVerifierLog("0: (95) exit\nthe moon is full\n"))).toBeUndefined();
  });
});
