import { collectionsIn } from "./collections.ts";
import { load, type LoadReport } from "./load.ts";
import type { Metrics } from "./metrics.ts";
import { placement } from "./processors.ts";
import { ServerProcess } from "./server-process.ts";
import type { Place, Subject } from "./subjects.ts";
import type { LoadWorkload } from "./workloads.ts";
import { framesDropped } from "./world.ts";

/** One run of one workload against one subject. */
export interface Sample {
  readonly metrics: Metrics;
  /** Share of its processor that the server used, and the load generator where it tells: the one near 1 set the pace. */
  readonly serverCpu: number | null;
  readonly loadCpu: number | null;
  readonly errors: number;
  /** Frames for the server that the link dropped. */
  readonly framesDropped: number;
}

/** Length of a sample. The load that goes before it is not looked at: the server's code is compiled then. */
export interface Span {
  /** Of the server's CPU, not of the clock: on a busy machine the one says little about the other. 0 for no warming up. */
  readonly warmUpCpuSeconds: number;
  readonly seconds: number;
  /** Where collections are counted. */
  readonly longSeconds: number;
}

/** In bulk, CPU is told for this many octets: about one super-segment. */
const BULK_OPERATION = 65_536;

/** Loads of a second before the sample, at most: a server that is hardly busy is not waited for. */
const WARM_UPS_MAX = 8;

function busySeconds(server: ServerProcess): number {
  const { user, system } = server.cpu();
  return user + system;
}

/** What a report and the server's CPU in the meantime come to. */
function metricsOf(workload: LoadWorkload, report: LoadReport, cpuSeconds: number): Metrics {
  const { octets, seconds, p50Us, p99Us, p999Us } = report;
  const isBulk = workload.unit === "Gbit/s";
  const operations = isBulk ? octets / BULK_OPERATION : report.operations;
  return {
    rate: isBulk ? (octets * 8) / 1e9 / seconds : (report.rate ?? operations / seconds),
    cpuUs: (cpuSeconds / operations) * 1e6,
    ...(p50Us === undefined ? {} : { p50Us }),
    ...(p99Us === undefined ? {} : { p99Us }),
    ...(p999Us === undefined ? {} : { p999Us }),
  };
}

/** Takes one sample with a fresh server. */
export async function sampleLoad(workload: LoadWorkload, subject: Subject, place: Place, span: Span): Promise<Sample> {
  const { oneProcessor = false, traceGc = false } = workload;
  const options = traceGc ? ["--trace-gc"] : [];
  const server = await ServerProcess.start(subject.command(workload.role, place, options));
  const { server: servers, load: loads } = placement();
  const loadFor = (seconds: number): Promise<LoadReport> =>
    load(workload.command(subject.link.server, seconds, place.folder), oneProcessor ? servers : loads);
  try {
    for (let run = 0; run < WARM_UPS_MAX && busySeconds(server) < span.warmUpCpuSeconds; run++) await loadFor(1);
    const dropped = framesDropped(subject.link);
    const printed = server.output.length;
    const before = busySeconds(server);
    const report = await loadFor(traceGc ? span.longSeconds : span.seconds);
    const busy = busySeconds(server) - before;
    const collections = collectionsIn(server.output.slice(printed));
    const ofGc = traceGc ? { pauseMs: collections.longestMs, collections: collections.count } : {};
    return {
      metrics: { ...metricsOf(workload, report, busy), ...ofGc },
      serverCpu: busy / report.seconds,
      loadCpu: report.cpuSeconds === undefined ? null : report.cpuSeconds / report.seconds,
      errors: report.errors,
      framesDropped: framesDropped(subject.link) - dropped,
    };
  } finally {
    await server.stop();
  }
}
