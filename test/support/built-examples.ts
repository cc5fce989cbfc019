/** The examples as `xdpkit build` writes them, and the text of the source lines that their objects name. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type BpfObject, readElf } from "../../src/object/index.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const run = promisify(execFile);

export interface Built {
  readonly name: string;
  /** As its line information names it. */
  readonly module: string;
  /** The object file. */
  readonly path: string;
  readonly object: BpfObject;
}

export class BuiltExamples implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "xdpkit-built-"));
  readonly #built = new Map<string, Built>();

  /** Two at a time, by the command as users have it; `modules` are paths inside the repository. */
  async build(modules: readonly string[]): Promise<void> {
    const waiting = [...modules];
    const work = async (): Promise<void> => {
      for (let module = waiting.shift(); module !== undefined; module = waiting.shift()) await this.#buildOne(module);
    };
    await Promise.all([work(), work()]);
  }

  get(name: string): Built {
    const built = this.#built.get(name);
    if (!built) throw new Error(`${name} has not been built`);
    return built;
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true });
  }

  async #buildOne(module: string): Promise<void> {
    const name = basename(module, ".xdp.ts");
    const path = join(this.#folder, `${name}.o`);
    await run(process.execPath, ["dist/cli/main.js", "build", module, "-o", path], { cwd: ROOT });
    this.#built.set(name, { name, module, path, object: readElf(readFileSync(path)) });
  }
}

const texts = new Map<string, readonly string[]>();

/** A line of a file as line information names it: from the repository, or `xdpkit/…` for the package's own modules. */
export function sourceLine(file: string, line: number): string | undefined {
  let lines = texts.get(file);
  if (!lines) {
    lines = readFileSync(join(ROOT, file.replace(/^xdpkit\//, "src/")), "utf8").split("\n");
    texts.set(file, lines);
  }
  return lines[line - 1]?.trim();
}
