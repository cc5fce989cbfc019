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
  STAGE_NOT_INSTRUMENTED: entry(
    (p: { name: string }) => `the source of ${p.name === "" ? "this function" : p.name} is not known`,
    () =>
      "kernel functions stand in *.xdp.ts files: run with node --import xdpkit/register, or use compile(file); with Vite the plugin of xdpkit/vite",
  ),
} as const;
