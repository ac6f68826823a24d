import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

import { missingTools } from "../../benchmarks/network/command.ts";
import type { WorkloadResult } from "../../benchmarks/network/results.ts";
import { subjects } from "../../benchmarks/network/subjects.ts";
import { workloads } from "../../benchmarks/network/workloads.ts";
import { needsNamespace, runScript } from "../support/namespace.ts";

const benchmark = new URL("../../benchmarks/main.ts", import.meta.url);
const isBuilt = existsSync(new URL("../../dist/index.js", import.meta.url));

// With few connections the same as with 10,000.
const names = workloads.map(({ name }) => name).filter((name) => !name.endsWith("100000"));

test("style.md §8: the network benchmark's smoke size runs each workload against each subject", async (context) => {
  needsNamespace(context);
  const missing = [...missingTools(), ...(isBuilt ? [] : ["dist/ (npm run build)"])];
  if (process.env["CI"]) expect(missing).toEqual([]);
  else if (missing.length > 0) context.skip(`not there: ${missing.join(", ")}`);
  const out = await mkdtemp(join(tmpdir(), "fourtuple-bench-out-"));
  try {
    const run = await runScript(benchmark, ["--smoke", "--out", out, ...names], { timeoutMs: 110_000 });
    expect(run, run.stderr).toMatchObject({ status: 0 });
    const { results } = JSON.parse(await readFile(join(out, "network.json"), "utf8")) as { results: WorkloadResult[] };
    expect(results.map(({ name }) => name)).toEqual(names);
    for (const result of results) {
      const workload = workloads.find(({ name }) => name === result.name);
      const here = workload?.subjects.filter((name) => subjects().get(name)?.missing === null);
      expect(result.subjects.map(({ name }) => name)).toEqual(here);
      for (const { metrics } of result.subjects) {
        if (workload !== undefined && "idle" in workload) expect(metrics.rss?.median).toBeTypeOf("number");
        else expect(metrics.rate?.median).toBeGreaterThan(0);
      }
    }
    expect(await readFile(join(out, "network.svg"), "utf8")).toContain("</svg>");
    expect(await readFile(join(out, "network.md"), "utf8")).toContain(workloads[0].title);
  } finally {
    await rm(out, { recursive: true });
  }
});
