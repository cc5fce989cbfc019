/**
 * Node's module hooks: `*.xdp.ts` is instrumented, other TypeScript loses its types. They run on a thread of their own:
 * text in, text out, and nothing shared (https://nodejs.org/docs/latest-v20.x/api/module.html#customization-hooks).
 */
import { readFile } from "node:fs/promises";
import type { LoadHook, ResolveHook } from "node:module";
import { fileURLToPath } from "node:url";
import { XdpkitError } from "../base/index.ts";
import { transform } from "./transform.ts";

/** `./x.js` of an import may be `./x.ts` on disk, as TypeScript has it. */
export const resolve: ResolveHook = async (specifier, context, nextResolve) => {
  try {
    return await nextResolve(specifier, context);
  } catch (error) {
    const isMissing = (error as { code?: string }).code === "ERR_MODULE_NOT_FOUND";
    if (!isMissing || !/^(\.|\/|file:).*\.[cm]?js$/.test(specifier)) throw error;
    return nextResolve(specifier.replace(/js$/, "ts"), context);
  }
};

export const load: LoadHook = async (url, context, nextLoad) => {
  if (!url.startsWith("file:")) return nextLoad(url, context);
  const file = fileURLToPath(url);
  if (!/\.(?:[cm]?ts|xdp\.[cm]?js)$/.test(file)) return nextLoad(url, context);
  const text = await readFile(file, "utf8");
  try {
    return { format: "module", source: transform(text, file), shortCircuit: true };
  } catch (error) {
    // Errors lose their class and properties on the way to the main thread; the message says all of it.
    throw error instanceof XdpkitError ? new SyntaxError(error.message) : error;
  }
};
