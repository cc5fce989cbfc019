/**
 * Three projects: the files of `unit` share a process; `kernel` compares with the running Linux; `e2e` runs the built package.
 *
 * `npx vitest run --project unit src/isa`: some tests. Only `kernel` and `e2e` build the package, and only after a change.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig, type TestProjectInlineConfiguration } from "vitest/config";
import { xdpkit } from "./src/register/vite.ts";

/** What runs commands of the package, or attaches programs in namespaces. */
const E2E = [
  "test/e2e/**/*.test.ts",
  "test/package/**/*.test.ts",
  "test/stage/loader.test.ts",
  "dataplanes/*/test/{e2e/**/*,guide}.test.ts",
];
const KERNEL = ["test/kernel/**/*.test.ts", "dataplanes/*/test/follow.test.ts"];
const ALL = ["src/**/*.test.ts", "test/**/*.test.ts", "examples/**/*.test.ts", "dataplanes/**/*.test.ts"];
/** What tests and data planes import by the package's name is the source under test, as tsconfig.json has it. */
const { paths } = JSON.parse(readFileSync(new URL("tsconfig.json", import.meta.url), "utf8")).compilerOptions as {
  paths: Readonly<Record<string, readonly [string]>>;
};
const alias = Object.entries(paths).map(([name, [file]]) => ({
  find: new RegExp(`^${name}$`),
  replacement: fileURLToPath(new URL(file, import.meta.url)),
}));
const BUILD = { globalSetup: ["test/support/build.ts"] };

function project(name: string, test: TestProjectInlineConfiguration["test"]): TestProjectInlineConfiguration {
  return {
    plugins: [xdpkit()],
    resolve: { alias },
    test: { name, setupFiles: ["test/support/leaks.ts"], testTimeout: 120_000, hookTimeout: 120_000, ...test },
  };
}

export default defineConfig({
  test: {
    // Two workers at most: the kernel and namespace tests share one small machine.
    maxWorkers: 2,
    projects: [
      project("unit", { include: ALL, exclude: [...E2E, ...KERNEL], isolate: false }),
      project("kernel", { include: KERNEL, isolate: false, ...BUILD }),
      project("e2e", { include: E2E, ...BUILD }),
    ],
  },
});
