/** The first part of docs/guides/mobile-user-plane.md, run as a reader runs it: what it prints is what stands there. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { readConfig } from "../control/read-config.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const guide = readFileSync(`${ROOT}docs/guides/mobile-user-plane.md`, "utf8");
const reference = readFileSync(`${ROOT}docs/srv6.md`, "utf8");
const blocks = (text: string, kind: string): string[] =>
  Array.from(text.matchAll(new RegExp(`\`\`\`${kind}\\n([^]*?)\`\`\``, "g")), ([, block]) => block!);

it("prints what the guide says", () => {
  // Inside the package, so that `xdpkit` is the built one.
  mkdirSync(`${ROOT}out`, { recursive: true });
  const folder = mkdtempSync(`${ROOT}out/guide-`);
  try {
    const file = join(folder, "edge.ts");
    writeFileSync(file, blocks(guide, "ts")[0]!);
    const said = execFileSync(process.execPath, ["--import", `${ROOT}dist/register/main.js`, file], {
      encoding: "utf8",
    });
    expect(said).toBe(blocks(guide, "text")[0]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it.each([...blocks(guide, "yaml"), ...blocks(reference, "yaml")])("a configuration of the documents is one", (text) => {
  expect(readConfig(text, "srv6.yaml").interfaces.length).toBeGreaterThan(0);
});
