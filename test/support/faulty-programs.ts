/**
 * Random programs with one access that the machine must not let pass: beside the object that the pointer was made for,
 * through a packet pointer that a call has made stale, of a register that nothing set, or of stack bytes that nobody wrote.
 *
 * Around the access stand instructions that hide where the pointer comes from: copies, arithmetic, spills. Invariant: the
 * program reaches the access on every packet of 64 bytes.
 */
import { assemble, type BpfObject } from "../../src/object/index.ts";
import type { Random } from "./random.ts";

export interface FaultyProgram {
  readonly text: string;
  readonly object: BpfObject;
  /** What the machine says. */
  readonly code: "VM_ACCESS" | "VM_STALE_POINTER" | "VM_UNSET_REGISTER" | "VM_UNINITIALISED" | "VM_READ_ONLY";
  /** Part of the message: the object that the pointer was made for, or the place of what was never set. */
  readonly says: string;
  /** Whether the kernel's verifier refuses it as well: privileged programs may read their stack before they write it. */
  readonly refused: boolean;
}

const DECLARATIONS = `.license "GPL"
.map before type=2 key=4 value=64 entries=64
.map array type=2 key=4 value=48 entries=4
.map percpu type=6 key=4 value=40 entries=4
.map hash type=1 key=4 value=24 entries=64
.map ring type=27 key=0 value=0 entries=4096
.map after type=2 key=4 value=64 entries=64
.data .data size=40
.variable counter offset=0 size=8
.section xdp
.global main
r6 = r1
*(u64 *)(r10 - 8) = 0
*(u64 *)(r10 - 16) = 0
*(u64 *)(r10 - 24) = 0`;
const HASH_ENTRY = "r1 = hash ll\nr2 = r10\nr2 += -8\nr3 = r10\nr3 += -24\nr4 = 0\ncall 2";
const lookup = (map: string): string => `r1 = ${map} ll\nr2 = r10\nr2 += -8\ncall 1\nif r0 == 0 goto out\nr7 = r0`;

/** How a pointer gets into r7, what may be reached from it, and what messages call it. */
interface Subject {
  readonly make: string;
  readonly from: number;
  readonly to: number;
  readonly name: string;
  readonly end?: string;
}

const SUBJECTS: readonly Subject[] = [
  { make: lookup("array"), from: 0, to: 48, name: "value of map array" },
  { make: lookup("percpu"), from: 0, to: 40, name: "value of map percpu" },
  { make: `${HASH_ENTRY}\n${lookup("hash")}`, from: 0, to: 24, name: "value of map hash" },
  { make: "r7 = counter ll", from: 0, to: 40, name: "data of section .data" },
  { make: "r7 = r10", from: -512, to: 0, name: "stack" },
  {
    make: "r1 = ring ll\nr2 = 32\nr3 = 0\ncall 131\nif r0 == 0 goto out\nr7 = r0",
    from: 0,
    to: 32,
    name: "record of ring buffer ring",
    end: "r1 = r8\nr2 = 0\ncall 133",
  },
  {
    make: "r7 = *(u32 *)(r6 + 0)\nr2 = *(u32 *)(r6 + 4)\nr3 = r7\nr3 += 64\nif r3 > r2 goto out",
    from: 0,
    to: 64,
    name: "packet",
  },
];

const SIZES = [
  [1, "u8"],
  [2, "u16"],
  [4, "u32"],
  [8, "u64"],
] as const;

const program = (body: string, end = ""): string =>
  `${DECLARATIONS}\n${body}\n${end}\nr0 = 2\nexit\nout:\nr0 = 1\nexit\n`;

/** A distance from the object, near its ends or as far as instructions lead. */
function outside(random: Random, { from, to }: Subject, size: number): number {
  const far = random.pick([16, 600, 5000, 32_000, 1 << 20, 1 << 28]);
  return random.chance(0.5) ? from - random.between(1, far) : to - size + random.between(1, far);
}

const plus = (offset: number): string => (offset < 0 ? `- ${-offset}` : `+ ${offset}`);

/** Divides a distance between the instruction's offset and arithmetic on the pointer. */
function reach(random: Random, distance: number): readonly [code: string, offset: number] {
  const fits = Math.abs(distance) < 32_768;
  const offset = fits && random.chance(0.5) ? distance : random.between(-2000, 2000);
  const rest = distance - offset;
  if (rest === 0) return ["", offset];
  if (random.chance(0.4)) return [`r7 += ${rest}`, offset];
  return random.chance(0.5) ? [`r1 = ${rest}\nr7 += r1`, offset] : [`r1 = ${-rest}\nr7 -= r1`, offset];
}

function hide(random: Random): string {
  return random.pick([
    "",
    "r9 = r7\nr7 = r9",
    "*(u64 *)(r10 - 64) = r7\nr7 = *(u64 *)(r10 - 64)",
    "r7 += 8\nr7 += -8",
    "r9 = r7\nr9 += 4\n*(u64 *)(r10 - 64) = r9\nr7 = *(u64 *)(r10 - 64)\nr7 -= 4",
  ]);
}

function access(random: Random, offset: number, [size, name]: (typeof SIZES)[number]): string {
  const place = `*(${name} *)(r7 ${plus(offset)})`;
  const kind = random.pick(size >= 4 ? ["load", "store", "immediate", "atomic"] : ["load", "store", "immediate"]);
  if (kind === "load") return `r1 = ${place}`;
  if (kind === "immediate") return `${place} = 65`;
  return kind === "store" ? `r1 = 65\n${place} = r1` : `r1 = 1\nlock ${place} += r1`;
}

function beside(random: Random): Omit<FaultyProgram, "object"> {
  const subject = random.pick(SUBJECTS);
  const size = random.pick(SIZES);
  const [arithmetic, offset] = reach(random, outside(random, subject, size[0]));
  const body = [subject.make, "r8 = r7", hide(random), arithmetic, hide(random), access(random, offset, size)];
  return { text: program(body.join("\n"), subject.end), code: "VM_ACCESS", says: subject.name, refused: true };
}

const MOVES = [
  ["r2 = -8\nr1 = r6\ncall 44", "bpf_xdp_adjust_head"],
  ["r2 = 0\nr1 = r6\ncall 65", "bpf_xdp_adjust_tail"],
  ["r2 = -4\nr1 = r6\ncall 54", "bpf_xdp_adjust_meta"],
  // It fails, and moves nothing: the verifier does not know.
  ["r2 = -100000\nr1 = r6\ncall 44", "bpf_xdp_adjust_head"],
] as const;

function stale(random: Random): Omit<FaultyProgram, "object"> {
  const [move, says] = random.pick(MOVES);
  const make = SUBJECTS.at(-1)!.make;
  const kept = random.chance(0.5) ? "" : "*(u64 *)(r10 - 64) = r7";
  const back = kept === "" ? "" : "r7 = *(u64 *)(r10 - 64)";
  const body = [
    make,
    hide(random),
    kept,
    move,
    back,
    access(random, random.between(0, 50), random.pick(SIZES.slice(0, 2))),
  ];
  return { text: program(body.join("\n")), code: "VM_STALE_POINTER", says, refused: true };
}

function unset(random: Random): Omit<FaultyProgram, "object"> {
  const [body, says] = random.pick([
    ["r1 = r8", "r8 is read, but nothing has set it"],
    ["r1 = 0\nr1 += r9", "r9 is read, but nothing has set it"],
    ["call 7\nr1 = r3", "r3 is read, but the call of bpf_get_prandom_u32"],
    ["call 7\nif r2 > 5 goto out", "r2 is read, but the call of bpf_get_prandom_u32"],
    ["r1 = counter ll\n*(u64 *)(r1 + 0) = r8", "r8 is read"],
    ["w1 = w7", "r7 is read"],
    ["r1 = ring ll\nr2 = 8\ncall 131", "r3 is read"],
  ] as const);
  return { text: program(body), code: "VM_UNSET_REGISTER", says, refused: true };
}

function unwritten(random: Random): Omit<FaultyProgram, "object"> {
  const at = 8 * random.between(5, 60);
  const load = `r7 = *(u64 *)(r10 - ${at})`;
  const partly = `*(u32 *)(r10 - ${at}) = 7\n${load}`;
  const slot = `r10 - ${at}`;
  const upper = `r10 - ${at - 4}`;
  const [body, says] = random.pick([
    [`${load}\nif r7 == 3 goto out`, `(${slot}) decides a branch`],
    [`${partly}\nif r7 == 3 goto out`, `(${upper}) decides a branch`],
    [`${partly}\nr7 += 1\nr7 >>= 8\nif r7 == 3 goto out`, "decides a branch"],
    [
      `${load}\n*(u64 *)(r10 - 32) = r7\nr7 = *(u64 *)(r10 - 32)\nr1 = counter ll\n*(u64 *)(r1 + 0) = r7`,
      `(${slot}) is stored to the data of section .data`,
    ],
    [`r1 = array ll\nr2 = r10\nr2 += -${at}\ncall 1`, `(${slot}) is read by bpf_map_lookup_elem`],
    [`${load}\nr1 = ring ll\nr2 = r7\nr3 = 0\ncall 131`, `(${slot}) is an argument of bpf_ringbuf_reserve`],
    [`${load}\nr1 = counter ll\nr7 &= 7\nr1 += r7\nr0 = *(u8 *)(r1 + 0)`, `(${slot}) is used as an address`],
    [`${load}\nr0 = r7\nexit`, `(${slot}) is the program's result`],
    [
      `r1 = r6\nr2 = 5000\nr3 = r10\nr3 += -${at}\nr4 = 8\ncall 189\n${load}\nif r7 == 3 goto out`,
      `(${slot}) decides a branch`,
    ],
    [`r1 = 1\nlock *(u64 *)(r10 - ${at}) += r1`, `(${slot}) is an operand of an atomic operation`],
  ] as const);
  return { text: program(body), code: "VM_UNINITIALISED", says, refused: false };
}

export function faultyProgram(random: Random): FaultyProgram {
  const made = random.pick([beside, beside, beside, stale, unset, unwritten])(random);
  return { ...made, object: assemble(made.text, { file: "faulty.s" }) };
}
