// Breaks a copy of the source in many ways, one at a time, and tells which test notices. CONTRIBUTING.md says how to use it.
//   node scripts/mutate.js [ID…] [--jobs N] [--seeds N] [--timeout SECONDS]
//   node scripts/mutate.js --check      only looks whether every mutant still finds its place in the source
import { setPriority } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { apply, faultsOf } from "./mutate/apply.js";
import { copyProject, removeCopy } from "./mutate/copy.js";
import { MUTANTS } from "./mutate/mutants.js";
import { keepResults } from "./mutate/results.js";
import { stagesFor } from "./mutate/stages.js";
import { killAll, runStage } from "./mutate/suite.js";

/** So many must be caught of a run of them all. */
const CAUGHT_MIN = 48 / 50;

const root = fileURLToPath(new URL("..", import.meta.url));
const { values, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: {
    check: { type: "boolean", default: false },
    jobs: { type: "string", default: "1" },
    seeds: { type: "string", default: "300" },
    timeout: { type: "string", default: "600" },
  },
});

const unknown = wanted.filter((id) => !MUTANTS.some((mutant) => mutant.id === id));
const faults = [...faultsOf(MUTANTS, root), ...unknown.map((id) => `${id}: there is no such mutant`)];
for (const fault of faults) console.error(fault);
if (values.check) console.log(`mutants: ${String(MUTANTS.length)}, ${String(faults.length)} faults`);
if (faults.length > 0) process.exitCode = 1;
else if (!values.check) await main();

/** Asks stage after stage. Where the tests fail without the mutant too, they say nothing about it. */
async function examine(copy, mutant, isHealthy) {
  const undo = apply(mutant, copy);
  try {
    for (const stage of stagesFor(mutant.file, Number(values.seeds))) {
      const { outcome, by } = await runStage(copy, stage, Number(values.timeout) * 1000);
      if (outcome === "passed") continue;
      if (!(await isHealthy(stage))) throw new Error(`${stage.name}: these tests fail without a mutant`);
      return { outcome: outcome === "hung" ? "hung" : "caught", stage: stage.name, by };
    }
    return { outcome: "survived", stage: null, by: null };
  } finally {
    undo();
  }
}

/** Whether a stage passes in a copy that nobody mutates: tried once each. */
function healthIn(copy) {
  const asked = new Map();
  let last = Promise.resolve();
  return (stage) => {
    if (!asked.has(stage.name)) {
      last = last.then(async () => {
        const { outcome, by } = await runStage(copy, stage, Number(values.timeout) * 1000);
        if (outcome !== "passed") console.error(`without a mutant: ${by}`);
        return outcome === "passed";
      });
      asked.set(stage.name, last);
    }
    return asked.get(stage.name);
  };
}

async function main() {
  setPriority(10);
  const mutants = wanted.length === 0 ? MUTANTS : MUTANTS.filter(({ id }) => wanted.includes(id));
  const copies = Array.from({ length: 1 + Math.max(1, Number(values.jobs)) }, () => copyProject(root));
  const cleanUp = () => {
    killAll();
    for (const copy of copies) removeCopy(copy);
  };
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(130));
  process.on("exit", cleanUp);

  const results = await examineAll(copies, mutants);
  const survivors = results.filter(({ outcome }) => outcome === "survived");
  await keepResults(root, results);
  console.log(`\n${String(results.length - survivors.length)} of ${String(results.length)} caught`);
  for (const { id } of survivors) console.log(`SURVIVED ${id}`);
  const caught = (results.length - survivors.length) / results.length;
  if (caught < (wanted.length === 0 ? CAUGHT_MIN : 1)) process.exitCode = 1;
}

/** Each copy but the first, which stays whole, takes the next mutant once it is done with one. */
async function examineAll([whole, ...copies], mutants) {
  const isHealthy = healthIn(whole);
  const results = [];
  let next = 0;
  const work = async (copy) => {
    while (next < mutants.length) {
      const mutant = mutants[next++];
      const result = { id: mutant.id, ...(await examine(copy, mutant, isHealthy)) };
      results.push(result);
      const told = result.outcome === "survived" ? "SURVIVED" : `${result.outcome} by ${result.by}`;
      console.log(`${String(results.length).padStart(2)}/${String(mutants.length)} ${mutant.id}: ${told}`);
    }
  };
  await Promise.all(copies.map(work));
  return results;
}
