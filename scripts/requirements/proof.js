// What is known of a row: whether a mutant of its behaviour makes one of its tests fail.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { apply, faultsOf } from "../mutate/apply.js";
import { copyProject, removeCopy } from "../mutate/copy.js";
import { killAll, runStage } from "../mutate/suite.js";

/** A mutant may make a loop endless: after so long its tests are ended, and it counts as killed. */
const TESTS_MS_MAX = 120_000;
/** Tests that take minutes: a row is proved by its other tests. */
const TOO_SLOW = /^test\/sim\//;

const fingerprint = ({ file, find, replace }) =>
  createHash("sha256").update(`${file}\0${find}\0${replace}`).digest("hex").slice(0, 12);

/** A test as `runStage` names it. */
const fullNameOf = ({ file, name }) => `${file} > ${name.replaceAll(" > ", " ")}`;

/**
 * The state of a row: "killed" or "survived" by the recorded proof, "untried", or what `unmet.json` says; "unmet" without a
 * test. A proof of another mutant than today's, or by a test that is gone, is none.
 */
export function stateOf({ tests, mutant, proof, why }) {
  if (why !== undefined) return why.state;
  if (tests.length === 0) return "unmet";
  if (mutant === undefined || proof === undefined || proof.mutant !== fingerprint(mutant)) return "untried";
  const isGone = proof.by !== null && !tests.some((test) => fullNameOf(test) === proof.by);
  if (proof.outcome === "killed" && isGone) return "untried";
  return proof.outcome;
}

/** Whether `test` is the one that failed under the row's mutant. */
export const isKiller = (test, { proof }) => proof?.by === fullNameOf(test);

const mutantsOf = (rows) => rows.filter(({ same, mutant }) => same === undefined && mutant !== undefined);

/** Mutants that cannot be applied any more, a line each. */
export const faultsOfMutants = (rows, root) =>
  faultsOf(
    mutantsOf(rows).map(({ label, mutant }) => ({ id: label, ...mutant })),
    root,
  );

/** Tries the mutants of `rows`, one after the other, and records after each what became of it. */
export async function prove(root, rows, tell) {
  const quick = mutantsOf(rows).map((row) => ({ ...row, tests: row.tests.filter(({ file }) => !TOO_SLOW.test(file)) }));
  const tried = quick.filter((row) => row.tests.length > 0 && faultsOfMutants([row], root).length === 0);
  if (tried.length === 0) return;
  const copy = copyProject(root);
  const cleanUp = () => {
    killAll();
    removeCopy(copy);
  };
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(130));
  process.on("exit", cleanUp);
  const whole = await runStage(copy, stageOf(tried.flatMap(({ tests }) => tests)), 10 * TESTS_MS_MAX);
  if (whole.outcome !== "passed") throw new Error(`without a mutant the tests do not pass: ${whole.by}`);
  for (const { label, mutant, tests } of tried) {
    const undo = apply(mutant, copy);
    const { outcome, by } = await runStage(copy, stageOf(tests), TESTS_MS_MAX);
    undo();
    if (outcome === "failed" && !tests.some((test) => fullNameOf(test) === by)) {
      tell(`${label}: nothing is proved, ${by}`);
      continue;
    }
    const proof = { mutant: fingerprint(mutant), outcome: outcome === "passed" ? "survived" : "killed" };
    record(root, label, { ...proof, by: outcome === "failed" ? by : null }); // One that hangs names no test.
    tell(`${label}: ${outcome === "passed" ? "SURVIVED" : `killed by ${by}`}`);
  }
}

const stageOf = (tests) => ({
  project: "unit",
  filters: [...new Set(tests.map(({ file }) => file))],
  names: [...new Set(tests.map(({ name }) => name.replaceAll(" > ", " ")))],
  env: {},
});

function record(root, label, proof) {
  const path = join(root, "scripts/requirements/proof.json");
  const proofs = { ...JSON.parse(readFileSync(path, "utf8")), [label]: proof };
  const sorted = Object.entries(proofs).sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true }));
  writeFileSync(path, `${JSON.stringify(Object.fromEntries(sorted), null, 2)}\n`);
}
