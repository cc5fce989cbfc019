/**
 * Runs the bundled command line (scripts/bundle-cli.mjs) with V8's code cache, one per command.
 *
 * Invariants: a cache that anyone else could have written is not read; without it everything works, only slower.
 */
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { Script } from "node:vm";

const BUNDLE = fileURLToPath(new URL("xdpkit.cjs", import.meta.url));
const CACHED: readonly (string | undefined)[] = [
  "build",
  "run",
  "disasm",
  "attach",
  "detach",
  "list",
  "doctor",
  "map",
  "trace",
];

type Import = (url: string) => Promise<unknown>;
type Wrapper = (exports: object, require: NodeJS.Require, module: object, filename: string, $import: Import) => void;

/** Code from the cache cannot import by itself. */
const importFor: Import = (url) => import(url);

/**
 * Flags with which V8 optimises a function later: most commands have ended before what it makes on its other thread has
 * paid. Their names change from V8 to V8, and an unknown one is an error on standard error: so by the versions in Node 20,
 * 22 and 24, and none elsewhere.
 */
const PATIENCE: Readonly<Record<string, readonly string[]>> = {
  "11.3": ["--interrupt-budget=1000000"],
  "12.4": ["--invocation-count-for-maglev=4000", "--invocation-count-for-turbofan=50000"],
  "13.6": ["--invocation-count-for-maglev=4000", "--invocation-count-for-turbofan=50000"],
};

/** False when there is no bundle. */
export async function runBundle(command: string | undefined): Promise<boolean> {
  const [version = ""] = /^\d+\.\d+/.exec(process.versions.v8) ?? [];
  for (const flag of PATIENCE[version] ?? []) setFlagsFromString(flag);
  const source = readOrNull(BUNDLE);
  if (!source) return false;
  const file = CACHED.includes(command) ? cacheFile(`${command}`, source.length) : undefined;
  const cachedData = file === undefined ? undefined : readCache(file);
  const code = `(function (exports, require, module, __filename, $import) {${source.toString("latin1")}\n})`;
  const script = new Script(code, {
    filename: BUNDLE,
    ...(cachedData ? { cachedData } : {}),
  });
  const exports: { runCommandLine?: () => Promise<void> } = {};
  (script.runInThisContext() as Wrapper)(exports, createRequire(BUNDLE), { exports }, BUNDLE, importFor);
  await exports.runCommandLine!();
  if (file !== undefined && (!cachedData || script.cachedDataRejected)) keepCache(file, script);
  return true;
}

function readOrNull(file: string): Buffer | null {
  try {
    return readFileSync(file);
  } catch {
    return null;
  }
}

/** One file per command, node and package; undefined where caching is off. */
function cacheFile(command: string, bytes: number): string | undefined {
  if (process.env["NODE_DISABLE_COMPILE_CACHE"]) return undefined;
  const folder = join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "xdpkit");
  const made = Math.trunc(statSync(BUNDLE).mtimeMs);
  return join(folder, `${command}-${process.version}-${process.arch}-${bytes}-${made}.bin`);
}

/** It is code: only a file of this user counts, and one that no other may write. */
function readCache(file: string): Buffer | undefined {
  try {
    const { uid, mode } = statSync(file);
    if (process.getuid && (uid !== process.getuid() || (mode & 0o022) !== 0)) return undefined;
    return readFileSync(file);
  } catch {
    return undefined;
  }
}

/** Written beside and moved, so that nobody reads half of it; those of older packages go. */
function keepCache(file: string, script: Script): void {
  const folder = join(file, "..");
  const partial = `${file}.${process.pid}`;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const [command] = file.slice(folder.length + 1).split("-", 1);
    for (const old of readdirSync(folder)) if (old.startsWith(`${command}-`)) rmSync(join(folder, old));
    writeFileSync(partial, script.createCachedData(), { mode: 0o600 });
    chmodSync(partial, 0o600);
    renameSync(partial, file);
  } catch {
    // A home that cannot be written: slower, not wrong.
  }
}
