import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";

import { run } from "./command.ts";
import { pinned, placement } from "./processors.ts";
import { COLLECTED, READY } from "./servers/roles.ts";

export interface CpuSeconds {
  /** In JavaScript, the addon and libraries. */
  readonly user: number;
  /** In the kernel on the process' behalf; for a TUN, the load's receive path runs inside our writes and is counted here. */
  readonly system: number;
}

/** proc(5): `utime` is field 14 and `stime` 15; what is left behind the name begins with the third. */
const STAT_UTIME = 11;
/** A server that has not ended by then, once it was asked to, is killed. */
const STOP_MS = 5000;
const OCTETS_PER_KIB = 1024;

/** A server under test, alone on its processor. */
export class ServerProcess {
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  readonly #ticksPerSecond = Number(run(["getconf", "CLK_TCK"]));
  #output = "";

  /** Users call `start`. */
  constructor(child: ChildProcess) {
    this.#child = child;
    this.#closed = once(child, "close");
    child.stdout?.setEncoding("latin1").on("data", (text: string) => (this.#output += text));
  }

  /** Resolves when it accepts connections. Errors: it ended before that. */
  static async start(command: readonly string[]): Promise<ServerProcess> {
    const [file = "", ...args] = pinned(placement().server, command);
    const server = new ServerProcess(spawn(file, args, { stdio: ["pipe", "pipe", "inherit"] }));
    await server.#says(READY, 0);
    return server;
  }

  /** All that it has printed. */
  get output(): string {
    return this.#output;
  }

  /** CPU time since it began, of all its threads. */
  cpu(): CpuSeconds {
    const stat = readFileSync(`/proc/${String(this.#child.pid)}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const seconds = (field: number): number => Number(fields[field]) / this.#ticksPerSecond;
    return { user: seconds(STAT_UTIME), system: seconds(STAT_UTIME + 1) };
  }

  /** Octets of resident memory once it has collected its garbage. Precondition: it was started with `--expose-gc`. */
  async residentOctets(): Promise<number> {
    const before = this.#output.length;
    this.#child.kill("SIGUSR2");
    await this.#says(COLLECTED, before);
    const status = readFileSync(`/proc/${String(this.#child.pid)}/status`, "latin1");
    return Number(/^VmRSS:\s*(\d+) kB/m.exec(status)?.[1]) * OCTETS_PER_KIB;
  }

  /** Asks it to end, by closing its standard input, and waits until it has. */
  async stop(): Promise<void> {
    const overdue = setTimeout(() => this.#child.kill("SIGKILL"), STOP_MS);
    this.#child.stdin?.end();
    await this.#closed;
    clearTimeout(overdue);
  }

  /** Resolves when `text` stands in its output from `from` on. */
  async #says(text: string, from: number): Promise<void> {
    const { stdout } = this.#child;
    while (!this.#output.includes(text, from)) {
      const more = stdout === null ? null : await Promise.race([once(stdout, "data"), this.#closed.then(() => null)]);
      if (more === null) throw new Error(`${this.#child.spawnargs.join(" ")} ended before it said ${text.trim()}`);
    }
  }
}
