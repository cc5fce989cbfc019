import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { xdpkit } from "./src/register/vite.ts";

const source = (file: string): string => fileURLToPath(new URL(`src/${file}`, import.meta.url));

export default defineConfig({
  plugins: [xdpkit()],
  resolve: {
    // What test/programs and test/golden import by the package's name is the source under test.
    alias: [
      { find: /^xdpkit$/, replacement: source("lang/index.ts") },
      { find: /^xdpkit\/object$/, replacement: source("object/index.ts") },
      { find: /^xdpkit\/errors$/, replacement: source("errors.ts") },
      { find: /^xdpkit\/packet$/, replacement: source("packet/index.ts") },
      { find: /^xdpkit\/compiler$/, replacement: source("compiler/index.ts") },
      { find: /^xdpkit\/vm$/, replacement: source("vm/index.ts") },
      { find: /^xdpkit\/kernel$/, replacement: source("kernel/index.ts") },
      { find: /^xdpkit\/walk$/, replacement: source("lang/walk.xdp.ts") },
    ],
  },
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts", "examples/**/*.test.ts", "dataplanes/**/*.test.ts"],
    globalSetup: ["test/support/build.ts"],
    setupFiles: ["test/support/leaks.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Two workers at most: the kernel and namespace tests share one small machine.
    maxWorkers: 2,
  },
});
