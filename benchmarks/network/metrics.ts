/** What one sample can tell; a workload gives some of them. */
export interface Metrics {
  /** In the workload's unit: more is better. Of all others, less is. */
  readonly rate?: number;
  /** Microseconds of the server's CPU, user and kernel, for an operation; in bulk, for 64 KiB. */
  readonly cpuUs?: number;
  /** Latency in microseconds. */
  readonly p50Us?: number;
  readonly p99Us?: number;
  readonly p999Us?: number;
  /** The longest that the collector stopped the server, in ms, and how often it did. */
  readonly pauseMs?: number;
  readonly collections?: number;
  /** Octets for an idle connection: of the server's resident memory, and of the kernel's slabs for both ends. */
  readonly rss?: number;
  readonly slab?: number;
}
export type Metric = keyof Metrics;

/** How a metric is called in a table. The unit of a rate is the workload's. */
export const METRIC_NAMES: Readonly<Record<Metric, { readonly name: string; readonly unit: string }>> = {
  rate: { name: "rate", unit: "" },
  cpuUs: { name: "server CPU", unit: "us" },
  p50Us: { name: "p50", unit: "us" },
  p99Us: { name: "p99", unit: "us" },
  p999Us: { name: "p99.9", unit: "us" },
  pauseMs: { name: "longest collection", unit: "ms" },
  collections: { name: "collections", unit: "" },
  rss: { name: "RSS a connection", unit: "octets" },
  slab: { name: "kernel slabs a connection", unit: "octets" },
};

/** In the order of the tables. */
export const METRICS = Object.keys(METRIC_NAMES) as readonly Metric[];
