/** Errors of the vm layer: faults of the program that runs, and wrong use of the machine. */
import { entry } from "./entry.ts";

export const vmErrors = {
  VM_ACCESS: entry(
    (p: { region: string; action: "access" | "store"; size: number; from: number; bounds: string }) =>
      `${p.region} ${p.action} of ${p.size} byte${p.size === 1 ? "" : "s"} at ${p.from}..${p.from + p.size}, ${p.bounds}`,
    () => "check the bounds before the access; the kernel's verifier would refuse this program",
  ),
  VM_BAD_POINTER: entry(
    (p: { size: number; address: string; what: string }) =>
      `access of ${p.size} byte${p.size === 1 ? "" : "s"} through ${p.address}, ${p.what}`,
    () => "the register holds no pointer here; was a lookup's result tested for null?",
  ),
  VM_READ_ONLY: entry(
    (p: { region: string; size: number; from: number }) =>
      `store of ${p.size} byte${p.size === 1 ? "" : "s"} at ${p.from} of the read-only ${p.region}`,
    () => "this memory is fixed at load; keep what changes in a map or in .data",
  ),
  VM_STALE_POINTER: entry(
    (p: { what: string; action: "access" | "store"; size: number; made: string; ended: string }) =>
      `${p.action} of ${p.size} byte${p.size === 1 ? "" : "s"} through the ${p.what} of ${p.made}, which is stale since ${p.ended}`,
    (p) =>
      p.what.startsWith("data")
        ? "the call may move the packet: load ctx->data and ctx->data_end again after it, and test the bounds again"
        : "use the record before it is submitted or discarded",
  ),
  VM_UNSET_REGISTER: entry(
    (p: { register: string; since: string }) => `${p.register} is read, but ${p.since}`,
    () => "set the register first; the kernel's verifier refuses the program (R… !read_ok)",
  ),
  VM_UNINITIALISED: entry(
    (p: { what: string; slot: string }) => `a byte of the stack that nothing has written (${p.slot}) ${p.what}`,
    () =>
      'set the variable, or the padding of the structure, first; `unwritten: "garbage"` in place of "fault" (run --unwritten garbage) goes on with arbitrary bytes, as the kernel does',
  ),
  VM_STACK_ESCAPE: entry(
    () => "a pointer to the function's own stack leaves the function",
    () => "copy the value; the frame is gone when the function returns, and the kernel's verifier refuses the program",
  ),
  VM_FRAME_POINTER: entry(
    () => "r10 is written, but the frame pointer is read-only",
    () => "copy r10 to another register, and change that",
  ),
  VM_BUDGET: entry(
    (p: { limit: number }) => `the program has not ended after ${p.limit.toLocaleString("en-US")} instructions`,
    () => "raise the machine's `maxInstructions`, or bound the loop",
  ),
  VM_CALL_DEPTH: entry(
    (p: { limit: number }) => `calls are nested deeper than ${p.limit} frames`,
    () => "the kernel allows 8 frames; inline a function",
  ),
  VM_BAD_INSTRUCTION: entry(
    (p: { text: string }) => `instruction ${p.text} is not one that a loaded program may hold`,
    (p) =>
      p.text.startsWith("callx")
        ? "no version of Linux calls through a register: call functions by name, and compile with -O2"
        : "the object is damaged, or a CO-RE relocation has no target on this kernel",
  ),
  VM_BAD_JUMP: entry(
    (p: { target: number; length: number }) => `jump to slot ${p.target} of a program of ${p.length} slots`,
    () => "the object is damaged",
  ),
  VM_UNKNOWN_HELPER: entry(
    (p: { id: number }) => `helper number ${p.id} is unknown`,
    () => "the object needs a newer kernel than this machine models, or is damaged",
  ),
  VM_UNSUPPORTED_HELPER: entry(
    (p: { name: string; reason: string }) => `${p.name} cannot run in the virtual machine: ${p.reason}`,
    () => "use the kernel engine for this program",
  ),
  VM_MISSING_KFUNC: entry(
    (p: { name: string }) => `kernel function ${p.name} is called, but does not exist in the virtual machine`,
    (p) => `it is declared weak: ask with bpf_ksym_exists(${p.name}) before the call, or use the kernel engine`,
  ),
  VM_HELPER_ARGUMENT: entry(
    (p: { name: string; argument: number; problem: string }) => `argument ${p.argument} of ${p.name}: ${p.problem}`,
    () => "the kernel's verifier would refuse this call",
  ),
  VM_UNKNOWN_EXTERN: entry(
    (p: { name: string; kind: string }) => `${p.kind} ${p.name} does not exist in the virtual machine`,
    (p) =>
      p.kind === "kconfig" ? "give it a value in the machine's `kconfig` option" : "declare it weak, or use the kernel",
  ),
  VM_KCONFIG: entry(
    (p: { name: string; value: number }) => `${p.name}: ${p.value} is no integer`,
    () => "values of `kconfig` are integers, text, or one of y, n, m",
  ),
  VM_UNKNOWN_PROGRAM: entry(
    (p: { name: string; known: readonly string[] }) => `the object has no program ${p.name}`,
    (p) => (p.known.length === 0 ? "it holds no program at all" : `it has ${p.known.join(", ")}`),
  ),
  VM_BIG_ENDIAN: entry(
    () => "the object is for a big-endian machine",
    () => "compile it with -target bpfel (or bpf on a little-endian host)",
  ),
  VM_NO_PROGRAM: entry(
    () => "the object holds no XDP program",
    () => 'XDP programs stand in sections named "xdp", "xdp/…" or "xdp.frags"',
  ),
  VM_SEVERAL_PROGRAMS: entry(
    (p: { known: readonly string[] }) => `the object holds ${p.known.length} XDP programs`,
    (p) => `name one of ${p.known.join(", ")}`,
  ),
  VM_UNKNOWN_MAP: entry(
    (p: { name: string; known: readonly string[] }) => `the object has no map ${p.name}`,
    (p) => (p.known.length === 0 ? "it has no maps" : `it has ${p.known.join(", ")}`),
  ),
  VM_UNKNOWN_VARIABLE: entry(
    (p: { name: string; known: readonly string[] }) => `the object has no global variable ${p.name}`,
    (p) => (p.known.length === 0 ? "it has no global variables" : `it has ${p.known.join(", ")}`),
  ),
  VM_MAP_TYPE: entry(
    (p: { name: string; type: string }) => `map ${p.name}: type ${p.type} is not one that an XDP program can use here`,
    () => "the virtual machine has the map types that XDP programs may use",
  ),
  VM_MAP_DEFINITION: entry(
    (p: { name: string; problem: string; errno: string }) =>
      `map ${p.name}: ${p.problem} (the kernel answers ${p.errno})`,
    () => "correct the map's definition",
  ),
  VM_MAP_OPERATION: entry(
    (p: { name: string; operation: string; errno: string; meaning: string }) =>
      `map ${p.name}: ${p.operation} fails with ${p.errno}: ${p.meaning}`,
    () => "the kernel answers the same; see bpf(2)",
  ),
  VM_MEMORY: entry(
    (p: { need: number; limit: number }) =>
      `the machine needs ${Math.ceil(p.need / 2 ** 20)} MiB, more than its ${Math.floor(p.limit / 2 ** 20)} MiB`,
    () => "make the maps smaller",
  ),
  VM_PACKET_SIZE: entry(
    (p: { have: number; from: number; to: number }) =>
      `a packet of ${p.have} bytes does not fit: ${p.from} to ${p.to} bytes can be run`,
    () => "the kernel needs a whole Ethernet header; larger packets need a program with fragments",
  ),
  VM_HEADROOM: entry(
    (p: { have: number; from: number; to: number }) =>
      `a headroom of ${p.have} bytes does not fit: ${p.from} to ${p.to} bytes can stand before a packet`,
    () => "40 bytes belong to the kernel (struct xdp_frame); drivers give 256",
  ),
  VM_LINEAR: entry(
    (p: { have: number; fragments: boolean }) =>
      p.fragments
        ? `a linear part of ${p.have} bytes: it is a whole number from 0`
        : "a linear part was given, but the program takes no packets in fragments",
    () => "only programs of xdp.frags sections get packets in pieces; the others get the whole packet",
  ),
  VM_METADATA: entry(
    (p: { have: number }) => `metadata of ${p.have} bytes: the length must be a multiple of 4, and at most 252`,
    () => "the kernel keeps metadata in whole words, inside the headroom",
  ),
  VM_CPU: entry(
    (p: { cpu: number; cpus: number }) => `CPU ${p.cpu} does not exist: the machine has 0 to ${p.cpus - 1}`,
    () => "give the machine more CPUs with its `cpus` option (1 to 256)",
  ),
  VM_NETWORK: entry(
    (p: { problem: string }) => p.problem,
    () => "the network file is described in docs/network-file.md",
  ),
  VM_NOT_STOPPED: entry(
    () => "the program has ended; there is nothing to step",
    () => "start another session with vm.debug(packet)",
  ),
} as const;
