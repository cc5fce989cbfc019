/** The kernel's "no" to a program as an error: place, reason, what mends it, and the verifier's log as the cause. */
import { type Location, printLocation, type XdpkitError, xdpkitError } from "../base/index.ts";
import { type LinkedProgram, sourceOf } from "../object/index.ts";
import { errnoName } from "../uapi/index.ts";
import { readVerifierLog } from "./verifier-log.ts";
import { type Explanation, explain } from "./verifier-reasons.ts";

export interface RefusedProgram {
  readonly name: string;
  /** Bytes. */
  readonly instructions: Uint8Array;
  /** What the instructions were made from, for their source lines. */
  readonly linked?: LinkedProgram;
}

/** BPF_COMPLEXITY_LIMIT_INSNS and BPF_MAXINSNS (include/linux/bpf.h): slots, with CAP_BPF and without. */
const MOST_SLOTS = 1_000_000;
const MOST_SLOTS_UNPRIVILEGED = 4096;

/** KERNEL_REFUSED, or KERNEL_PERMISSION where the kernel did not even look. `result` is a negative error number. */
export function refusal(program: RefusedProgram, result: number, log: string): XdpkitError {
  const { name, linked } = program;
  const errno = errnoName(result);
  const read = readVerifierLog(log);
  if (read.sentences.length === 0) {
    if (errno === "EPERM") return xdpkitError("KERNEL_PERMISSION", { program: name });
    const { reason, hint } = silent(program, errno);
    return xdpkitError("KERNEL_REFUSED", { program: name, errno, reason, sentence: "" }, { hint, cause: log });
  }
  const known = explain(read, (slot) => describe(program, slot));
  const sentence = read.sentences.join("; ");
  const inside = linked && read.slot !== undefined ? calleeAt(linked, read.slot) : undefined;
  return xdpkitError(
    "KERNEL_REFUSED",
    { program: name, errno, sentence, ...(inside ? { inside } : {}), ...(known ? { reason: known.reason } : {}) },
    { at: read.slot === undefined ? undefined : placeOf(program, read.slot), hint: known?.hint, cause: log },
  );
}

function placeOf({ name, linked }: RefusedProgram, slot: number): Location {
  const source = linked && sourceOf(linked, slot);
  return { kind: "instruction", program: name, index: slot, ...(source ? { source } : {}) };
}

/** `instruction 5 (end.c:12:3)`. */
const describe = (program: RefusedProgram, slot: number): string =>
  printLocation(placeOf(program, slot)).slice(`program ${program.name}, `.length);

/** The function of a slot, unless it is the program itself. */
function calleeAt({ name, functions, slots }: LinkedProgram, slot: number): string | undefined {
  const found = functions.findLast(({ start }) => slots[start]! <= slot)?.function.name;
  return found === name ? undefined : found;
}

const SILENT: Readonly<Record<string, Explanation>> = {
  EINVAL: {
    reason:
      "this kernel does not take what was asked for: program type, flags, attach type or a field that it does not know",
    hint: "xdpkit doctor shows what the kernel can do; fragments (xdp.frags) need Linux 5.18, xdp/devmap 5.8, xdp/cpumap 5.9",
  },
  ENOMEM: {
    reason: "there is no memory for it",
    hint: "before Linux 5.11 raise the limit of locked memory (ulimit -l unlimited), else the memory of the cgroup",
  },
  EAGAIN: { reason: "a signal interrupted the verifier", hint: "try again" },
  ENOSPC: { reason: "the verifier's log is longer than the kernel gives", hint: "load with logLevel 0 or 1" },
  EBADF: {
    reason: "a map or BTF that it refers to is not open",
    hint: "load the object whole: LoadedObject creates maps and BTF first",
  },
  EOPNOTSUPP: {
    reason: "this kernel, or its JIT compiler on this machine, cannot run it",
    hint: "sysctl net.core.bpf_jit_enable=1, or do without kernel functions and calls that only the JIT compiler has",
  },
};

/** Where the verifier has said nothing: what the error number and the size tell. */
function silent({ instructions }: RefusedProgram, errno: string): Explanation {
  if (errno === "E2BIG") return tooLarge(instructions.length / 8);
  return (
    SILENT[errno === "ENOTSUPP" ? "EOPNOTSUPP" : errno] ?? {
      reason: "it gives no reason",
      hint: "see bpf(2), BPF_PROG_LOAD",
    }
  );
}

function tooLarge(slots: number): Explanation {
  const has = `it has ${slots.toLocaleString("en-US")} instructions`;
  if (slots === 0 || slots > MOST_SLOTS)
    return {
      reason: `${has}, and the kernel takes 1 to ${MOST_SLOTS.toLocaleString("en-US")}`,
      hint: slots === 0 ? "write at least a return" : "split the program by tail calls",
    };
  // The log is missing: so few instructions are too many only on all paths together.
  if (slots <= MOST_SLOTS_UNPRIVILEGED)
    return {
      reason: `${has}, and the verifier gave up after following ${MOST_SLOTS.toLocaleString("en-US")} on all paths`,
      hint: "branch and loop less, put repeated work into global functions, or split by tail calls",
    };
  return {
    reason: `${has}, and without CAP_BPF the kernel takes ${MOST_SLOTS_UNPRIVILEGED.toLocaleString("en-US")}`,
    hint: `run as root, or with CAP_BPF: then it takes ${MOST_SLOTS.toLocaleString("en-US")}`,
  };
}
