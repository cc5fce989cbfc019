/**
 * The words of faults: what was accessed, counted from the object that the pointer was made for; what was never written;
 * what a call has made stale. All are errors at the instruction that runs (`cpu.pc`).
 */
import type { Location, XdpkitError, xdpkitError } from "../base/index.ts";
import { helperById } from "../uapi/index.ts";
import { type Memory, type MemoryObject, ObjectId, type Region } from "./memory.ts";
import { OPERATION } from "./operations.ts";
import { UNSET } from "./origin.ts";
import { STACK_BYTES } from "./stack-shadow.ts";
import type { Text } from "./text.ts";

/** What this needs of the CPU. */
interface Running {
  readonly regs: Int32Array;
  readonly origins: Int32Array;
  readonly memory: Memory;
  readonly stack: Region;
  readonly text: Text;
  readonly depth: number;
  readonly lastCall: number;
  readonly kfuncNames: readonly string[];
  location(position: number): Location;
  error<C extends Parameters<typeof xdpkitError>[0]>(
    code: C,
    parameters: Parameters<typeof xdpkitError<C>>[1],
  ): XdpkitError;
}

/** An access through the register at `place` that its object does not allow. */
export function accessFault(cpu: Running, place: number, address: number, size: number, write: boolean): XdpkitError {
  const origin = cpu.origins[place]!;
  if (origin === UNSET) return unsetFault(cpu, place >> 1);
  if (origin < 0) return unknownFault(cpu, cpu.origins[place + 1]!, "is used as an address");
  const region = cpu.memory.regionOf(origin);
  if (region.kind === "none") return badPointer(cpu, place, address, size);
  const object = cpu.memory.objectOf(origin);
  if (object && object.ended >= 0) return staleFault(cpu, object, size, write);
  const base = cpu.origins[place + 1]!;
  const from = wideAddress(cpu, place, address) - zeroOf(region, object, base);
  if (write && (region.readOnly || isReadOnly(cpu, origin)))
    return cpu.error("VM_READ_ONLY", { region: region.name, size, from });
  const bounds = boundsOf(cpu, origin, base);
  return cpu.error("VM_ACCESS", { region: region.name, action: write ? "store" : "access", size, from, bounds });
}

/** A pointer that may be read, but not written, of memory that others may write. */
const isReadOnly = (cpu: Running, origin: number): boolean =>
  cpu.memory.limits[origin]! >= 0 && cpu.memory.stores[origin]! < 0;

/** The same for an argument of a helper. */
export function argumentFault(cpu: Running, n: number, size: number, write: boolean): never {
  throw accessFault(cpu, 2 * n, cpu.regs[2 * n]!, size, write);
}

/** The address with the high half of its register: arithmetic may lead a pointer anywhere. */
function wideAddress(cpu: Running, place: number, address: number): number {
  const low = cpu.regs[place]!;
  return cpu.regs[place + 1]! * 2 ** 32 + (low >>> 0) + ((address - low) | 0);
}

/** What messages count from: r10, `data`, or the start of the object. */
function zeroOf(region: Region, object: MemoryObject | undefined, base: number): number {
  if (region.kind === "stack") return base + STACK_BYTES;
  return object?.zero ?? base;
}

function boundsOf(cpu: Running, origin: number, base: number): string {
  const region = cpu.memory.regionOf(origin);
  const object = cpu.memory.objectOf(origin);
  const limit = cpu.memory.limits[origin]!;
  if (region.kind === "stack") {
    const returned = base > cpu.origins[21]!;
    return returned ? "the frame of a function that has returned" : `the frame is -${STACK_BYTES}..0`;
  }
  if (region.kind !== "packet" || !object) return `it ends at ${limit}`;
  const part = partOf(cpu, object);
  if (part === "data") return `packet ends at ${limit}`;
  return part === "data_meta"
    ? `the metadata is ${base - object.zero}..0`
    : "through data_end, which is no address of a byte";
}

/** Which word of the context a packet pointer was loaded from: its instruction says so. */
function partOf(cpu: Running, object: MemoryObject): string {
  const offset = cpu.text.code[object.made * 4 + 2]!;
  return ["data", "data_end", "data_meta"][offset >> 2] ?? "packet";
}

function staleFault(cpu: Running, object: MemoryObject, size: number, write: boolean): XdpkitError {
  const what = object.region.kind === "packet" ? `${partOf(cpu, object)} pointer` : object.region.name;
  return cpu.error("VM_STALE_POINTER", {
    what,
    action: write ? "store" : "access",
    size,
    made: placeOf(cpu, object.made),
    ended: `${callAt(cpu, object.ended)} at ${placeOf(cpu, object.ended)}`,
  });
}

function badPointer(cpu: Running, place: number, address: number, size: number): XdpkitError {
  const high = cpu.regs[place + 1]!;
  const text = `0x${((BigInt(high >>> 0) << 32n) | BigInt(address >>> 0)).toString(16)}`;
  return cpu.error("VM_BAD_POINTER", { size, address: text, what: describeBadPointer(cpu, place, address, high) });
}

function describeBadPointer(cpu: Running, place: number, address: number, high: number): string {
  if (high !== 0) return "which is no address";
  const unsigned = address >>> 0;
  if (cpu.origins[place] === ObjectId.Handle) {
    return unsigned >= 0xc000_0000 ? "a function" : "a map, not one of its values";
  }
  if (unsigned < 4096) return unsigned === 0 ? "the null pointer" : "close to the null pointer";
  const { kind } = cpu.memory.regionAt(address);
  return kind === "none" ? "where there is no memory" : "a number that was not made as a pointer";
}

/** A register that nothing has set in this frame, or that a call has left unset. */
export function unsetFault(cpu: Running, register: number): XdpkitError {
  const call = cpu.lastCall;
  const since =
    call >= 0 && register < 6
      ? `the call of ${callAt(cpu, call)} at ${placeOf(cpu, call)} has left it unset`
      : "nothing has set it";
  return cpu.error("VM_UNSET_REGISTER", { register: `r${register}`, since });
}

/** Bytes of the stack that nobody wrote, at `address`; `what` they do. */
export function unknownFault(cpu: Running, address: number, what: string): XdpkitError {
  const { stride, start } = cpu.stack;
  const frame = Math.floor((address - start) / stride);
  const from = address - (start + frame * stride + STACK_BYTES);
  const above = cpu.depth + 1 - frame;
  const whose = above === 0 ? "" : above > 0 ? ` of the frame ${above} above` : " of a function that has returned";
  return cpu.error("VM_UNINITIALISED", { what, slot: `r10 - ${-from}${whose}` });
}

/** Name of what an instruction calls. */
export function callAt(cpu: Running, position: number): string {
  const word = cpu.text.code[position * 4]! & 0xff;
  const number = cpu.text.code[position * 4 + 3]!;
  if (word === OPERATION.call) return helperById(number)?.name ?? `helper ${number}`;
  if (word === OPERATION.call_kfunc) return cpu.kfuncNames[number] ?? `kernel function ${number}`;
  return "a function";
}

/** A position as its program's slot. */
function placeOf(cpu: Running, position: number): string {
  const at = cpu.location(position);
  if (at.kind !== "instruction") return `position ${position}`;
  const line = at.source?.kind === "source" ? ` (${at.source.file}:${at.source.line})` : "";
  return `instruction ${at.index}${line}`;
}
