/**
 * `xdpkit/vite`: `plugins: [xdpkit()]` for Vite, Vitest, Rollup and Rolldown.
 *
 * Lines stay where they are, and our text stands between the columns of the original, so there is no source map to
 * give: null tells Vite that the one it has still holds.
 */
import { instrument, isInstrumented } from "../compiler/index.ts";
import { isKernelModule } from "./transform.ts";

/** The part of Vite's Plugin that we fill in; declared here, so that Vite need not be installed. */
export interface XdpkitPlugin {
  readonly name: "xdpkit";
  /** Before Vite takes the types away. */
  readonly enforce: "pre";
  /** Called by Vite for each module; undefined for modules that are no kernel modules. */
  transform(code: string, id: string): { code: string; map: null } | undefined;
}

/** The plugin for Vite and Vitest: `plugins: [xdpkit()]` lets them import `*.xdp.ts`. */
export function xdpkit(): XdpkitPlugin {
  return {
    name: "xdpkit",
    enforce: "pre",
    transform(code, id) {
      const [file] = id.split("?", 1) as [string];
      if (!isKernelModule(file) || isInstrumented(code)) return undefined;
      return { code: instrument(code, { file }).code, map: null };
    },
  };
}
