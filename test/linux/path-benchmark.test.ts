import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

import type { FairnessResult } from "../../benchmarks/path/fairness-results.ts";
import { type LossResult, pairs } from "../../benchmarks/path/loss-results.ts";
import { needsNamespace, runScript } from "../support/namespace.ts";

/** What the smoke size of a benchmark has written: its JSON, its table and its chart. */
async function smoke(name: string): Promise<{ results: unknown; table: string; chart: string }> {
  const out = await mkdtemp(join(tmpdir(), "fourtuple-bench-out-"));
  try {
    const script = new URL(`../../benchmarks/${name}.ts`, import.meta.url);
    const run = await runScript(script, ["--smoke", "--out", out], { timeoutMs: 80_000 });
    expect(run, run.stderr).toMatchObject({ status: 0 });
    const read = (ending: string): Promise<string> => readFile(join(out, `${name}.${ending}`), "utf8");
    const { results } = JSON.parse(await read("json")) as { results: unknown };
    return { results, table: await read("md"), chart: await read("svg") };
  } finally {
    await rm(out, { recursive: true });
  }
}

test("style.md §8: the loss benchmark's smoke size runs each pair", { timeout: 90_000 }, async (context) => {
  needsNamespace(context);
  const { results, table, chart } = await smoke("loss");
  const seen = results as readonly LossResult[];
  expect(seen.map(({ name }) => name)).toEqual(pairs.map(({ name }) => name));
  for (const { mbitPerSecond } of seen) expect(mbitPerSecond.median).toBeGreaterThanOrEqual(0);
  expect(table).toContain("linux to ours");
  expect(chart).toContain("</svg>");
});

test(
  "style.md §8: the fairness benchmark's smoke size runs a case of each part",
  { timeout: 90_000 },
  async (context) => {
    needsNamespace(context);
    const { results, table, chart } = await smoke("fairness");
    const seen = results as readonly FairnessResult[];
    expect(seen.map(({ part }) => part)).toEqual(["start", "share", "rtt"]);
    for (const { mbitPerSecond } of seen) for (const rate of mbitPerSecond) expect(rate).toBeGreaterThanOrEqual(0);
    expect(table).toContain("Jain");
    expect(chart).toContain("</svg>");
  },
);
