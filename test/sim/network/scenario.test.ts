import { expect, test } from "vitest";
import { FAULTS, runScenario, runScenarios } from "../../../src/sim/index.ts";
import { REGRESSION_SEEDS } from "./regression-seeds.ts";
import { replay } from "./seeds-report.ts";

test.each(REGRESSION_SEEDS)("mixed faults: seed %i failed once", async (seed) => {
  await runScenario(seed, { replay: replay(seed) });
});

test("mixed faults: most connections come through, none is cut short, and every report is about what there is", async () => {
  const report = await runScenarios(1, 100, { replay });
  expect(report.failures.map(({ message }) => message)).toEqual([]);
  for (const fault of Object.keys(report.faults)) expect(FAULTS).toContain(fault);
  const ended = Object.values(report.endings).reduce((sum, times) => sum + times, 0);
  expect((report.endings["ok"] ?? 0) / ended).toBeGreaterThan(0.6);
  expect(report.endings).not.toHaveProperty("short");
  expect(Object.keys(report.coverage).length).toBeGreaterThan(50);
});
