import { CONSEQUENCES, INJECTED_FAULTS, type SeedsReport } from "../../../src/sim/index.ts";

/** What many seeds came to; failures as people read them. */
export type SeedsSummary = Omit<SeedsReport, "failures"> & { readonly failures: readonly string[] };

/** The command that runs one seed again. */
export const replay = (seed: number): string =>
  `node --import ./test/support/typescript.mjs test/sim/network/scenario.script.ts ${String(seed)}`;

type Counts = Readonly<Record<string, number>>;

/** In which share of the seeds that ran to their end `fault` happened. */
export const shareOf = (report: SeedsSummary, fault: string): number =>
  (report.faults[fault] ?? 0) / Math.max(1, report.seeds - report.failures.length);

const bar = (name: string, share: number): string =>
  `${name.padEnd(24)} ${(share * 100).toFixed(1).padStart(5)} % ${"#".repeat(Math.round(share * 40))}`;

const counted = (counts: Counts, width: number): string[] =>
  Object.entries(counts).map(([name, times]) => `${name.padEnd(width)} ${String(times).padStart(10)}`);

/** For people: how many seeds, which faults, how connections ended, which event met which state. */
export function histogram(report: SeedsSummary): string {
  const last = report.first + report.seeds - 1;
  return [
    `${String(report.seeds)} seeds, ${String(report.first)} to ${String(last)}, ${String(report.failures.length)} failed`,
    `${(report.virtualMs / 1000).toFixed(0)} s of virtual time`,
    "",
    "share of the seeds in which each fault was injected:",
    ...INJECTED_FAULTS.map((fault) => bar(fault, shareOf(report, fault))),
    "",
    "what came of them:",
    ...CONSEQUENCES.map((fault) => bar(fault, shareOf(report, fault))),
    "",
    "how connections ended for their clients:",
    ...counted(report.endings, 24),
    "",
    `state × event, ${String(Object.keys(report.coverage).length)} pairs:`,
    ...counted(report.coverage, 44),
  ].join("\n");
}

/** The reports of two ranges, one behind the other, as one. */
export function together(reports: readonly SeedsSummary[]): SeedsSummary {
  const sum = (pick: (report: SeedsSummary) => Counts): Counts => {
    const counts: Record<string, number> = {};
    for (const report of reports) {
      for (const [name, times] of Object.entries(pick(report))) counts[name] = (counts[name] ?? 0) + times;
    }
    return counts;
  };
  return {
    first: reports[0].first,
    seeds: reports.reduce((seeds, report) => seeds + report.seeds, 0),
    failures: reports.flatMap(({ failures }) => failures),
    virtualMs: reports.reduce((ms, report) => ms + report.virtualMs, 0),
    faults: sum(({ faults }) => faults),
    coverage: sum(({ coverage }) => coverage),
    endings: sum(({ endings }) => endings),
  };
}
