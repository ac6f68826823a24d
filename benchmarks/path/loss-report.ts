import { figure } from "../network/report.ts";
import { type LossResult, pairs } from "./loss-results.ts";

const percent = (loss: number): string => `${figure(loss * 100)} %`.replace("– %", "0 %");

/** A Markdown table: a row for each loss, a column for each pair, with the ratio to Linux to Linux. */
export function lossTable(results: readonly LossResult[]): string {
  const names = pairs.map(({ name }) => name).filter((name) => results.some((result) => result.name === name));
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |\n`;
  const cell = (loss: number, name: string): string => {
    const result = results.find((one) => one.loss === loss && one.name === name);
    if (result === undefined) return "";
    const { median, min, max } = result.mbitPerSecond;
    const ratio = result.ratio === null || name === names[0] ? "" : `, **${result.ratio.toFixed(2)}**`;
    return `${figure(median)} (${figure(min)} … ${figure(max)})${ratio}`;
  };
  const losses = [...new Set(results.map(({ loss }) => loss))];
  const rows = losses.map((loss) => line([percent(loss), ...names.map((name) => cell(loss, name))]));
  return line(["loss", ...names]) + line(["---", ...names.map(() => "---")]) + rows.join("");
}

const WIDTH = 760, HEIGHT = 420, LEFT = 60, TOP = 50, BOTTOM = 60, RIGHT = 20; // prettier-ignore
const COLOURS = ["#888", "#3b7dd8", "#2a9d5c", "#d9822b"];
/** Mbit/s at the bottom and at the top of the chart, whose scale is logarithmic. */
const LEAST = 0.5,
  MOST = 120;
const GRID = [1, 2, 5, 10, 20, 50, 100];

const y = (rate: number): number =>
  HEIGHT - BOTTOM - (Math.log(rate / LEAST) / Math.log(MOST / LEAST)) * (HEIGHT - TOP - BOTTOM);

/** Throughput over loss, a line for each pair through its medians, with bars from the slowest to the fastest run; as SVG text. */
export function lossChart(results: readonly LossResult[]): string {
  const losses = [...new Set(results.map(({ loss }) => loss))];
  const step = (WIDTH - LEFT - RIGHT) / Math.max(1, losses.length);
  // Beside each other, so that none hides another.
  const x = (loss: number, place: number): number => LEFT + step * (losses.indexOf(loss) + 0.5) + (place - 1.5) * 8;
  const drawn = pairs.flatMap(({ name }, place) => {
    const colour = COLOURS[place] ?? "#000";
    const points = results.filter((result) => result.name === name);
    const at = points.map(
      ({ loss, mbitPerSecond: { median } }) => `${x(loss, place).toFixed(1)},${y(median).toFixed(1)}`,
    );
    const bars = points.map(({ loss, mbitPerSecond: { min, max } }) => {
      const across = x(loss, place).toFixed(1);
      return `<line x1="${across}" x2="${across}" y1="${y(min).toFixed(1)}" y2="${y(max).toFixed(1)}" stroke="${colour}" stroke-width="4" stroke-opacity="0.5"/>`;
    });
    const key = `<text x="${String(LEFT + 10 + place * 160)}" y="${String(TOP - 10)}" fill="${colour}">${name}</text>`;
    return [`<polyline points="${at.join(" ")}" fill="none" stroke="${colour}" stroke-width="1.5"/>`, ...bars, key];
  });
  const grid = GRID.map((rate) => {
    const height = y(rate).toFixed(1);
    const label = `<text x="${String(LEFT - 8)}" y="${height}" dy="4" text-anchor="end">${String(rate)}</text>`;
    return `<line x1="${String(LEFT)}" x2="${String(WIDTH - RIGHT)}" y1="${height}" y2="${height}" stroke="#ddd"/>${label}`;
  });
  const ticks = losses.map((loss) => {
    const across = (LEFT + step * (losses.indexOf(loss) + 0.5)).toFixed(1);
    return `<text x="${across}" y="${String(HEIGHT - BOTTOM + 20)}" text-anchor="middle">${percent(loss)}</text>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${String(WIDTH)}" height="${String(HEIGHT)}" font-family="sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    `<text x="10" y="22" font-size="15">Throughput against loss: 100 Mbit/s, 40 ms, CUBIC; Mbit/s, medians and ranges</text>`,
    ...grid,
    ...ticks,
    ...drawn,
    `<text x="${String(WIDTH / 2)}" y="${String(HEIGHT - 14)}" text-anchor="middle">datagrams lost, each way</text>`,
    `</svg>\n`,
  ].join("\n");
}
