/** A bpf (or trace) file system of a test's own, in a temporary folder: pins are gone with it, whatever happens. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const mounted = new Set<string>();

/** Each bpf mount is a file system of its own: nobody else sees the pins, and none outlives it. */
function remove(path: string): void {
  execFileSync("umount", ["--lazy", path]);
  rmdirSync(path);
  mounted.delete(path);
}

process.on("exit", () => {
  for (const path of mounted) remove(path);
});

export class BpfFolder implements Disposable {
  readonly path: string;

  constructor(type: "bpf" | "tracefs" = "bpf") {
    this.path = mkdtempSync(join(tmpdir(), `xdpkit-${type}-`));
    execFileSync("mount", ["-t", type, "none", this.path]);
    mounted.add(this.path);
  }

  [Symbol.dispose](): void {
    remove(this.path);
  }
}
