import { randomInt } from "node:crypto";
import { expect, test } from "vitest";
import { INJECTED_FAULTS } from "../../../src/sim/index.ts";
import { runScript } from "../../support/namespace.ts";
import { histogram, type SeedsSummary, shareOf, together } from "./seeds-report.ts";

/** One for each processor of the smallest machine that this runs on. */
const PROCESSES = 2;
const inCi = process.env["CI"] !== undefined && process.env["CI"] !== "";
const SEEDS = inCi ? 5000 : 500;
/** Far more than it takes: on a quiet machine some 90 s, on one that is busy with other work several times that. */
const TIME_OUT_MS = 600_000;
const SCRIPT = new URL("scenario.script.ts", import.meta.url);

/** Another range on every run; or `FRESH=first` again. */
function firstSeed(): number {
  const asked = Number(process.env["FRESH"] ?? "");
  return asked > 0 ? asked : randomInt(2 ** 40);
}

async function runSeeds(first: number, count: number): Promise<SeedsSummary> {
  const { status, signal, stdout, stderr } = await runScript(SCRIPT, [String(first), String(count), "--json"], {
    timeoutMs: TIME_OUT_MS,
  });
  if (!stdout.startsWith("{")) throw new Error(`the script ended with ${String(status ?? signal)}\n${stderr}`);
  return JSON.parse(stdout) as SeedsSummary;
}

test(
  `mixed faults: no invariant is broken in ${String(SEEDS)} fresh seeds, and each kind of fault is in a fifth of them`,
  { timeout: TIME_OUT_MS },
  async () => {
    const first = firstSeed();
    const each = SEEDS / PROCESSES;
    process.stdout.write(`fresh seeds: FRESH=${String(first)}, ${String(SEEDS)} of them\n`);
    const ranges = Array.from({ length: PROCESSES }, (_, i) => runSeeds(first + i * each, each));
    const report = together(await Promise.all(ranges));
    process.stdout.write(`${histogram(report)}\n`);
    expect(report.failures).toEqual([]);
    expect(report.seeds).toBe(SEEDS);
    for (const fault of INJECTED_FAULTS) expect([fault, shareOf(report, fault) >= 0.2]).toEqual([fault, true]);
  },
);
