import { beside } from "./command.ts";
import type { Metric } from "./metrics.ts";
import { BODY, PORT, type Role, SINK_PORT, SOURCE_PORT } from "./servers/roles.ts";
import type { TlsRole } from "../tls/roles.ts";
import type { SubjectName } from "./subjects.ts";

/** What is counted. */
export type Unit = "Gbit/s" | "requests/s" | "connections/s" | "exchanges/s";

/** What we want: of our figure over another subject's, or of ours alone. One of `least` and `most` is there. */
export interface Goal {
  readonly metric: Metric;
  readonly against?: SubjectName;
  readonly least?: number;
  readonly most?: number;
}

interface Common {
  readonly name: string;
  readonly title: string;
  readonly role: Role | TlsRole;
  /** Ours first: ratios are its figures over those of the others. */
  readonly subjects: readonly SubjectName[];
  readonly goals: readonly Goal[];
}

/** One load on one role. */
export interface LoadWorkload extends Common {
  readonly unit: Unit;
  /** Shape: the load generator's command for a server at `address`. `folder` holds those that were compiled. */
  command(address: string, seconds: number, folder: string): readonly string[];
  /** Whether the load shares the server's processor. */
  readonly oneProcessor?: boolean;
  /** Whether collections are listed: in one round, a long one. */
  readonly traceGc?: boolean;
}

/** Connections that nobody uses. */
export interface IdleWorkload extends Common {
  readonly idle: number;
}

export type Workload = LoadWorkload | IdleWorkload;

const ms = (seconds: number): string => String(Math.round(seconds * 1000));
const many = (count: number): string => `${count.toLocaleString("en")} connection${count === 1 ? "" : "s"}`;

function bulk(way: "in" | "out", connections: number, least: number): LoadWorkload {
  return {
    name: `bulk-${way}-${connections}`,
    title: `bulk ${way}, ${many(connections)}`,
    role: way === "in" ? "sink" : "source",
    unit: "Gbit/s",
    subjects: ["fourtuple", "node"],
    goals: [{ metric: "rate", against: "node", least }],
    command: (address, seconds, folder) => [
      `${folder}/bulk`,
      way,
      address,
      String(PORT),
      String(connections),
      ms(seconds),
    ],
  };
}

/** The fake knows one connection. */
const plain = (way: "in" | "out"): LoadWorkload => ({
  ...bulk(way, 1, 0),
  name: `plain-${way}`,
  title: `bulk ${way} without offload, ${many(1)}`,
  subjects: ["fourtuple-plain", "c-fake"],
  goals: [{ metric: "rate", against: "c-fake", least: 0.7 }],
});

const wrk = (connections: number, address: string, seconds: number): readonly string[] => [
  "wrk",
  "--threads=1",
  `--connections=${connections}`,
  `--duration=${Math.max(1, Math.round(seconds))}s`, // wrk knows whole seconds.
  `--script=${beside("clients/wrk-report.lua", import.meta.url)}`,
  `http://${address}:${PORT}/`,
];

const http = (connections: number, goals: readonly Goal[]): LoadWorkload => ({
  name: `http-${connections}`,
  title: `HTTP keep-alive, ${many(connections)}`,
  role: "http",
  unit: "requests/s",
  subjects: ["fourtuple", "node", "nginx"],
  goals,
  command: (address, seconds) => wrk(connections, address, seconds),
});

const http64 = http(64, [
  { metric: "rate", against: "node", least: 2.2 },
  { metric: "cpuUs", against: "node", most: 0.45 },
  { metric: "cpuUs", against: "nginx", most: 0.9 },
]);

const http1000 = http(1000, [
  { metric: "rate", against: "node", least: 2.2 },
  { metric: "p99Us", against: "node", most: 1 },
]);

const httpNode: LoadWorkload = {
  ...http64,
  name: "http-node",
  title: "node:http on our sockets, 64 connections",
  role: "http-node",
  subjects: ["fourtuple", "node"],
  goals: [{ metric: "rate", against: "node", least: 0.9 }],
};

const SHORT_CONCURRENCY = 64;

const short: LoadWorkload = {
  name: "short",
  title: "short connections: connect, one request, close",
  role: "answer",
  unit: "connections/s",
  subjects: ["fourtuple", "node", "nginx"],
  goals: [{ metric: "rate", against: "node", least: 2.2 }],
  command: (address, seconds, folder) => [
    `${folder}/short`,
    address,
    String(PORT),
    String(SHORT_CONCURRENCY),
    ms(seconds),
    String(BODY.length),
  ],
};

const pingPong: LoadWorkload = {
  name: "ping-pong",
  title: "1-octet ping-pong, both ends on one processor",
  role: "echo",
  unit: "exchanges/s",
  subjects: ["fourtuple", "node"],
  goals: [{ metric: "p50Us", against: "node", most: 0.85 }],
  oneProcessor: true,
  command: (address, seconds, folder) => [`${folder}/pingpong`, address, String(PORT), ms(seconds)],
};

const fairness = (way: "in" | "out"): LoadWorkload => ({
  name: `fair-${way}`,
  title: `1-octet ping-pong beside bulk ${way}`,
  role: "echo",
  unit: "exchanges/s",
  subjects: ["fourtuple", "node"],
  goals: [{ metric: "p99Us", against: "node", most: 1 }],
  command: (address, seconds, folder) => [
    ...pingPong.command(address, seconds, folder),
    way,
    String(way === "in" ? SINK_PORT : SOURCE_PORT),
  ],
});

const halfLoad: LoadWorkload = {
  name: "half-load",
  title: "HTTP at half of each one's most, 64 connections",
  role: "http",
  unit: "requests/s",
  subjects: ["fourtuple", "node", "nginx"],
  goals: [{ metric: "p999Us", against: "node", most: 1 }],
  command: (address, seconds, folder) => [
    `${folder}/paced`,
    address,
    String(PORT),
    "64",
    ms(Math.max(1, seconds)), // There are two parts to it.
    String(BODY.length),
  ],
};

const collector: LoadWorkload = {
  ...http64,
  name: "gc",
  title: "garbage collection in a minute of HTTP, 64 connections",
  subjects: ["fourtuple", "node"],
  goals: [{ metric: "pauseMs", most: 5 }],
  traceGc: true,
};

const idle = (connections: number, role: "idle" | "idle-streams"): IdleWorkload => ({
  name: `${role}-${connections}`,
  title: `${many(connections)} idle, ${role === "idle" ? "callback" : "stream"} API`,
  role,
  subjects: ["fourtuple", "node"],
  goals: [{ metric: "rss", most: role === "idle" ? 600 : 3072 }],
  idle: connections,
});

export const workloads: readonly Workload[] = [
  bulk("in", 1, 1),
  bulk("in", 16, 1),
  bulk("out", 1, 0.9),
  bulk("out", 16, 0.9),
  plain("in"),
  plain("out"),
  http64,
  http1000,
  httpNode,
  short,
  pingPong,
  fairness("in"),
  fairness("out"),
  halfLoad,
  collector,
  idle(10_000, "idle"),
  idle(100_000, "idle"),
  idle(10_000, "idle-streams"),
  idle(100_000, "idle-streams"),
];
