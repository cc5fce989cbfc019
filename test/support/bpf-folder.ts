/** A bpf (or trace) file system of a test's own, in a temporary folder: pins are gone with it, whatever happens. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { atEnd } from "./cleanup.ts";

/**
 * Each bpf mount is a file system of its own: nobody else sees the pins, and none outlives it. It may be busy for a moment
 * while a process that was killed is taken apart.
 */
function remove(path: string): void {
  for (let tries = 0; spawnSync("umount", [path]).status !== 0; tries++) {
    if (tries === 100) execFileSync("umount", [path]);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
  }
  rmdirSync(path);
}

export class BpfFolder implements Disposable {
  readonly path: string;
  readonly #forget: () => void;

  constructor(type: "bpf" | "tracefs" = "bpf") {
    this.path = mkdtempSync(join(tmpdir(), `xdpkit-${type}-`));
    execFileSync("mount", ["-t", type, "none", this.path]);
    this.#forget = atEnd(() => remove(this.path));
  }

  [Symbol.dispose](): void {
    remove(this.path);
    this.#forget();
  }
}
