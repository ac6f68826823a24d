import { spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { clearTimeout, setTimeout } from "node:timers";

/** A mutant may allocate without end: the test process then dies of it, and not the machine. */
const HEAP_MB = 1024;

const running = new Set();

/** Ends what still runs, worker processes included. */
export function killAll() {
  for (const child of running) killGroup(child);
}

function killGroup(child) {
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

/**
 * Runs one stage of the tests in the copy at `root` up to the first failure; of its files only the tests called `names`, where given.
 * Returns `{ outcome: "passed" | "failed" | "hung", by, tests }`: `by` names what failed, `tests` how many ran.
 */
export async function runStage(root, { project, filters, exclude, names, env }, timeoutMs) {
  const report = join(root, "mutant-report.json");
  rmSync(report, { force: true });
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const options = ["--configLoader", "runner", "--bail", "1", "--no-isolate", "--maxWorkers", "1"];
  const reporter = ["--reporter", "json", "--outputFile", report];
  const left = exclude === undefined ? [] : ["--exclude", exclude];
  if (names !== undefined) left.push("--testNamePattern", `^(?:${names.map(literally).join("|")})$`);
  const { status, output } = await spawnInGroup(
    process.execPath,
    [vitest, "run", "--project", project, ...options, ...reporter, ...left, ...filters],
    { cwd: root, env: { ...process.env, ...env, CI: "", NODE_OPTIONS: `--max-old-space-size=${String(HEAP_MB)}` } },
    timeoutMs,
  );
  const told = readReport(report, root);
  if (told.by !== null) return { outcome: "failed", by: told.by, tests: told.tests };
  if (status === "hung")
    return { outcome: "hung", by: `time-out after ${String(Math.round(timeoutMs / 1000))} s`, tests: 0 };
  if (status === 0 && told.tests > 0) return { outcome: "passed", by: null, tests: told.tests };
  return { outcome: "failed", by: `the test process: ${lastLine(output)}`, tests: told.tests };
}

/** A failure beside the tests (an unhandled rejection, a worker that died) has no test to name: by is null then. */
function readReport(report, root) {
  if (!existsSync(report)) return { by: null, tests: 0 };
  const { testResults, numPassedTests } = JSON.parse(readFileSync(report, "utf8"));
  for (const { name, status, message, assertionResults } of testResults) {
    const file = relative(root, name);
    const failed = assertionResults.find((test) => test.status === "failed");
    if (failed !== undefined) return { by: `${file} > ${failed.fullName.trim()}`, tests: numPassedTests };
    if (status === "failed" && message) return { by: `${file}: ${message.split("\n")[0]}`, tests: numPassedTests };
  }
  return { by: null, tests: numPassedTests };
}

/** A full name as a pattern that matches nothing else. */
const literally = (name) => name.replaceAll(/[.*+?^${}()|[\]\\/]/g, "\\$&");

const lastLine = (output) => {
  const lines = output.split("\n").filter((line) => /error|fatal|unhandled/i.test(line));
  return (lines[0] ?? output.trim().split("\n").at(-1) ?? "").trim().slice(0, 200);
};

function spawnInGroup(command, args, options, timeoutMs) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...options, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    running.add(child);
    let output = "";
    let hung = false;
    const collect = (chunk) => {
      output = (output + String(chunk)).slice(-20_000);
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    const timer = setTimeout(() => {
      hung = true;
      killGroup(child);
    }, timeoutMs);
    child.on("error", reject);
    child.on("close", (status) => {
      clearTimeout(timer);
      killGroup(child);
      running.delete(child);
      resolve({ status: hung ? "hung" : status, output });
    });
  });
}
