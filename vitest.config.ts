import { defineConfig } from "vitest/config";

import { TellSkips } from "./scripts/vitest/tell-skips.js";

const inCi = process.env["CI"] !== undefined && process.env["CI"] !== "";

const kernel = ["test/linux/**/*.test.ts", "test/native/kernel.test.ts", "test/package/**/*.test.ts"];
const simulation = ["test/sim/**/*.test.ts"];

export default defineConfig({
  test: {
    pool: "forks",
    // Left to itself the runner keeps one of two processors free.
    maxWorkers: "100%",
    testTimeout: 30_000,
    hookTimeout: 120_000,
    // In CI the runner writes what it saw for `.ci/run` to count, and a test that was skipped is a failure.
    reporters: inCi
      ? ["default", ["json", { outputFile: "reports/vitest.json" }], new TellSkips({ fail: true })]
      : ["default", new TellSkips({ fail: false })],
    projects: [
      { extends: true, test: { name: "unit", include: ["test/**/*.test.ts"], exclude: [...kernel, ...simulation] } },
      { extends: true, test: { name: "sim", include: simulation, testTimeout: 120_000 } },
      // One namespace with its load generators at a time, behind all the rest: figures of CPU and memory would disturb each other.
      {
        extends: true,
        test: {
          name: "linux",
          include: kernel,
          testTimeout: 120_000,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
