/**
 * An example compiled by our own compiler, taken from the built package: the module must be instrumented, and see the
 * same copy of the language as the compiler does.
 */
import { fileURLToPath } from "node:url";
import type { BpfObject } from "../src/object/index.ts";

interface Compiler {
  readonly compile?: (programs: unknown) => {
    readonly object?: BpfObject;
    readonly diagnostics: readonly { readonly code?: string; readonly message?: string }[];
  };
}

export interface CompiledExample {
  readonly object?: BpfObject;
  /** Why there is none. */
  readonly reason?: string;
}

/** All programs of `examples/<name>/<name>.xdp.ts`, if the compiler takes `program`. */
export async function compileExample(name: string, program: string): Promise<CompiledExample> {
  const built = (path: string): string => new URL(`../dist/${path}`, import.meta.url).href;
  const { compile } = (await import(built("compiler/index.js"))) as Compiler;
  if (!compile) return { reason: "clang with itself" };
  const { importModule } = (await import(built("register/index.js"))) as typeof import("../src/register/index.ts");
  const exports = await importModule(fileURLToPath(new URL(`../examples/${name}/${name}.xdp.ts`, import.meta.url)));
  const { object, diagnostics } = compile(exports[program]);
  const [first] = diagnostics;
  return object ? { object } : { reason: first?.code ?? "not compiled: clang with itself" };
}
