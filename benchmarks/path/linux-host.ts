import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

import { TunDevice } from "../../src/device/tun.ts";
import { beside, run } from "../network/command.ts";
import { type Host, PORT, type SenderInfo } from "./host.ts";

/** A program that answers each line on its standard input with a line of JSON. */
class Answering {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string, undefined>;

  constructor(command: readonly string[]) {
    const [file = "", ...args] = command;
    const child = spawn(file, args, { stdio: ["pipe", "pipe", "inherit"] });
    this.#child = child;
    this.#lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  }

  /** Errors: it has ended. */
  async next(): Promise<unknown> {
    const line = await this.#lines.next();
    if (line.done === true) throw new Error(`${this.#child.spawnfile} has ended`);
    return JSON.parse(line.value) as unknown;
  }

  ask(): Promise<unknown> {
    this.#child.stdin?.write("\n");
    return this.next();
  }

  async close(): Promise<void> {
    const closed = once(this.#child, "close");
    this.#child.kill("SIGKILL");
    await closed;
  }
}

interface TcpInfo {
  readonly snd_cwnd: number;
  readonly snd_ssthresh: number;
  readonly snd_mss: number;
  readonly rtt: number;
  readonly total_retrans: number;
}

const PROGRAM = beside("kernel-host.py", import.meta.url);

/**
 * Linux' TCP in a network namespace of its own, with a TUN to this process as its only way out. CUBIC is set on the route;
 * nothing is remembered from one connection to the next. `offload`: it sends super-segments.
 */
export async function linuxHost(address: string, tunName: string, offload: boolean): Promise<Host> {
  // The holder lives as long as its standard input, which is ours, is open.
  const holder = spawn("unshare", ["--net", "--", "sh", "-c", "echo made; exec cat"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  await once(holder.stdout, "data");
  const pid = String(holder.pid);
  const inside = ["nsenter", `--net=/proc/${pid}/ns/net`, "--"];
  const device = TunDevice.open({ name: tunName, offload });
  run(["ip", "link", "set", tunName, "netns", pid]);
  run([...inside, "ip", "address", "add", `${address}/32`, "dev", tunName]);
  run([...inside, "ip", "link", "set", tunName, "up"]);
  run([...inside, "ip", "route", "add", "default", "dev", tunName, "src", address, "congctl", "cubic"]);
  run([...inside, "sysctl", "-q", "-w", "net.ipv4.tcp_no_metrics_save=1"]);
  const programs: Answering[] = [];
  const start = async (...args: readonly string[]): Promise<Answering> => {
    const program = new Answering([...inside, "python3", PROGRAM, ...args]);
    programs.push(program);
    await program.next();
    return program;
  };
  let receiver: Answering | null = null;
  let sender: Answering | null = null;
  return {
    address,
    device,
    async receive() {
      receiver = await start("receive", String(PORT));
    },
    async receivedFrom(from) {
      return ((await receiver?.ask()) as Record<string, number>)[from] ?? 0;
    },
    async send(to) {
      sender = await start("send", to, String(PORT));
    },
    async senderInfo(): Promise<SenderInfo> {
      const info = (await sender?.ask()) as TcpInfo;
      return {
        cwnd: info.snd_cwnd * info.snd_mss,
        ssthresh: info.snd_ssthresh * info.snd_mss,
        rttUs: info.rtt,
        totalRetrans: info.total_retrans,
      };
    },
    async stopSending() {
      await sender?.close();
    },
    async close() {
      for (const program of programs) await program.close();
      holder.kill();
    },
  };
}
