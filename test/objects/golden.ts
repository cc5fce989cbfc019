/** Compares text with a file of test/golden; `npm run golden` (XDPKIT_GOLDEN=write) rewrites the file instead. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";

export function expectGolden(name: string, text: string): void {
  const path = fileURLToPath(new URL(`../golden/${name}`, import.meta.url));
  if (process.env["XDPKIT_GOLDEN"] === "write" && process.env["CI"] === undefined) writeFileSync(path, text);
  expect(text).toBe(existsSync(path) ? readFileSync(path, "utf8") : "");
}
