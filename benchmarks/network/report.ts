import type { ReportParts } from "../report-files.ts";
import type { Span } from "./measure.ts";
import { type Metric, METRIC_NAMES, METRICS } from "./metrics.ts";
import type { GoalResult, Spread, SubjectResult, WorkloadResult } from "./results.ts";

/** Three digits that mean something, and thousands apart: "61,200", "37.1", "0.92". */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return "–";
  return Number(value.toPrecision(3)).toLocaleString("en", { maximumSignificantDigits: 3 });
}

/** "37.1 (35.2 … 38)"; "37.1" where they are the same. */
function range({ median, min, max }: Spread): string {
  return min === max ? figure(median) : `${figure(median)} (${figure(min)} … ${figure(max)})`;
}

/** A table of Markdown with columns of one width, as its formatter has it. */
function table(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows;
  const widths = head.map((_, column) => Math.max(3, ...rows.map((row) => (row[column] ?? "").length)));
  const line = (cells: readonly string[]): string =>
    `| ${widths.map((width, column) => (cells[column] ?? "").padEnd(width)).join(" | ")} |\n`;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |\n`;
  return line(head) + rule + body.map(line).join("");
}

const unitOf = (metric: Metric, result: WorkloadResult): string =>
  metric === "rate" ? result.unit : METRIC_NAMES[metric].unit;

const goalText = ({ least, most, against }: GoalResult): string =>
  `${least === undefined ? `<= ${figure(most ?? NaN)}` : `>= ${figure(least)}`}${against === undefined ? "" : " times"}`;

/** A row for each goal: for the README. */
export function goalTable(results: readonly WorkloadResult[]): string {
  const rows = results.flatMap((result) =>
    result.goals.map((goal, place) => {
      const withUnit = (value: Spread): string => `${figure(value.median)} ${unitOf(goal.metric, result)}`.trimEnd();
      return [
        place === 0 ? result.title : "",
        METRIC_NAMES[goal.metric].name,
        withUnit(goal.ours),
        goal.theirs === null ? "" : `${withUnit(goal.theirs)} (${String(goal.against)})`,
        goal.ratio === null ? "" : range(goal.ratio),
        goalText(goal),
        goal.isReached ? "yes" : "no",
      ];
    }),
  );
  return table([["workload", "figure", "fourtuple", "reference", "ratio: median (range)", "goal", "reached"], ...rows]);
}

const cells = (subject: SubjectResult, result: WorkloadResult): readonly string[] =>
  METRICS.flatMap((metric) => {
    const found = subject.metrics[metric];
    if (found === undefined) return [];
    const ratio = subject.ratios[metric];
    const value = `${METRIC_NAMES[metric].name} ${range(found)} ${unitOf(metric, result)}`.trimEnd();
    return [ratio === undefined ? value : `${value} [${figure(ratio.median)}]`];
  });

/** All figures: a row for each subject of each workload. In brackets, ours over this one's. */
export function fullTable(results: readonly WorkloadResult[]): string {
  const rows = results.flatMap((result) =>
    result.subjects.map((subject, place) => [
      place === 0 ? result.title : "",
      subject.name,
      cells(subject, result).join("; "),
      [subject.errors > 0 ? `${subject.errors} errors` : "", subject.framesDropped > 0 ? `${subject.framesDropped} frames dropped` : ""].filter((text) => text !== "").join(", "), // prettier-ignore
    ]),
  );
  return table([["workload", "subject", "figures: median (range) [our median ratio]", ""], ...rows]);
}

const WIDTH = 860, LABEL = 420, ROW = 34, BAR = 18, TOP = 52, FIGURE = 90, RATIO_MAX = 4; // prettier-ignore

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/** Bars of our figure over each reference's where there is a goal for it, as SVG text; the red mark is the goal. */
export function ratioChart(results: readonly WorkloadResult[]): string {
  const bars = results.flatMap(({ title, goals }) =>
    goals.flatMap(({ metric, against, ratio, least, most, isReached }) =>
      ratio === null
        ? []
        : [
            {
              label: `${title}: ${METRIC_NAMES[metric].name} / ${String(against)}`,
              ratio,
              goal: least ?? most ?? 1,
              isReached,
            },
          ],
    ),
  );
  const x = (ratio: number): number => LABEL + (Math.min(ratio, RATIO_MAX) / RATIO_MAX) * (WIDTH - LABEL - FIGURE);
  const height = TOP + bars.length * ROW + ROW / 2;
  const drawn = bars.map(({ label, ratio: { median, min, max }, goal, isReached }, row) => {
    const y = TOP + row * ROW;
    const middle = y + BAR / 2;
    return [
      `<text x="${LABEL - 10}" y="${middle + 4}" text-anchor="end">${escaped(label)}</text>`,
      `<rect x="${LABEL}" y="${y}" width="${(x(median) - LABEL).toFixed(1)}" height="${BAR}" fill="${isReached ? "#3b8f5a" : "#d8903b"}"/>`,
      `<line x1="${x(min).toFixed(1)}" x2="${x(max).toFixed(1)}" y1="${middle}" y2="${middle}" stroke="#12305a" stroke-width="2"/>`,
      `<line x1="${x(goal).toFixed(1)}" x2="${x(goal).toFixed(1)}" y1="${y - 5}" y2="${y + BAR + 5}" stroke="#c33" stroke-width="2"/>`,
      `<text x="${(Math.max(x(max), x(goal)) + 8).toFixed(1)}" y="${middle + 4}">${figure(median)}</text>`,
    ].join("\n");
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    `<text x="10" y="24" font-size="15">fourtuple over TUN against the kernel's TCP over veth: ratios, the range of the rounds, the goal in red</text>`,
    ...drawn,
    `<line x1="${x(1)}" x2="${x(1)}" y1="${TOP - 10}" y2="${height - 8}" stroke="#888" stroke-dasharray="4 3"/>`,
    `</svg>\n`,
  ].join("\n");
}

/** What is kept of a whole run. */
export const networkReport = (rounds: number, span: Span, results: readonly WorkloadResult[]): ReportParts => ({
  facts: { rounds, ...span, results },
  table: `${goalTable(results)}\n${fullTable(results)}`,
  chart: ratioChart(results),
});
