import { defineConfig } from "vitest/config";
import { xdpkit } from "./src/register/vite.ts";

export default defineConfig({
  plugins: [xdpkit()],
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts", "examples/**/*.test.ts"],
    globalSetup: ["test/support/build.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Two workers at most: the kernel and namespace tests share one small machine.
    maxWorkers: 2,
  },
});
