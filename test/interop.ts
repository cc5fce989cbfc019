/** Tests against tools that may not be installed: they skip with the reason, or fail where the tools are required. */
import { spawnSync } from "node:child_process";

/**
 * Whether a command is installed. With XDPKIT_REQUIRE_KERNEL=1 a missing one throws, so that a run that should have
 * tested everything cannot pass by skipping.
 */
export function requireTool(name: string): { readonly isMissing: boolean; readonly reason: string } {
  const isMissing = spawnSync(name, ["--version"], { stdio: "ignore" }).error !== undefined;
  const reason = isMissing ? `${name} is not installed` : "";
  if (isMissing && process.env["XDPKIT_REQUIRE_KERNEL"] === "1")
    throw new Error(`${reason}, and XDPKIT_REQUIRE_KERNEL=1`);
  return { isMissing, reason };
}
