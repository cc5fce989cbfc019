/** The C twins of the examples, and the content of their maps in the kernel and in the machine. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { compileOrThrow, programsOf } from "../../src/compiler/index.ts";
import type { LoadedObject } from "../../src/kernel/index.ts";
import { type BpfObject, readElf } from "../../src/object/index.ts";
import type { Vm } from "../../src/vm/index.ts";
import type { MapEntry } from "./example-traffic/index.ts";

/** Folder of the example, and the program that packets enter. */
export const TWINS: readonly (readonly [name: string, program: string])[] = [
  ["end", "end"],
  ["end-psp", "end"],
  ["gtp4-decap", "decapsulate"],
  ["gtp4-encap", "encapsulate"],
  ["load-balancer", "balancer"],
  ["static-nat", "nat"],
  ["tlv-dispatch", "dispatch"],
  ["ethertype-counter", "count"],
  ["payload-cutter", "cut"],
  ["deny-list", "deny"],
  ["icmp-errors", "answer"],
];

/** Examples without a twin. */
export const LONE: readonly (readonly [name: string, program: string])[] = [
  ["firewall", "firewall"],
  ["token-bucket", "limiter"],
  ["syn-tracking", "guard"],
  ["af-xdp", "steer"],
  ["egress", "bridge"],
  ["cpu-spread", "spread"],
];

/** The exports of an example's module. */
export async function loadExample(name: string): Promise<Readonly<Record<string, unknown>>> {
  return import(/* @vite-ignore */ fileURLToPath(new URL(`../../examples/${name}/${name}.xdp.ts`, import.meta.url)));
}

/** An example by our own compiler: all its programs. */
export async function compileExample(name: string): Promise<BpfObject> {
  return compileOrThrow(programsOf(await loadExample(name))).object;
}

export const twinOf = (name: string): BpfObject =>
  readElf(readFileSync(new URL(`../../examples/${name}/${name}.o`, import.meta.url)), { name });

/** Widens what device and CPU maps take to the size of their values. */
function bytesOf(value: MapEntry["value"], size: number): Uint8Array {
  if (value instanceof Uint8Array) return value;
  const bytes = new Uint8Array(size);
  new DataView(bytes.buffer).setUint32(0, "interface" in value ? value.interface : value.queueSize, true);
  return bytes;
}

function repeated(value: Uint8Array, bytes: number): Uint8Array {
  const all = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += (value.length + 7) & ~7) all.set(value, at);
  return all;
}

/** One value stands for all CPUs. */
export function fillKernel(loaded: LoadedObject, entries: readonly MapEntry[]): void {
  for (const { map: name, key, value } of entries) {
    const map = loaded.map(name);
    const bytes = bytesOf(value, map.definition.valueSize);
    if (bytes.length !== map.definition.valueSize || key.length !== map.definition.keySize)
      throw new Error(
        `${name} has ${map.definition.keySize}+${map.definition.valueSize} bytes, not ${key.length}+${bytes.length}`,
      );
    const result = map.trySet(key, map.perCpu ? repeated(bytes, map.valueBytes) : bytes);
    if (result < 0) throw new Error(`setting an element of ${name}: error ${-result}`);
  }
}

/** As if up for an hour: what was seen at the beginning of time has expired, as it has in the kernel. */
const UPTIME_NS = 3_600_000_000_000n;

export function fillVm(vm: Vm, entries: readonly MapEntry[]): void {
  vm.clock.nowNs = UPTIME_NS;
  for (const { map, key, value } of entries) vm.map(map).set(key, value);
}
