/** The running kernel's configuration, as `__kconfig` variables ask for it (libbpf: bpf_object__read_kconfig_file). */
import { existsSync, readFileSync } from "node:fs";
import { release } from "node:os";
import { gunzipSync } from "node:zlib";
import type { KconfigValue, KconfigValues } from "../object/index.ts";
import { hasKernelName } from "./kernel-btf.ts";

/** /proc/config.gz, else /boot/config-VERSION; without either only what needs no file. */
export function readKconfig(): KconfigValues {
  const values: Record<string, KconfigValue> = { ...virtualValues() };
  for (const [, name, value] of configText().matchAll(/^(CONFIG_\w+)=(.*)$/gm)) values[name!] = parseValue(value!);
  return values;
}

function configText(): string {
  if (existsSync("/proc/config.gz")) return gunzipSync(readFileSync("/proc/config.gz")).toString("utf8");
  const path = `/boot/config-${release()}`;
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

/** Text in quotes, numbers, y, m or n. */
function parseValue(text: string): KconfigValue {
  if (text.startsWith('"')) return text.slice(1, -1).replace(/\\(.)/g, "$1");
  return /^-?(\d+|0x[0-9a-f]+)$/i.test(text) ? BigInt(text) : text;
}

/** Variables that are no options: libbpf answers them itself. */
function virtualValues(): KconfigValues {
  const [major = 0, minor = 0, patch = 0] = release().split(/[.-]/).map(Number);
  return {
    LINUX_KERNEL_VERSION: (major << 16) | (minor << 8) | Math.min(patch, 255),
    LINUX_HAS_BPF_COOKIE: hasKernelName("bpf_trace_run_ctx") ? 1 : 0,
    LINUX_HAS_SYSCALL_WRAPPER: hasKernelName(`__${process.arch === "arm64" ? "arm64" : "x64"}_sys_bpf`) ? 1 : 0,
  };
}
