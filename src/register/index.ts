/** register: what makes Node, Vite and other loaders understand `*.xdp.ts`. Imports compiler. */
export { evaluateGraph, type HostModules } from "./evaluate.ts";
export { type ModuleGraph, readGraph } from "./graph.ts";
export { importModule, registerLoader } from "./import-module.ts";
export { type XdpkitPlugin, xdpkit } from "./vite.ts";
