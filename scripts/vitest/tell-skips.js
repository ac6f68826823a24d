/**
 * A vitest reporter that says why tests were skipped, and how many for each reason. With `fail` it fails the run for it and
 * names them: CI has whatever a test may ask for.
 */
export class TellSkips {
  #fail;

  constructor({ fail }) {
    this.#fail = fail;
  }

  onTestRunEnd(testModules) {
    const byReason = new Map();
    for (const module of testModules) {
      for (const test of module.children.allTests("skipped")) {
        const reason = test.result().note ?? "no reason given";
        const names = byReason.get(reason) ?? [];
        byReason.set(reason, [...names, `${module.relativeModuleId} > ${test.fullName}`]);
      }
    }
    for (const [reason, names] of byReason) {
      console.error(`\n${String(names.length)} skipped: ${reason}`);
      if (this.#fail) console.error(`and in CI a skip is a failure:\n  ${names.join("\n  ")}`);
    }
    if (this.#fail && byReason.size > 0) process.exitCode = 1;
  }
}
