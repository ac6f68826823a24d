import type { Role } from "./servers/roles.ts";
import { ANSWER, PORT } from "./servers/roles.ts";
import { beside } from "./command.ts";

/** What is counted: more is better. */
export type Unit = "Gbit/s" | "requests/s" | "connections/s";

/** One load on one role. */
export interface Workload {
  readonly name: string;
  readonly title: string;
  readonly role: Role;
  readonly unit: Unit;
  /** Shape: the load generator's command for a server at `address`. `tools` holds the clients that were compiled. */
  command(address: string, seconds: number, tools: string): readonly string[];
}

const ms = (seconds: number): string => String(Math.round(seconds * 1000));

const bulk = (way: "in" | "out", connections: number): Workload => ({
  name: `bulk-${way}-${String(connections)}`,
  title: `bulk ${way}, ${String(connections)} connection${connections === 1 ? "" : "s"}`,
  role: way === "in" ? "sink" : "source",
  unit: "Gbit/s",
  command: (address, seconds, tools) => [`${tools}/bulk`, way, address, String(PORT), String(connections), ms(seconds)],
});

const http = (connections: number): Workload => ({
  name: `http-${String(connections)}`,
  title: `HTTP keep-alive, ${connections.toLocaleString("en")} connections`,
  role: "http",
  unit: "requests/s",
  command: (address, seconds) => [
    "wrk",
    "--threads=1",
    `--connections=${String(connections)}`,
    `--duration=${String(Math.max(1, Math.round(seconds)))}s`, // wrk knows whole seconds.
    `--script=${beside("clients/wrk-report.lua", import.meta.url)}`,
    `http://${address}:${String(PORT)}/`,
  ],
});

const SHORT_CONCURRENCY = 64;

const short: Workload = {
  name: "short",
  title: "short connections: connect, one request, close",
  role: "answer",
  unit: "connections/s",
  command: (address, seconds, tools) => [
    `${tools}/short`,
    address,
    String(PORT),
    String(SHORT_CONCURRENCY),
    ms(seconds),
    String(ANSWER.length),
  ],
};

export const workloads: readonly Workload[] = [
  bulk("in", 1),
  bulk("in", 16),
  bulk("out", 1),
  bulk("out", 16),
  http(64),
  http(1000),
  short,
];
