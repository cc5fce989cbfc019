/**
 * `xdpkit build --watch`: builds in a process of its own each time, so that nothing of the last evaluation is left, when
 * the module or a file that it imports has changed.
 *
 * Folders are watched rather than files: editors replace a file by renaming another onto it.
 */
import { spawn } from "node:child_process";
import { type FSWatcher, watch } from "node:fs";
import { dirname, join, resolve } from "node:path";

/** Several events of one save count once. */
const QUIET_MS = 60;

export interface WatchOptions {
  readonly output: string;
  readonly json?: boolean;
}

/** Ends with the process (SIGINT). */
export async function watchAndBuild(file: string, options: WatchOptions): Promise<void> {
  const words = ["build", file, "--output", options.output, ...(options.json ? ["--json"] : [])];
  const folders = new Map<string, FSWatcher>();
  let files: ReadonlySet<string> = new Set([resolve(file)]);
  let timer: NodeJS.Timeout | undefined;
  let running = false;
  let again = false;

  const build = async (): Promise<void> => {
    if (running) {
      again = true;
      return;
    }
    running = true;
    do {
      again = false;
      files = await filesOf(file, files);
      follow();
      await runBuild(words);
    } while (again);
    running = false;
  };
  const changed = (folder: string, name: string | null): void => {
    if (name !== null && !files.has(join(folder, name))) return;
    clearTimeout(timer);
    timer = setTimeout(build, QUIET_MS);
  };
  const follow = (): void => {
    const wanted = new Set([...files].map(dirname));
    for (const [folder, watcher] of folders) {
      if (wanted.has(folder)) continue;
      watcher.close();
      folders.delete(folder);
    }
    for (const folder of wanted) {
      if (!folders.has(folder))
        folders.set(
          folder,
          watch(folder, (_, name) => changed(folder, name)),
        );
    }
  };
  await build();
}

/** The module and what it imports; what was known while that cannot be read. */
async function filesOf(file: string, known: ReadonlySet<string>): Promise<ReadonlySet<string>> {
  const { readGraph } = await import("../register/index.ts");
  try {
    return new Set(readGraph(file).files);
  } catch {
    return new Set([...known, resolve(file)]);
  }
}

function runBuild(words: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [...process.execArgv, process.argv[1]!, ...words], { stdio: "inherit" });
  return new Promise((done) => child.on("close", () => done()));
}
