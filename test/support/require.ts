/**
 * What a test needs of the machine: root, bpf(2), a tool. Where it is missing the suite is skipped with the reason in its
 * name; with XDPKIT_REQUIRE_KERNEL=1 it fails instead.
 */
import { existsSync } from "node:fs";
import { release } from "node:os";
import { delimiter, join } from "node:path";
import { describe } from "vitest";
import { KernelMap, tryCreateMap } from "../../src/kernel/index.ts";

/**
 * `bpf`: maps and programs can be loaded; `root`: namespaces can be made; `kernel 6.8`: the oldest that will do; a path: the
 * file; else a command.
 */
export type Need = "bpf" | "root" | (string & {});

function reasonFor(need: Need): string | undefined {
  if (need === "root") return process.getuid?.() === 0 ? undefined : "needs root";
  if (need === "bpf") return canUseBpf() ? undefined : "needs bpf(2)";
  if (need.startsWith("kernel ")) return isAtLeast(need.slice(7)) ? undefined : `needs ${need}`;
  if (need.startsWith("/")) return existsSync(need) ? undefined : `needs ${need}`;
  const folders = `${process.env["PATH"] ?? ""}${delimiter}/usr/sbin${delimiter}/sbin`.split(delimiter);
  return folders.some((folder) => existsSync(join(folder, need))) ? undefined : `needs ${need}`;
}

function isAtLeast(version: string): boolean {
  const [major = 0, minor = 0] = release().split(".").map(Number.parseFloat);
  const [wantedMajor = 0, wantedMinor = 0] = version.split(".").map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

function canUseBpf(): boolean {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
  const definition = {
    name: "probe",
    style: "btf",
    type: 2,
    keySize: 4,
    valueSize: 4,
    maxEntries: 1,
    flags: 0,
    pinByName: false,
  } as const;
  const fd = tryCreateMap(definition);
  if (fd >= 0) new KernelMap(fd, definition, 1)[Symbol.dispose]();
  return fd >= 0;
}

/** A `describe` that runs where everything needed is there. */
export function suite(name: string, needs: readonly Need[], body: () => void): void {
  const missing = needs.map(reasonFor).filter((reason) => reason !== undefined);
  if (missing.length > 0 && process.env["XDPKIT_REQUIRE_KERNEL"] === "1")
    throw new Error(`${name}: ${missing.join(", ")}`);
  describe.skipIf(missing.length > 0)(missing.length > 0 ? `${name} (${missing.join(", ")})` : name, body);
}
