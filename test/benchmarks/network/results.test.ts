import { expect, test } from "vitest";

import type { Sample } from "../../../benchmarks/network/measure.ts";
import { figure, markdownTable, ratioChart } from "../../../benchmarks/network/report.ts";
import { spread, workloadResult } from "../../../benchmarks/network/results.ts";
import { workloads } from "../../../benchmarks/network/workloads.ts";

const [workload] = workloads;
const sampleOf = (rate: number, userUs: number): Sample => ({
  rate,
  userUs,
  systemUs: 1,
  serverCpu: 1,
  loadCpu: null,
  p50Us: null,
  p99Us: null,
  errors: 1,
  framesDropped: 2,
});
const samples = new Map([
  ["fourtuple", [sampleOf(30, 1), sampleOf(10, 1), sampleOf(40, 3)]],
  ["node", [sampleOf(10, 3), sampleOf(10, 3), sampleOf(20, 3)]],
]);

test("spread: the median of an odd and of an even number of values", () => {
  expect(spread([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
  expect(spread([4, 1, 3, 2])).toEqual({ median: 2.5, min: 1, max: 4 });
  expect(spread([7])).toEqual({ median: 7, min: 7, max: 7 });
});

test("results: ratios are ours over the reference's, round by round; failures add up", () => {
  const [ours, node] = workloadResult(workload, samples).subjects;
  expect(ours).toMatchObject({ name: "fourtuple", rateRatio: null, errors: 3, framesDropped: 6 });
  expect(ours.rate).toEqual({ median: 30, min: 10, max: 40 });
  expect(node.rateRatio).toEqual({ median: 2, min: 1, max: 3 });
  expect(node.cpuRatio).toEqual({ median: 0.5, min: 0.5, max: 1 });
});

test("report: a row for each subject, three digits, and a bar for each reference", () => {
  const results = [workloadResult(workload, samples)];
  expect(markdownTable(results).trimEnd().split("\n")).toHaveLength(4);
  expect(markdownTable(results)).toContain("| 2 (1 … 3) |");
  expect([figure(61_234), figure(0.9234), figure(NaN)]).toEqual(["61,200", "0.923", "–"]);
  const chart = ratioChart(results);
  expect(chart.match(/fill="#3b7dd8"/g)).toHaveLength(1);
  expect(chart).toContain(">2</text>");
});
