/** Errors of loading a `*.xdp.ts` module: its syntax, and functions whose source nobody recorded. */
import { entry } from "./entry.ts";

export const stageErrors = {
  STAGE_SYNTAX: entry(
    (p: { problem: string }) => p.problem,
    () => "this is neither JavaScript nor TypeScript; tsc shows the same place",
  ),
  STAGE_NOT_ERASABLE: entry(
    (p: { construct: string; instead: string }) => `${p.construct} cannot be erased, so nothing would be left to run`,
    (p) => `write ${p.instead}; "erasableSyntaxOnly": true lets tsc say so too`,
  ),
  STAGE_IMPORT: entry(
    (p: { specifier: string }) => `cannot import ${JSON.stringify(p.specifier)}: there is no such file`,
    () => "give the path from this file, with its extension",
  ),
  STAGE_EXPORT: entry(
    (p: { specifier: string; name: string }) => `${JSON.stringify(p.specifier)} has no export ${p.name}`,
    () => "tsc shows the same place and what there is",
  ),
  STAGE_THROWN: entry(
    (p: { what: string }) => `the module threw ${p.what}`,
    () => "the statements of a module run once, in Node, when it is loaded: correct them as ordinary TypeScript",
  ),
  STAGE_NOT_INSTRUMENTED: entry(
    (p: { name: string }) => `the source of ${p.name === "" ? "this function" : p.name} is not known`,
    () =>
      "kernel functions stand in *.xdp.ts files: run with node --import xdpkit/register, with Vite the plugin of xdpkit/vite",
  ),
} as const;
