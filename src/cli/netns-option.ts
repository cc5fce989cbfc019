/**
 * `--netns NAME`: the command works inside a network namespace. The main thread itself enters it before the command runs, and
 * every call to the kernel is made by that thread: docs/decisions/namespaces.md.
 */
import type { Command } from "commander";

export function addNamespaceOption(command: Command): Command {
  return command
    .option("--netns <name>", "work inside a network namespace: a name that ip netns list shows, or a path")
    .hook("preAction", async (_, action) => {
      const { netns } = action.opts<{ netns?: string }>();
      if (netns === undefined) return;
      const { enterNamespace } = await import("../kernel/index.ts");
      enterNamespace(netns);
    });
}
