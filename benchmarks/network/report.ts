import type { Spread, WorkloadResult } from "./results.ts";

/** Three digits that mean something, and thousands apart: "61,200", "37.1", "0.92". */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return "–";
  return Number(value.toPrecision(3)).toLocaleString("en", { maximumSignificantDigits: 3 });
}

/** "37.1 (35.2 … 38)". */
const range = (spread: Spread | null): string =>
  spread === null ? "" : `${figure(spread.median)} (${figure(spread.min)} … ${figure(spread.max)})`;

const HEAD = [
  "workload",
  "",
  "rate: median (range)",
  "server CPU, us",
  "p99, ms",
  "our rate / theirs",
  "our CPU / theirs",
];
const US_PER_MS = 1000;

/** A Markdown table: a row for each subject of each workload. */
export function markdownTable(results: readonly WorkloadResult[]): string {
  const rows = results.flatMap((result) =>
    result.subjects.map((subject, place) => [
      place === 0 ? result.title : "",
      subject.name,
      `${range(subject.rate)} ${result.unit}`,
      figure(subject.cpuUs.median),
      subject.p99Us === null ? "" : figure(subject.p99Us.median / US_PER_MS),
      range(subject.rateRatio),
      range(subject.cpuRatio),
    ]),
  );
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |\n`;
  return line(HEAD) + line(HEAD.map(() => "---")) + rows.map(line).join("");
}

const WIDTH = 760, LABEL = 330, ROW = 34, BAR = 18, TOP = 52, FIGURE = 60; // prettier-ignore

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/** Bars of our rate over each reference's, as SVG text; the upright line is the reference. */
export function ratioChart(results: readonly WorkloadResult[]): string {
  const bars = results.flatMap(({ title, subjects }) =>
    subjects.flatMap(({ name, rateRatio }) => (rateRatio === null ? [] : [{ label: `${title} / ${name}`, rateRatio }])),
  );
  const most = Math.max(1, ...bars.map(({ rateRatio }) => rateRatio.max));
  const x = (ratio: number): string => (LABEL + (ratio / most) * (WIDTH - LABEL - FIGURE)).toFixed(1);
  const height = TOP + bars.length * ROW + ROW / 2;
  const drawn = bars.map(({ label, rateRatio: { median, min, max } }, row) => {
    const y = TOP + row * ROW;
    const middle = y + BAR / 2;
    const end = (Number(x(max)) + 8).toFixed(1);
    return [
      `<text x="${LABEL - 10}" y="${middle + 4}" text-anchor="end">${escaped(label)}</text>`,
      `<rect x="${LABEL}" y="${y}" width="${(Number(x(median)) - LABEL).toFixed(1)}" height="${BAR}" fill="#3b7dd8"/>`,
      `<line x1="${x(min)}" x2="${x(max)}" y1="${middle}" y2="${middle}" stroke="#12305a" stroke-width="2"/>`,
      `<text x="${end}" y="${middle + 4}">${figure(median)}</text>`,
    ].join("\n");
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    `<text x="10" y="24" font-size="15">fourtuple over TUN against the kernel's TCP over veth: ratio of rates, range of the rounds</text>`,
    ...drawn,
    `<line x1="${x(1)}" x2="${x(1)}" y1="${TOP - 10}" y2="${height - 8}" stroke="#c33" stroke-dasharray="4 3"/>`,
    `</svg>\n`,
  ].join("\n");
}
