/**
 * What a test needs of the machine. Where it is missing the test is skipped with the reason; with
 * XDPKIT_REQUIRE_KERNEL=1 it fails instead, so that a machine that ought to have everything cannot skip silently.
 */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** The reason to skip, or null; throws when skipping is not allowed. */
function unless(met: boolean, reason: string): string | null {
  if (met) return null;
  if (process.env["XDPKIT_REQUIRE_KERNEL"] === "1") throw new Error(`XDPKIT_REQUIRE_KERNEL=1, but ${reason}`);
  return reason;
}

/** For `describe.skipIf(requireTool("bpftool") !== null)`; system folders are looked into even if PATH lacks them. */
export function requireTool(name: string): string | null {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  const found = folders.some((folder) => folder !== "" && existsSync(join(folder, name)));
  return unless(found, `${name} is not installed`);
}

export function requireRoot(): string | null {
  return unless(process.getuid?.() === 0, "the tests do not run as root");
}

export function requireFile(path: string): string | null {
  return unless(existsSync(path), `${path} does not exist`);
}

/** The first reason of several, for the name of a skipped suite. */
export function firstReason(...reasons: readonly (string | null)[]): string | null {
  return reasons.find((reason) => reason !== null) ?? null;
}
