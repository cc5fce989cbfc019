/**
 * Values of `__kconfig` variables (the running kernel's configuration), in one read-only value, as libbpf lays its `.kconfig`
 * map out.
 */
import { xdpkitError } from "../base/index.ts";
import type { BpfExtern } from "./bpf-object.ts";

/** A number, or the text of a string option; `y`, `m` and `n` are texts of one character. */
export type KconfigValue = number | bigint | string;
/** By name, with `CONFIG_`. */
export type KconfigValues = Readonly<Record<string, KconfigValue>>;

/** A variable without a value is 0, if it is weak; `missing` makes the error for others. @throws XdpkitError VM_KCONFIG */
export function encodeKconfig(
  externs: readonly BpfExtern[],
  values: KconfigValues,
  missing: (name: string) => Error,
): Uint8Array {
  const variables = externs.filter((one) => one.kind === "kconfig");
  const bytes = new Uint8Array(variables.reduce((end, one) => Math.max(end, one.offset + one.size), 1));
  for (const { name, weak, offset, size } of variables) {
    const value = values[name];
    if (value === undefined && !weak) throw missing(name);
    bytes.set(encodeValue(name, value ?? 0, size), offset);
  }
  return bytes;
}

/** libbpf's tristates, as bool, char or enum libbpf_tristate have them. */
const TRISTATES: Readonly<Record<string, number>> = { n: 0, y: 1, m: 2 };

/** A number as `size` bytes, least significant first; text with a final 0, cut to size. */
function encodeValue(name: string, given: KconfigValue, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  const value = size <= 4 && typeof given === "string" ? (TRISTATES[given] ?? given) : given;
  if (typeof value === "number" && !Number.isInteger(value)) throw xdpkitError("VM_KCONFIG", { name, value });
  if (typeof value === "string") bytes.set(new TextEncoder().encode(value).subarray(0, size - 1));
  else for (let i = 0, rest = BigInt(value); i < size; i++, rest >>= 8n) bytes[i] = Number(rest & 0xffn);
  return bytes;
}
