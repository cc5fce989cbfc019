// The command line as one script beside its modules: starting 300 files takes longer than compiling a program. What
// needs Node's loader, and koffi, which is native, stay outside. docs/decisions/start-up.md says what it brings.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { parseModule } from "../dist/compiler/index.js";

const dist = fileURLToPath(new URL("../dist/", import.meta.url));
const bundle = await rolldown({
  input: `${dist}cli/command-line.js`,
  platform: "node",
  external: ["koffi", /with-loader\.js$/],
});
// Names stay: those of struct classes go into BTF.
const { output } = await bundle.generate({
  format: "cjs",
  codeSplitting: false,
  minify: { compress: true, mangle: false, codegen: true },
});
writeFileSync(`${dist}cli/xdpkit.cjs`, asLatin1(withImportFunction(output[0].code)));

/** `import(x)` becomes `$import(x)`: see src/cli/bundle.ts. */
function withImportFunction(code) {
  const places = [];
  const visit = (node) => {
    if (node.type === "ImportExpression") places.push(node.start);
    for (const child of Object.values(node).flat()) if (typeof child?.type === "string") visit(child);
  };
  visit(parseModule(code, "xdpkit.cjs"));
  places.sort((a, b) => b - a);
  return places.reduce((text, at) => `${text.slice(0, at)}$${text.slice(at)}`, code);
}

/** One byte per character is read fastest. */
function asLatin1(code) {
  return code.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
