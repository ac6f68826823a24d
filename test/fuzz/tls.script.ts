/**
 * What `tls.test.ts` runs in a process of its own, with `--expose-gc`: recorded connections, changed by a seed, against both
 * roles of the TLS core, and what they leave behind. One line of JSON tells; a broken promise is told with its seed.
 *
 * Use: node --expose-gc --import ./test/support/typescript.mjs test/fuzz/tls.script.ts --cases 20000 [--seed 1]
 */
import { parseArgs } from "node:util";

import { Dice } from "./tls/dice.ts";
import { ParserSiege } from "./tls/parsers.ts";
import { isWhole, recordings } from "./tls/recordings.ts";
import { Siege } from "./tls/siege.ts";
import { StepCounter } from "./tls/steps.ts";

/** Cases after which the engine has the size that it keeps. */
const WARM_CASES = 3000;

const { values } = parseArgs({
  options: {
    cases: { type: "string", default: "20000" },
    seed: { type: "string", default: "1" },
  },
});
const most = Number(values.cases);
const firstSeed = Number(values.seed);
const all = recordings();
const broken = all.filter((recording) => !isWhole(recording)).map(({ name }) => name);
if (broken.length > 0) throw new Error(`recordings that are not taken as they are: ${broken.join(", ")}`);
const parsers = new ParserSiege();
const steps = new StepCounter();
const verdicts = new Map<string, number>();

function runCase(seed: number): void {
  const dice = new Dice(seed);
  try {
    steps.begin(0, 0);
    const verdict = dice.once(10) ? parsers.run(dice) : new Siege(all, dice).run(steps);
    verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
  } catch (error) {
    throw new Error(`--cases 1 --seed ${seed}`, { cause: error });
  }
}

function memory(): { heap: number; external: number } {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return { heap: heapUsed, external: external + arrayBuffers };
}

let cases = 0;
const runNext = (): void => runCase(firstSeed + cases++);
while (cases < Math.min(WARM_CASES, most)) runNext();
const before = memory();
while (cases < most) runNext();
const after = memory();
const grown = { heap: after.heap - before.heap, external: after.external - before.external };
process.stdout.write(JSON.stringify({ cases, grown, verdicts: Object.fromEntries([...verdicts].sort()) }));
