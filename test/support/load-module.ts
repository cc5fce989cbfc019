/**
 * Kernel modules in tests that are only text.
 *
 * A text is instrumented as the loader does it and evaluated as a function, so it may import from "xdpkit",
 * "xdpkit/packet" and "xdpkit/walk" by name, in statements that end in a semicolon, and export declarations only.
 */
import { instrument } from "../../src/compiler/index.ts";
import * as lang from "../../src/lang/index.ts";
import * as walk from "../../src/lang/walk.xdp.ts";
import * as packet from "../../src/packet/index.ts";

export type Exports = Readonly<Record<string, unknown>>;

const MODULES: Exports = { xdpkit: lang, "xdpkit/packet": packet, "xdpkit/walk": walk };

/** The exports of a module's text. `file` names it in messages and must be another for every text. */
export function loadText(text: string, file: string): Exports {
  const { code } = instrument(text, { file });
  const names = [...code.matchAll(/^export (?:const|class|function) ([\w$]+)/gm)].map(([, name]) => name);
  const body = code
    .replace(/\bimport\s*\{([^}]*)\}\s*from\s*"([^"]+)";/g, (_, list: string, module: string) => {
      return `const {${list.replace(/ as /g, ": ")}} = $modules[${JSON.stringify(module)}];`;
    })
    .replace(/^export /gm, "");
  return new Function("$modules", `"use strict"; ${body}\nreturn { ${names.join(", ")} };`)(MODULES) as Exports;
}
