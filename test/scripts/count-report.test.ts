import { expect, test } from "vitest";

import { countReport } from "../../scripts/vitest/count-report.js";

const file = (status: string, ...tests: string[]): object => ({
  status,
  assertionResults: tests.map((state) => ({ status: state })),
});

test("CI counts what the runner reports, and a skipped test as failed", () => {
  const testResults = [file("passed", "passed", "passed", "pending"), file("failed", "passed", "failed")];
  expect(countReport({ testResults })).toEqual({ passed: 3, failed: 2 });
});

test("a file that cannot be loaded has no tests and is one failure", () => {
  expect(countReport({ testResults: [file("failed"), file("passed", "passed")] })).toEqual({ passed: 1, failed: 1 });
});

test("a file whose hook failed after all its tests had passed is one failure", () => {
  expect(countReport({ testResults: [file("failed", "passed", "passed")] })).toEqual({ passed: 2, failed: 1 });
});
