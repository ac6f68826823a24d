import { figure } from "../network/report.ts";
import type { Spread } from "../network/results.ts";
import type { FairnessResult, FairnessRun } from "./fairness-results.ts";

const range = ({ median, min, max }: Spread, text: (value: number) => string): string =>
  `${text(median)} (${text(min)} … ${text(max)})`;
const two = (value: number): string => value.toFixed(2);
const three = (value: number): string => value.toFixed(3);
const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |\n`;
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  rows.length === 0 ? "" : `${line(head)}${line(head.map(() => "---"))}${rows.map(line).join("")}\n`;

/** Markdown tables: medians with their ranges, one table a part. */
export function fairnessTable(results: readonly FairnessResult[]): string {
  const of = (part: string): readonly FairnessResult[] => results.filter((result) => result.part === part);
  const rates = ({ mbitPerSecond }: FairnessResult): string => mbitPerSecond.map(figure).join(" + ");
  const shares = of("share").map((one) => [one.name, rates(one), range(one.jain, three)]);
  const trips = of("rtt").map((one) => [one.name, rates(one), one.ratio === null ? "" : range(one.ratio, two)]);
  const starts = of("start").map((one) => [
    one.name,
    rates(one),
    range(one.queueDropped, figure),
    range(one.peakQueue, figure),
  ]);
  return (
    table(["who shares", "Mbit/s", "Jain's index"], shares) +
    table(["two round trips", "Mbit/s", "short over long"], trips) +
    table(["first 3 s", "Mbit/s", "dropped", "peak queue"], starts)
  ).trimEnd() + "\n"; // prettier-ignore
}

const WIDTH = 760, ROW = 150, LEFT = 50, RIGHT = 20, TOP = 40, GAP = 40; // prettier-ignore
const COLOURS = { ours: "#3b7dd8", linux: "#888" } as const;
const RATE_MAX = 20;

/** The courses of the two mixed start orders' first runs, rate over time, as SVG text. */
export function fairnessChart(runs: readonly FairnessRun[]): string {
  const mixed = runs.filter(({ part, kinds, seed }) => part === "share" && seed === 1 && kinds[0] !== kinds[1]);
  const last = Math.max(1, ...mixed.flatMap(({ course }) => course.flat().map(([seconds]) => seconds)));
  const x = (seconds: number): string => (LEFT + (seconds / last) * (WIDTH - LEFT - RIGHT)).toFixed(1);
  const height = TOP + mixed.length * (ROW + GAP);
  const panels = mixed.flatMap(({ name, course, kinds, jain }, place) => {
    const bottom = TOP + place * (ROW + GAP) + ROW;
    const y = (rate: number): string => (bottom - (Math.min(rate, RATE_MAX) / RATE_MAX) * (ROW - 20)).toFixed(1);
    const grid = [0, 10, 20].map(
      (rate) =>
        `<line x1="${String(LEFT)}" x2="${String(WIDTH - RIGHT)}" y1="${y(rate)}" y2="${y(rate)}" stroke="#ddd"/>` +
        `<text x="${String(LEFT - 6)}" y="${y(rate)}" dy="4" text-anchor="end">${String(rate)}</text>`,
    );
    const lines = course.map((points, i) => {
      const at = points.map(([seconds, rate]) => `${x(seconds)},${y(rate)}`).join(" ");
      return `<polyline points="${at}" fill="none" stroke="${COLOURS[kinds[i]]}" stroke-width="1.5"/>`;
    });
    const title = `<text x="${String(LEFT)}" y="${String(bottom - ROW + 8)}">${name}: Jain's index ${three(jain)}</text>`;
    return [...grid, ...lines, title];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${String(WIDTH)}" height="${String(height)}" font-family="sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    `<text x="10" y="20" font-size="15">One bottleneck of 20 Mbit/s, 40 ms: Mbit/s over ${String(Math.round(last))} s; blue is ours, grey Linux</text>`,
    ...panels,
    `</svg>\n`,
  ].join("\n");
}
