/** A bpf (or trace) file system of a test's own, in a temporary folder: pins are gone with it, whatever happens. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { atEnd } from "./cleanup.ts";

/** Each bpf mount is a file system of its own: nobody else sees the pins, and none outlives it. */
function remove(path: string): void {
  execFileSync("umount", [path]);
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
