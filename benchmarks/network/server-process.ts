import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";

import { run } from "./command.ts";
import { pinned, placement } from "./processors.ts";

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

/** A server under test, alone on its processor. */
export class ServerProcess {
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  readonly #ticksPerSecond = Number(run(["getconf", "CLK_TCK"]));

  /** Users call `start`. */
  constructor(child: ChildProcess, closed: Promise<unknown>) {
    this.#child = child;
    this.#closed = closed;
  }

  /** Resolves when it accepts connections. Errors: it ended before that. */
  static async start(command: readonly string[]): Promise<ServerProcess> {
    const [file = "", ...args] = pinned(placement().server, command);
    const child = spawn(file, args, { stdio: ["pipe", "pipe", "inherit"] });
    const closed = once(child, "close");
    const first = await Promise.race([once(child.stdout, "data"), closed.then(() => null)]);
    if (first === null) throw new Error(`${command.join(" ")} ended before it was ready`);
    return new ServerProcess(child, closed);
  }

  /** CPU time since it began, of all its threads. */
  cpu(): CpuSeconds {
    const stat = readFileSync(`/proc/${String(this.#child.pid)}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const seconds = (field: number): number => Number(fields[field]) / this.#ticksPerSecond;
    return { user: seconds(STAT_UTIME), system: seconds(STAT_UTIME + 1) };
  }

  /** Asks it to end, by closing its standard input, and waits until it has. */
  async stop(): Promise<void> {
    const overdue = setTimeout(() => this.#child.kill("SIGKILL"), STOP_MS);
    this.#child.stdin?.end();
    await this.#closed;
    clearTimeout(overdue);
  }
}
