import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

import type { WorkloadResult } from "../../benchmarks/network/results.ts";
import { tlsWorkloads } from "../../benchmarks/tls/workloads.ts";
import { needsNamespace, runScript } from "../support/namespace.ts";

const benchmark = new URL("../../benchmarks/tls.ts", import.meta.url);
const isBuilt = existsSync(new URL("../../dist/index.js", import.meta.url));

test("style.md §8: the TLS benchmark's smoke size runs each workload against each subject", async (context) => {
  needsNamespace(context);
  if (process.env["CI"]) expect(isBuilt).toBe(true);
  else if (!isBuilt) context.skip("not there: dist/ (npm run build)");
  const out = await mkdtemp(join(tmpdir(), "fourtuple-bench-out-"));
  try {
    const run = await runScript(benchmark, ["--smoke", "--out", out], { timeoutMs: 110_000 });
    expect(run, run.stderr).toMatchObject({ status: 0 });
    const { results } = JSON.parse(await readFile(join(out, "tls.json"), "utf8")) as { results: WorkloadResult[] };
    expect(results.map(({ name }) => name)).toEqual(tlsWorkloads.map(({ name }) => name));
    for (const [i, { subjects, goals }] of results.entries()) {
      expect(subjects.map(({ name }) => name)).toEqual(tlsWorkloads[i].subjects);
      expect(goals.length).toBe(tlsWorkloads[i].goals.length);
      for (const { metrics, errors } of subjects) {
        expect(metrics.rate?.median).toBeGreaterThan(0);
        expect(errors).toBe(0);
      }
    }
    expect(await readFile(join(out, "tls.svg"), "utf8")).toContain("</svg>");
    expect(await readFile(join(out, "tls.md"), "utf8")).toContain(tlsWorkloads[0].title);
  } finally {
    await rm(out, { recursive: true });
  }
});
