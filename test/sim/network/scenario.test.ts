import { expect, test } from "vitest";
import { FAULTS, runScenarios } from "../../../src/sim/index.ts";

/** Faults that the scenario brings about by itself, and not as a part of another or by a program's mistake. */
const INJECTED = [
  "loss",
  "burst-loss",
  "duplicate",
  "reorder",
  "corrupt",
  "jitter",
  "queue-drop",
  "link-down",
  "partition",
  "intercept",
  "fragmentation-needed",
  "host-down",
  "pause",
  "crash",
] as const;

const SEEDS = 150;
const replay = (seed: number): string =>
  `node --import ./test/support/typescript.mjs test/sim/network/scenario.script.ts ${String(seed)}`;

test.each([1, 1_000_001])("mixed faults: no invariant is broken in the seeds from %i on", async (first) => {
  const report = await runScenarios(first, SEEDS, { replay, captureFile: "" });
  expect(report.failures.map(({ message }) => message)).toEqual([]);
  for (const fault of INJECTED) expect([fault, (report.faults[fault] ?? 0) >= SEEDS / 5]).toEqual([fault, true]);
  for (const fault of Object.keys(report.faults)) expect(FAULTS).toContain(fault);
  // Faults slow connections down and end some; most must come through.
  const ended = Object.values(report.endings).reduce((sum, times) => sum + times, 0);
  expect((report.endings["ok"] ?? 0) / ended).toBeGreaterThan(0.6);
  expect(report.endings).not.toHaveProperty("short");
  expect(Object.keys(report.coverage).length).toBeGreaterThan(50);
});
