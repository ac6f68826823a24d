import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Socket } from "node:net";

import { run } from "./command.ts";

/** One link: its name on the load's side, and both addresses, which are of RFC 2544's benchmark network, 198.18.0.0/15. */
export interface Link {
  readonly device: string;
  readonly load: string;
  readonly server: string;
  /** The first of `IDLE_SOURCES` more addresses of the load: 60,000 ports of one are too few for 100,000 connections. */
  readonly firstSource: string;
}
export const IDLE_SOURCES = 4;

const link = (device: string, network: string): Link => ({
  device,
  load: `${network}.1`,
  server: `${network}.2`,
  firstSource: `${network}.${FIRST_SOURCE}`,
});
const FIRST_SOURCE = 101;

/** The stack's. */
export const TUN = link("tun0", "198.18.0");
/** The references': a veth pair from the load's namespace into the servers'. */
export const VETH = link("veth0", "198.18.1");
/** For those who do without offload: what the kernel is told about offload stays with a device. */
export const PLAIN_TUN = link("tun1", "198.18.2");
const VETH_SERVER_END = "veth1";
export const PREFIX_LENGTH = 24;
/**
 * Frames that wait in the TUN. The kernel's default of 500 drops every seventh frame at 1,000 connections, since each may
 * send a request and an acknowledgment at once; a veth pair has no such queue.
 */
const TUN_QUEUE = 5000;

/** What `unshare` is told so that a process becomes root of a private user and network namespace. */
const PRIVATE = ["--user", "--map-root-user", "--net", "--"];
const INSIDE = "FOURTUPLE_BENCH_INSIDE";

/**
 * Two network namespaces in a user namespace of their own, so that root and everybody else run the same: this process'
 * for the load, and one for the servers that use the kernel's TCP. They end with their last process.
 */
export class World {
  /** Goes before a command that shall run in the servers' namespace. */
  readonly inServers: readonly string[];
  readonly #holder: ChildProcess;

  /** Users call `make`. */
  constructor(holder: ChildProcess) {
    this.#holder = holder;
    this.inServers = ["nsenter", `--net=/proc/${String(holder.pid)}/ns/net`, "--"];
  }

  /** "inside", or the exit status of this program after it was run again inside private namespaces. */
  static async enter(): Promise<number | "inside"> {
    if (process.env[INSIDE] !== undefined) {
      endWithParent();
      return "inside";
    }
    const again = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
    const env = { ...process.env, [INSIDE]: "1" };
    const child = spawn("unshare", [...PRIVATE, ...again], { stdio: ["pipe", "inherit", "inherit"], env });
    const [status] = (await once(child, "close")) as [number | null];
    return status ?? 1;
  }

  /** Makes the links. CUBIC is chosen by route: whatever the machine's default is, both of the kernel's ends use it. */
  static async make(): Promise<World> {
    // The holder lives as long as its standard input, which is ours, is open; its first line says that the namespace is there.
    const holder = spawn("unshare", ["--net", "--", "sh", "-c", "echo made; exec cat"], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    await once(holder.stdout, "data");
    const world = new World(holder);
    const peer = ["peer", "name", VETH_SERVER_END, "netns", String(holder.pid)];
    run(["ip", "link", "add", VETH.device, "type", "veth", ...peer]);
    for (const { device } of [TUN, PLAIN_TUN]) {
      run(["ip", "tuntap", "add", device, "mode", "tun"]);
      run(["ip", "link", "set", device, "txqueuelen", String(TUN_QUEUE)]);
    }
    for (const one of [TUN, PLAIN_TUN, VETH]) {
      setUp([], one.device, one.load);
      addSources(one);
    }
    setUp(world.inServers, VETH_SERVER_END, VETH.server);
    // Short connections: ports enough, and no TIME-WAIT at the client, who closes first.
    run(["sysctl", "-q", "-w", "net.ipv4.ip_local_port_range=1024 65535", "net.ipv4.tcp_max_tw_buckets=0"]);
    const backlog = ["net.core.somaxconn=4096", "net.ipv4.tcp_max_syn_backlog=4096"];
    run([...world.inServers, "sysctl", "-q", "-w", ...backlog]);
    return world;
  }

  /** Ends the servers' namespace. */
  close(): void {
    this.#holder.kill();
  }
}

/** Whatever ends the process outside, this one goes too: its standard input, a pipe from there, is closed then. */
function endWithParent(): void {
  const fromParent = new Socket({ fd: 0, readable: true, writable: false });
  fromParent.on("close", () => process.exit(1)).resume();
  fromParent.unref();
}

function setUp(before: readonly string[], device: string, address: string): void {
  const prefix = `/${String(PREFIX_LENGTH)}`;
  const network = address.replace(/\d+$/, "0") + prefix;
  run([...before, "ip", "address", "add", address + prefix, "dev", device]);
  run([...before, "ip", "link", "set", device, "up"]);
  run([...before, "ip", "route", "replace", network, "dev", device, "src", address, "congctl", "cubic"]);
}

/** Without a route of their own: they are bound to. */
function addSources({ device, firstSource }: Link): void {
  for (let i = 0; i < IDLE_SOURCES; i++) {
    const address = firstSource.replace(/\d+$/, String(FIRST_SOURCE + i));
    run(["ip", "address", "add", `${address}/32`, "dev", device]);
  }
}

/** Frames towards the server that the link had no room for, since it was made. */
export function framesDropped(link: Link): number {
  const devices = readFileSync("/proc/self/net/dev", "latin1");
  const line = devices.split("\n").find((text) => text.trimStart().startsWith(`${link.device}:`)) ?? "";
  return Number(
    line
      .slice(line.indexOf(":") + 1)
      .trim()
      .split(/\s+/)[NET_DEV_TX_DROPPED],
  );
}

/** Column of `/proc/net/dev`: eight of reception, then octets, frames, errors and drops of transmission. */
const NET_DEV_TX_DROPPED = 11;
