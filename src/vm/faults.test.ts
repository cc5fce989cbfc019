/** Faults: each with its code, its words and its place. None may leave the machine unfit for the next run. */
import { describe, expect, it } from "vitest";
import { programOf } from "../../test/support/assembly.ts";
import { type ErrorCode, XdpkitError } from "../base/index.ts";
import { assemble, type BpfObject } from "../object/index.ts";
import { createVm, type RunOptions, type Vm, type VmOptions } from "./index.ts";

const PACKET = new Uint8Array(60);
const HASH = ".map table type=1 key=4 value=8 entries=4";
const KEY = "*(u32 *)(r10 - 4) = 0\nr2 = r10\nr2 += -4";
const VALUE = `${KEY}\nr3 = r2\nr3 += -8\n*(u64 *)(r10 - 12) = 0\nr1 = table ll\nr4 = 0\ncall 2\n${KEY}\nr1 = table ll\ncall 1`;

const RING = ".map ring type=27 key=0 value=0 entries=4096";
const RESERVE = "r1 = ring ll\nr2 = 8\nr3 = 0\ncall 131\nif r0 == 0 goto +0\nr6 = r0";

interface Row {
  readonly name: string;
  readonly code: string;
  readonly declarations?: string;
  readonly more?: string;
  readonly options?: VmOptions;
  readonly run?: RunOptions;
  readonly error: ErrorCode;
  readonly message: string | ReturnType<typeof expect.stringMatching>;
  /** Slot of the instruction. */
  readonly at: number;
}

const DATA = "r2 = *(u32 *)(r1 + 0)";
const ROWS: readonly Row[] = [
  {
    name: "packet access past the end",
    code: `${DATA}\nr0 = *(u32 *)(r2 + 57)\nexit`,
    error: "VM_ACCESS",
    message: "packet access of 4 bytes at 57..61, packet ends at 60",
    at: 1,
  },
  {
    name: "one byte behind the end",
    code: `${DATA}\n*(u8 *)(r2 + 60) = r1\nexit`,
    error: "VM_ACCESS",
    message: "packet store of 1 byte at 60..61, packet ends at 60",
    at: 1,
  },
  {
    name: "packet access before the data",
    code: `${DATA}\nr0 = *(u16 *)(r2 - 2)\nexit`,
    error: "VM_ACCESS",
    message: "packet access of 2 bytes at -2..0, packet ends at 60",
    at: 1,
  },
  {
    name: "packet access before data_meta",
    code: `${DATA}\nr0 = *(u64 *)(r2 - 16)\nexit`,
    run: { metadata: new Uint8Array(12) },
    error: "VM_ACCESS",
    message: "packet access of 8 bytes at -16..-8, packet ends at 60",
    at: 1,
  },
  {
    name: "stack below the frame",
    code: "r0 = 0\n*(u64 *)(r10 - 516) = r0\nexit",
    error: "VM_ACCESS",
    message: "stack store of 8 bytes at -516..-508, the frame is -512..0",
    at: 1,
  },
  {
    name: "stack above the frame",
    code: "r0 = *(u64 *)(r10 - 4)\nexit",
    error: "VM_ACCESS",
    message: "stack access of 8 bytes at -4..4, the frame is -512..0",
    at: 0,
  },
  {
    name: "null pointer",
    code: `${KEY}\nr1 = table ll\ncall 1\nr0 = *(u64 *)(r0 + 0)\nexit`,
    declarations: HASH,
    error: "VM_BAD_POINTER",
    message: "access of 8 bytes through 0x0, the null pointer",
    at: 6,
  },
  {
    name: "close to the null pointer",
    code: "r1 = 0\nr0 = *(u32 *)(r1 + 8)\nexit",
    error: "VM_BAD_POINTER",
    message: "access of 4 bytes through 0x8, close to the null pointer",
    at: 1,
  },
  {
    name: "no address",
    code: "r1 = 0x1234567800001000 ll\nr0 = *(u32 *)(r1 + 0)\nexit",
    error: "VM_BAD_POINTER",
    message: "access of 4 bytes through 0x1234567800001000, which is no address",
    at: 2,
  },
  {
    name: "map value overrun",
    code: `${VALUE}\nr0 = *(u32 *)(r0 + 6)\nexit`,
    declarations: HASH,
    error: "VM_ACCESS",
    message: "value of map table access of 4 bytes at 6..10, it ends at 8",
    at: 16,
  },
  {
    name: "eight bytes that cross a value's end",
    code: `${VALUE}\nr1 = 1\n*(u64 *)(r0 + 1) = r1\nexit`,
    declarations: HASH,
    error: "VM_ACCESS",
    message: "value of map table store of 8 bytes at 1..9, it ends at 8",
    at: 17,
  },
  {
    name: "atomic addition behind a value",
    code: `${VALUE}\nr1 = 1\nlock *(u32 *)(r0 + 8) += r1\nexit`,
    declarations: HASH,
    error: "VM_ACCESS",
    message: "value of map table store of 4 bytes at 8..12, it ends at 8",
    at: 17,
  },
  {
    name: "store to .rodata",
    code: "r1 = limit ll\n*(u32 *)(r1 + 4) = 1\nexit",
    declarations: ".data .rodata size=16\n.variable limit offset=8 size=8",
    error: "VM_READ_ONLY",
    message: "store of 4 bytes at 12 of the read-only data of section .rodata",
    at: 2,
  },
  {
    name: "store to the context",
    code: "*(u32 *)(r1 + 12) = 7\nexit",
    error: "VM_READ_ONLY",
    message: "store of 4 bytes at 12 of the read-only context",
    at: 0,
  },
  {
    name: "access behind the context",
    code: "r0 = *(u32 *)(r1 + 24)\nexit",
    error: "VM_ACCESS",
    message: "context access of 4 bytes at 24..28, it ends at 24",
    at: 0,
  },
  {
    name: "dereference of a map",
    code: "r1 = table ll\nr0 = *(u64 *)(r1 + 0)\nexit",
    declarations: HASH,
    error: "VM_BAD_POINTER",
    message: "access of 8 bytes through 0x80000000, a map, not one of its values",
    at: 2,
  },
  {
    name: "dereference of a function",
    code: "r1 = other ll\nr0 = *(u64 *)(r1 + 0)\nexit",
    more: ".section .text\n.static other\nr0 = 0\nexit",
    error: "VM_BAD_POINTER",
    message: "access of 8 bytes through 0xc0000004, a function",
    at: 2,
  },
  {
    name: "budget exhausted",
    code: "r0 = 0\nagain:\nr0 += 1\ngoto again\nexit",
    options: { maxInstructions: 1000 },
    error: "VM_BUDGET",
    message: "the program has not ended after 1,000 instructions",
    at: 2,
  },
  {
    name: "calls that never end",
    code: "call deeper\nexit",
    more: ".section .text\n.static deeper\ncall deeper\nexit",
    error: "VM_CALL_DEPTH",
    message: "calls are nested deeper than 8 frames",
    at: 2,
  },
  {
    name: "jump into the middle of an instruction",
    code: "goto +1\nr1 = 0x1122334455667788 ll\nexit",
    error: "VM_BAD_INSTRUCTION",
    message: "instruction (none) is not one that a loaded program may hold",
    at: 2,
  },
  {
    name: "an instruction that is none",
    code: ".insn 255, 0, 1, 0, 0\nexit",
    error: "VM_BAD_INSTRUCTION",
    message: "instruction .insn 255, 0, 1, 0, 0 is not one that a loaded program may hold",
    at: 0,
  },
  {
    name: "unknown helper",
    code: "call 4000\nexit",
    error: "VM_UNKNOWN_HELPER",
    message: "helper number 4000 is unknown",
    at: 0,
  },
  {
    name: "helper of other programs",
    code: "call 9\nexit",
    error: "VM_UNSUPPORTED_HELPER",
    message: "bpf_skb_store_bytes cannot run in the virtual machine: XDP programs may not call it",
    at: 0,
  },
  {
    name: "helper that the machine has not",
    code: "call 169\nexit",
    error: "VM_UNSUPPORTED_HELPER",
    message: "bpf_timer_init cannot run in the virtual machine: its effect needs the kernel",
    at: 0,
  },
  {
    name: "no map where one belongs",
    code: `${KEY}\nr1 = 5\ncall 1\nexit`,
    error: "VM_HELPER_ARGUMENT",
    message: "argument 1 of bpf_map_lookup_elem: not a map",
    at: 4,
  },
  {
    name: "a map of another kind",
    code: "r1 = table ll\nr2 = 8\nr3 = 0\ncall 131\nexit",
    declarations: HASH,
    error: "VM_HELPER_ARGUMENT",
    message: "argument 1 of bpf_ringbuf_reserve: map table is no ring buffer",
    at: 4,
  },
  {
    name: "a key outside all memory",
    code: "r1 = table ll\nr2 = 0\ncall 1\nexit",
    declarations: HASH,
    error: "VM_BAD_POINTER",
    message: "access of 4 bytes through 0x0, the null pointer",
    at: 3,
  },
  {
    name: "a helper's buffer beyond the frame",
    code: "r2 = r10\nr2 += -4\nr1 = r2\nr2 = 8\nr3 = 0\ncall 113\nexit",
    error: "VM_ACCESS",
    message: "stack store of 8 bytes at -4..4, the frame is -512..0",
    at: 5,
  },
  {
    name: "spin-lock deadlock",
    code: `${VALUE}\nr6 = r0\nr1 = r6\ncall 93\nr1 = r6\ncall 93\nexit`,
    declarations: HASH,
    error: "VM_HELPER_ARGUMENT",
    message: "argument 1 of bpf_spin_lock: the lock is held: a deadlock",
    at: 20,
  },
  {
    name: "ring-buffer record that was not reserved",
    code: "r1 = r10\nr1 += -8\nr2 = 0\ncall 132\nexit",
    declarations: ".map ring type=27 key=0 value=0 entries=4096",
    error: "VM_HELPER_ARGUMENT",
    message: "argument 1 of bpf_ringbuf_submit: not a reserved record",
    at: 3,
  },
  {
    name: "behind a record",
    code: `${RESERVE}\n*(u32 *)(r6 + 6) = r0\nexit`,
    declarations: RING,
    error: "VM_ACCESS",
    message: "record of ring buffer ring store of 4 bytes at 6..10, it ends at 8",
    at: 7,
  },
  {
    name: "a record's header",
    code: `${RESERVE}\nr0 = *(u32 *)(r6 - 8)\nexit`,
    declarations: RING,
    error: "VM_ACCESS",
    message: "record of ring buffer ring access of 4 bytes at -8..-4, it ends at 8",
    at: 7,
  },
  {
    name: "a record that was given away",
    code: `${RESERVE}\nr1 = r6\nr2 = 0\ncall 132\n*(u32 *)(r6 + 0) = r0\nexit`,
    declarations: RING,
    error: "VM_STALE_POINTER",
    message:
      "store of 4 bytes through the record of ring buffer ring of instruction 4, which is stale since bpf_ringbuf_submit at instruction 9",
    at: 10,
  },
  {
    name: "one byte before a map's value",
    code: `${VALUE}\nr1 = *(u8 *)(r0 - 1)\nexit`,
    declarations: HASH,
    error: "VM_ACCESS",
    message: "value of map table access of 1 byte at -1..0, it ends at 8",
    at: 16,
  },
  {
    name: "a value that arithmetic leads into another map",
    code: `${VALUE}\nr1 = 65536\nr0 += r1\n*(u8 *)(r0 + 0) = 1\nexit`,
    declarations: `${HASH}\n.map other type=2 key=4 value=65536 entries=8`,
    error: "VM_ACCESS",
    message: "value of map table store of 1 byte at 65536..65537, it ends at 8",
    at: 18,
  },
  {
    name: "a number that happens to be an address",
    code: `r6 = *(u32 *)(r1 + 0)\nr2 = r6\nr6 &= -1\nr0 = *(u8 *)(r6 + 0)\nexit`,
    error: "VM_BAD_POINTER",
    message: expect.stringMatching(/^access of 1 byte through 0x[0-9a-f]+, a number that was not made as a pointer$/),
    at: 3,
  },
  {
    name: "a byte behind data_end",
    code: "r2 = *(u32 *)(r1 + 4)\nr0 = *(u8 *)(r2 - 1)\nexit",
    error: "VM_ACCESS",
    message: "packet access of 1 byte at 59..60, through data_end, which is no address of a byte",
    at: 1,
  },
  {
    name: "the packet through the metadata's pointer",
    code: "r2 = *(u32 *)(r1 + 8)\nr0 = *(u8 *)(r2 + 4)\nexit",
    run: { metadata: new Uint8Array(4) },
    error: "VM_ACCESS",
    message: "packet access of 1 byte at 0..1, the metadata is -4..0",
    at: 1,
  },
  {
    name: "a packet pointer across a call that moves the packet",
    code: `r6 = r1\nr7 = *(u32 *)(r1 + 0)\nr2 = 64\ncall 65\nr0 = *(u8 *)(r7 + 0)\nexit`,
    error: "VM_STALE_POINTER",
    message:
      "access of 1 byte through the data pointer of instruction 1, which is stale since bpf_xdp_adjust_tail at instruction 3",
    at: 4,
  },
  {
    name: "a frame that is gone",
    code: "call inner\nr0 = *(u64 *)(r0 - 8)\nexit",
    more: ".section .text\n.static inner\nr0 = r10\nexit",
    error: "VM_STACK_ESCAPE",
    message: "a pointer to the function's own stack leaves the function",
    at: 4,
  },
  {
    name: "a result that nothing has set",
    code: "r1 = 0\nexit",
    error: "VM_UNSET_REGISTER",
    message: "r0 is read, but nothing has set it",
    at: 1,
  },
  {
    name: "an argument that a call has left unset",
    code: "r1 = 1\ncall 7\nr0 = r1\nexit",
    error: "VM_UNSET_REGISTER",
    message: "r1 is read, but the call of bpf_get_prandom_u32 at instruction 1 has left it unset",
    at: 2,
  },
  {
    name: "a register that a function has not set",
    code: "r6 = 5\ncall inner\nexit",
    more: ".section .text\n.static inner\nr0 = r6\nexit",
    error: "VM_UNSET_REGISTER",
    message: "r6 is read, but nothing has set it",
    at: 3,
  },
  {
    name: "padding in a key",
    code: `*(u32 *)(r10 - 8) = 7\n*(u8 *)(r10 - 4) = 7\nr2 = r10\nr2 += -8\nr1 = table ll\ncall 1\nexit`,
    declarations: ".map table type=1 key=8 value=8 entries=4",
    error: "VM_UNINITIALISED",
    message: "a byte of the stack that nothing has written (r10 - 3) is read by bpf_map_lookup_elem",
    at: 6,
  },
  {
    name: "an unwritten variable of the caller",
    code: "r1 = r10\nr1 += -8\ncall inner\nexit",
    more: ".section .text\n.static inner\nr0 = *(u64 *)(r1 + 0)\nif r0 == 1 goto +0\nexit",
    error: "VM_UNINITIALISED",
    message: "a byte of the stack that nothing has written (r10 - 8 of the frame 1 above) decides a branch",
    at: 5,
  },
  {
    name: "tail call through a map that holds no programs",
    code: "r2 = table ll\nr3 = 0\ncall 12\nexit",
    declarations: HASH,
    error: "VM_HELPER_ARGUMENT",
    message: "argument 2 of bpf_tail_call: map table holds no programs",
    at: 3,
  },
  {
    name: "loop over something that is no function",
    code: "r1 = 3\nr2 = 4\nr3 = 0\nr4 = 0\ncall 181\nexit",
    error: "VM_HELPER_ARGUMENT",
    message: "argument 2 of bpf_loop: not a function",
    at: 4,
  },
];

async function faultOf(vm: Vm, run: RunOptions = {}): Promise<XdpkitError> {
  try {
    vm.run(PACKET, run);
  } catch (error) {
    if (error instanceof XdpkitError) return error;
    throw error;
  }
  throw new Error("the program ended");
}

describe("faults", () => {
  it.each(ROWS)("$name", async ({ code, declarations, more, options, run, error, message, at }) => {
    const vm = await createVm(programOf(code, declarations, more), options);
    const first = await faultOf(vm, run);
    const place = first.at?.kind === "instruction" ? [first.at.program, first.at.index] : first.at;
    expect([first.code, first.problem, place]).toEqual([error, message, ["main", at]]);
    // The same again: a fault leaves nothing behind.
    expect((await faultOf(vm, run)).problem).toEqual(message);
  });

  const refused: readonly (readonly [string, string, ErrorCode, string])[] = [
    ["a jump behind the end", "r0 = 0\ngoto +5\nexit", "VM_BAD_JUMP", "jump to slot 7 of a program of 3 slots"],
    ["a jump before the start", "if r1 == 0 goto -4\nexit", "VM_BAD_JUMP", "jump to slot -3 of a program of 2 slots"],
    ["no end", "r0 = 0\nr0 += 1", "VM_BAD_JUMP", "jump to slot 2 of a program of 2 slots"],
    [
      "a write to r10",
      "r0 = 0\nr10 += 8\nexit",
      "VM_FRAME_POINTER",
      "r10 is written, but the frame pointer is read-only",
    ],
    [
      "a load into r10",
      "r10 = *(u64 *)(r10 - 8)\nexit",
      "VM_FRAME_POINTER",
      "r10 is written, but the frame pointer is read-only",
    ],
    ["a branch at the end", "r0 = 0\nif r0 == 0 goto -2", "VM_BAD_JUMP", "jump to slot 2 of a program of 2 slots"],
  ];
  it.each(refused)("a program with %s is not loaded", async (_, code, error, message) => {
    await expect(createVm(programOf(code))).rejects.toMatchObject({ code: error, problem: message });
  });

  const objects = [
    ["packet", `${DATA}\nr6 = r2`, 60],
    ["value of a map", `${VALUE}\nr6 = r0`, 8],
    ["stack", "*(u64 *)(r10 - 8) = 0\nr6 = r10\nr6 += -8", 8],
  ] as const;
  const accesses = [
    ["load", (size: number, at: number) => `r0 = *(u${size} *)(r6 + ${at})`],
    ["store", (size: number, at: number) => `r3 = 1\n*(u${size} *)(r6 + ${at}) = r3`],
    ["store of a number", (size: number, at: number) => `*(u${size} *)(r6 + ${at}) = 1`],
  ] as const;
  const edges = objects.flatMap(([object, begin, end]) =>
    accesses.flatMap(([access, write]) =>
      [8, 16, 32, 64].map((size) => [`${access} of ${size} bits`, object, begin, end, size, write] as const),
    ),
  );
  it.each(edges)("a %s fits up to the end of the %s, and no byte further", async (_, __, begin, end, size, write) => {
    for (const beyond of [0, 1, size / 8, size / 8 + 1]) {
      const code = `${begin}\n${write(size, end - size / 8 + beyond)}\nr0 = 2\nexit`;
      const vm = await createVm(programOf(code, HASH));
      if (beyond === 0) expect(vm.run(PACKET).action).toBe(2);
      else expect((await faultOf(vm)).code).toBe("VM_ACCESS");
    }
  });

  it("copies of unwritten bytes are no faults: a structure with padding goes from frame to frame", async () => {
    const code = `*(u32 *)(r10 - 8) = 7\nr1 = *(u64 *)(r10 - 8)\n*(u64 *)(r10 - 24) = r1\nr0 = *(u32 *)(r10 - 24)\nr2 = *(u64 *)(r10 - 24)\nr2 &= 255\nr2 <<= 8\nr0 += r2\nexit`;
    expect((await createVm(programOf(code))).run(PACKET).action).toBe(7 + 0x700);
  });

  it("unwritten bytes are garbage or zeros where that is asked for", async () => {
    const object = programOf("r0 = *(u32 *)(r10 - 8)\nexit");
    const garbage = async (seed: number) => (await createVm(object, { unwritten: "garbage", seed })).run(PACKET).action;
    const [one, again, two] = [await garbage(1), await garbage(1), await garbage(2)];
    expect([one === again, one === two, one === 0]).toEqual([true, false, false]);
    expect((await createVm(object, { unwritten: "zero" })).run(PACKET).action).toBe(0);
  });

  it("padding of a record that user space gets is garbage", async () => {
    const code = "*(u8 *)(r10 - 8) = 7\nr1 = ring ll\nr2 = r10\nr2 += -8\nr3 = 8\nr4 = 0\ncall 130\nexit";
    const vm = await createVm(programOf(code, ".map ring type=27 key=0 value=0 entries=4096"));
    vm.run(PACKET);
    const [record] = vm.map("ring").drain() as Uint8Array[];
    expect([record!.length, record![0], record!.subarray(1).includes(0)]).toEqual([8, 7, false]);
  });

  it("the linear part of a packet may be short or empty", async () => {
    const text = `.section xdp.frags\n.global main\nr0 = *(u32 *)(r1 + 4)\nr2 = *(u32 *)(r1 + 0)\nr0 -= r2\nexit\n`;
    const vm = await createVm(assemble(text));
    const length = (run: RunOptions): number => vm.run(new Uint8Array(9000), run).action;
    expect([length({}), length({ linear: 200 }), length({ linear: 0 })]).toEqual([3520, 200, 0]);
    expect(vm.run(new Uint8Array(9000).fill(7), { linear: 5 }).packet).toEqual(new Uint8Array(9000).fill(7));
    expect(() => vm.run(PACKET, { linear: -1 })).toThrow(expect.objectContaining({ code: "VM_LINEAR" }));
    const whole = await createVm(programOf("r0 = 2\nexit"));
    expect(() => whole.run(PACKET, { linear: 20 })).toThrow(expect.objectContaining({ code: "VM_LINEAR" }));
  });

  it("name the source line", async () => {
    const object = programOf(`${DATA}\nr0 = *(u8 *)(r2 + 60)\nexit`);
    const [main] = object.functions;
    const lines = [
      { instruction: 0, file: "drop.c", line: 7, column: 3, text: "  void *data = (void *)context->data;" },
      { instruction: 1, file: "drop.c", line: 9, column: 10, text: "  return data[60];" },
    ];
    const withLines: BpfObject = { ...object, functions: [{ ...main!, lines }] };
    expect((await faultOf(await createVm(withLines))).at).toEqual({
      kind: "instruction",
      program: "main",
      index: 1,
      source: { kind: "source", file: "drop.c", line: 9, column: 10, text: "  return data[60];" },
    });
  });

  it("give locks and records back", async () => {
    const held = `${VALUE}\nr6 = r0\nr1 = r6\ncall 93\nr1 = ring ll\nr2 = 8\nr3 = 0\ncall 131\nr1 = 0\nr0 = *(u8 *)(r1 + 0)\nexit`;
    const vm = await createVm(programOf(held, `${HASH}\n.map ring type=27 key=0 value=0 entries=4096`));
    expect((await faultOf(vm)).code).toBe("VM_BAD_POINTER");
    expect(vm.map("table").getBytes(new Uint8Array(4))).toEqual(new Uint8Array(8));
    expect(vm.map("ring").drain()).toEqual([]);
    expect((await faultOf(vm)).code).toBe("VM_BAD_POINTER");
  });
});
