import { beside, node } from "../network/command.ts";
import type { Goal, LoadWorkload, Unit } from "../network/workloads.ts";
import { PORT } from "../network/servers/roles.ts";
import type { PeerTask, TlsRole } from "./roles.ts";

const peer = beside("peer.ts", import.meta.url);

interface Row {
  readonly task: PeerTask;
  readonly title: string;
  readonly role: TlsRole;
  readonly unit: Unit;
  /** What we want over `node:tls` over the same Duplex, and on the kernel's sockets. */
  readonly overDuplex: Omit<Goal, "against">;
  readonly onKernel: Omit<Goal, "against"> | null;
}

const rate = (least: number) => ({ metric: "rate", least }) as const;

/** The goals are the issue's. */
const ROWS: readonly Row[] = [
  {
    task: "full",
    title: "full handshakes, RSA-2048",
    role: "tls-greet",
    unit: "connections/s",
    overDuplex: rate(1.1),
    onKernel: rate(1),
  },
  {
    task: "resumed",
    title: "resumed handshakes",
    role: "tls-greet",
    unit: "connections/s",
    overDuplex: rate(1.5),
    onKernel: rate(1),
  },
  {
    task: "receive",
    title: "bulk out: sealing AES-128-GCM",
    role: "tls-source",
    unit: "Gbit/s",
    overDuplex: rate(1.2),
    onKernel: rate(1),
  },
  {
    task: "send",
    title: "bulk in: opening AES-128-GCM",
    role: "tls-sink",
    unit: "Gbit/s",
    overDuplex: rate(1.1),
    onKernel: rate(1),
  },
  {
    task: "ping-pong",
    title: "64-octet ping-pong",
    role: "tls-echo",
    unit: "exchanges/s",
    overDuplex: { metric: "cpuUs", most: 0.8 },
    onKernel: null,
  },
];

const command =
  (task: PeerTask) =>
  (address: string, seconds: number): readonly string[] =>
    node(peer, [task, address, String(PORT), String(Math.round(seconds * 1000))]);

const overDuplex = ({ task, title, role, unit, overDuplex: goal }: Row): LoadWorkload => ({
  name: `${task}-duplex`,
  title: `${title}, over a Duplex`,
  role,
  unit,
  subjects: ["tls-duplex", "node-tls-duplex"],
  goals: [{ ...goal, against: "node-tls-duplex" }],
  command: command(task),
});

const onKernel = ({ task, title, role, unit, onKernel: goal }: Row): LoadWorkload => ({
  name: `${task}-tun`,
  title: `${title}, TUN beside kernel`,
  role,
  unit,
  subjects: ["tls-tun", "node-tls"],
  goals: goal === null ? [] : [{ ...goal, against: "node-tls" }],
  command: command(task),
});

export const tlsWorkloads: readonly LoadWorkload[] = [...ROWS.map(overDuplex), ...ROWS.map(onKernel)];
