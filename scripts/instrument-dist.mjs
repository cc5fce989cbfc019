// The kernel modules of the built package, instrumented: bundlers keep their plugins away from node_modules, and the
// spans shall point into the TypeScript, not into what tsc made of it. Lines are those of the source, so no map either.
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { instrument } from "../dist/compiler/index.js";

const root = fileURLToPath(new URL("..", import.meta.url));
/** Folders of sources, and where tsc puts what it makes of them. */
for (const [from, to] of [
  ["src", "dist"],
  ["dataplanes", "dist/dataplanes"],
]) {
  const files = readdirSync(`${root}${from}`, { recursive: true }).map(String).sort();
  for (const file of files.filter((name) => name.endsWith(".xdp.ts") && !name.includes("/test/"))) {
    const source = readFileSync(`${root}${from}/${file}`, "utf8");
    const { code } = instrument(source, { file: `xdpkit/${file}` });
    const built = `${root}${to}/${file.replace(/ts$/, "js")}`;
    writeFileSync(built, code.replaceAll(/^(.* from "\..*\.)ts";$/gm, '$1js";'));
    rmSync(`${built}.map`, { force: true });
  }
}
