/** A vitest reporter that fails the run where a test was skipped, and names it: CI has whatever a test may ask for. */
export class NoSkips {
  onTestRunEnd(testModules) {
    const skipped = [];
    for (const module of testModules) {
      for (const test of module.children.allTests("skipped"))
        skipped.push(`${module.relativeModuleId} > ${test.fullName}`);
    }
    if (skipped.length === 0) return;
    console.error(`\n${String(skipped.length)} skipped, and in CI a skip is a failure:\n  ${skipped.join("\n  ")}`);
    process.exitCode = 1;
  }
}
