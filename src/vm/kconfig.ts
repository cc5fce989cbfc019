/**
 * Values of `__kconfig` variables, laid out as libbpf lays its `.kconfig` map out.
 *
 * The machine has no /proc/config.gz: what the user does not give comes from the defaults below; a weak variable that is
 * in neither is 0.
 */
import { xdpkitError } from "../base/index.ts";
import type { BpfExtern } from "../object/index.ts";

export type KconfigValues = Readonly<Record<string, number | bigint | string>>;

/** KERNEL_VERSION(6, 12, 0), and what programs for XDP commonly ask. Tristates: n 0, y 1, m 2. */
const DEFAULTS: KconfigValues = {
  LINUX_KERNEL_VERSION: (6 << 16) | (12 << 8),
  LINUX_HAS_BPF_COOKIE: 1,
  LINUX_HAS_SYSCALL_WRAPPER: 1,
  CONFIG_HZ: 250,
  CONFIG_BPF: 1,
  CONFIG_BPF_SYSCALL: 1,
  CONFIG_BPF_JIT: 1,
  CONFIG_XDP_SOCKETS: 1,
  CONFIG_NR_CPUS: 8192,
};

/** @throws XdpkitError VM_UNKNOWN_EXTERN for a variable without value that is not weak */
export function encodeKconfig(externs: readonly BpfExtern[], values: KconfigValues): Uint8Array {
  const variables = externs.filter((one) => one.kind === "kconfig");
  const bytes = new Uint8Array(variables.reduce((end, one) => Math.max(end, one.offset + one.size), 1));
  for (const { name, weak, offset, size } of variables) {
    const value = values[name] ?? DEFAULTS[name];
    if (value === undefined && !weak) throw xdpkitError("VM_UNKNOWN_EXTERN", { name, kind: "kconfig" });
    bytes.set(encodeValue(name, value ?? 0, size), offset);
  }
  return bytes;
}

/** libbpf's tristates, as bool, char or enum libbpf_tristate have them. */
const TRISTATES: Readonly<Record<string, number>> = { n: 0, y: 1, m: 2 };

/** A number as `size` bytes, least significant first; text with a final 0, cut to size. */
function encodeValue(name: string, given: number | bigint | string, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  const value = size <= 4 && typeof given === "string" ? (TRISTATES[given] ?? given) : given;
  if (typeof value === "number" && !Number.isInteger(value)) throw xdpkitError("VM_KCONFIG", { name, value });
  if (typeof value === "string") bytes.set(new TextEncoder().encode(value).subarray(0, size - 1));
  else for (let i = 0, rest = BigInt(value); i < size; i++, rest >>= 8n) bytes[i] = Number(rest & 0xffn);
  return bytes;
}
