import { load } from "./load.ts";
import { ServerProcess } from "./server-process.ts";
import type { Subject } from "./subjects.ts";
import type { Workload } from "./workloads.ts";
import { framesDropped, type World } from "./world.ts";

/** One run of one workload against one subject. */
export interface Sample {
  /** In the workload's unit. */
  readonly rate: number;
  /** Microseconds of the server's CPU, user and kernel, for an operation; in bulk, for 64 KiB. */
  readonly userUs: number;
  readonly systemUs: number;
  /** Share of its processor that the server used, and the load generator where it tells: the one near 1 set the pace. */
  readonly serverCpu: number;
  readonly loadCpu: number | null;
  /** Latency in microseconds, where it was measured. */
  readonly p50Us: number | null;
  readonly p99Us: number | null;
  readonly errors: number;
  /** Frames for the server that the link dropped. */
  readonly framesDropped: number;
}

/** Length of a sample. The load that goes before it is not looked at: the server's code is compiled then. */
export interface Span {
  /** Of the server's CPU, not of the clock: on a busy machine the one says little about the other. 0 for no warming up. */
  readonly warmUpCpuSeconds: number;
  readonly seconds: number;
}

/** What samples are taken with. `tools` is the folder of the compiled load generators. */
export interface Setting {
  readonly world: World;
  readonly tools: string;
  readonly span: Span;
}

/** In bulk, CPU is told for this many octets: about one super-segment. */
const BULK_OPERATION = 65_536;

/** Loads of a second before the sample, at most: a server that is hardly busy is not waited for. */
const WARM_UPS_MAX = 8;

function busySeconds(server: ServerProcess): number {
  const { user, system } = server.cpu();
  return user + system;
}

/** Takes one sample with a fresh server. */
export async function sample(workload: Workload, subject: Subject, setting: Setting): Promise<Sample> {
  const { world, tools, span } = setting;
  const server = await ServerProcess.start(subject.command(workload.role, world));
  const loadFor = (seconds: number): ReturnType<typeof load> =>
    load(workload.command(subject.link.server, seconds, tools));
  try {
    for (let run = 0; run < WARM_UPS_MAX && busySeconds(server) < span.warmUpCpuSeconds; run++) await loadFor(1);
    const dropped = framesDropped(subject.link);
    const before = server.cpu();
    const report = await loadFor(span.seconds);
    const after = server.cpu();
    const { octets, seconds, cpuSeconds } = report;
    const isBulk = workload.unit === "Gbit/s";
    const operations = isBulk ? octets / BULK_OPERATION : report.operations;
    const user = after.user - before.user;
    const system = after.system - before.system;
    return {
      rate: (isBulk ? (octets * 8) / 1e9 : operations) / seconds,
      userUs: (user / operations) * 1e6,
      systemUs: (system / operations) * 1e6,
      serverCpu: (user + system) / seconds,
      loadCpu: cpuSeconds === undefined ? null : cpuSeconds / seconds,
      p50Us: report.p50Us ?? null,
      p99Us: report.p99Us ?? null,
      errors: report.errors,
      framesDropped: framesDropped(subject.link) - dropped,
    };
  } finally {
    await server.stop();
  }
}
