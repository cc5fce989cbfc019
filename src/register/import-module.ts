/**
 * `*.xdp.ts` modules in Node, with `node --import xdpkit/register app.ts` or by importModule(file).
 *
 * Invariant: the hooks are registered once per process, also when several copies of the package are loaded.
 */
import { register } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const KEY = Symbol.for("xdpkit.loader");

/** From now on `import` understands `*.xdp.ts` and TypeScript. */
export function registerLoader(): void {
  const host = globalThis as { [KEY]?: true };
  if (host[KEY]) return;
  host[KEY] = true;
  const suffix = import.meta.url.endsWith(".ts") ? "ts" : "js";
  register(`./hooks.${suffix}`, import.meta.url);
}

/** Evaluates a module and returns its exports. Relative files count from the working directory. */
export async function importModule(file: string): Promise<Record<string, unknown>> {
  registerLoader();
  return import(pathToFileURL(resolve(file)).href);
}
