/** Counts a JSON report of vitest: whatever is not "passed" failed, and so did a file that failed without a failed test. */
export function countReport(report) {
  let passed = 0;
  let failed = 0;
  for (const file of report.testResults) {
    const failedBefore = failed;
    for (const test of file.assertionResults) {
      if (test.status === "passed") passed++;
      else failed++;
    }
    if (file.status === "failed" && failed === failedBefore) failed++;
  }
  return { passed, failed };
}
