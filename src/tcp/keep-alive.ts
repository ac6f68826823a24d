/** Keep-alive probes: RFC 9293 §3.8.4. */
import type { TcpConnection } from "./connection.ts";
import { livesByLinger } from "./linger.ts";
import { ESTABLISHED, FIN_WAIT_2, TIME_WAIT } from "./states.ts";
import { KEEP_ALIVE_DUE, LIFE_ARMED, OWNER_GONE, type Tcb } from "./tcb.ts";
import { armLife } from "./timers.ts";

/** How a silent peer is asked whether it is still there. */
export interface KeepAliveOptions {
  /** Silence after which the first probe is sent, in ms. Default two hours (MUST-28). */
  readonly idleMs?: number;
  /** Between probes, in ms. */
  readonly intervalMs?: number;
  /** Unanswered probes after which the connection has failed with ETIMEDOUT; one alone never does that (MUST-29). */
  readonly probes?: number;
}

/** MUST-28; the other two are Linux's. */
const IDLE_MS = 7_200_000,
  INTERVAL_MS = 75_000,
  PROBES = 9;

/** One connection's keep-alive, there only while it is switched on (MUST-24, MUST-25). */
export class KeepAlive {
  readonly #idleMs: number;
  readonly #intervalMs: number;
  readonly #probes: number;
  #heardAtMs: number;
  #unanswered = 0;

  constructor(options: KeepAliveOptions, nowMs: number) {
    this.#idleMs = Math.max(1, options.idleMs ?? IDLE_MS);
    this.#intervalMs = Math.max(1, options.intervalMs ?? INTERVAL_MS);
    this.#probes = Math.max(2, options.probes ?? PROBES);
    this.#heardAtMs = nowMs;
  }

  /** A segment has come. */
  heard(nowMs: number): void {
    this.#heardAtMs = nowMs;
    this.#unanswered = 0;
  }

  start(c: TcpConnection): void {
    armLife(c, this.#idleMs);
  }

  stop(c: TcpConnection): void {
    c.unset(LIFE_ARMED | KEEP_ALIVE_DUE);
  }

  /** Its deadline has come: sends a probe, waits on, or gives up (false). */
  expired(c: TcpConnection): boolean {
    const silentMs = (c.tcp.clock.nowMs - this.#heardAtMs) | 0;
    if (silentMs < this.#idleMs) {
      armLife(c, this.#idleMs - silentMs);
    } else if (c.flightSize > 0 || c.notSent > 0) {
      armLife(c, this.#idleMs); // MUST-26: retransmissions and probes of the window ask already.
    } else if (this.#unanswered >= this.#probes) {
      return false;
    } else {
      this.#unanswered++;
      c.tcp.counters.keepAliveProbes++;
      c.set(KEEP_ALIVE_DUE);
      c.wantsTurn();
      armLife(c, this.#intervalMs);
    }
    return true;
  }
}

/** Whether the deadline `lifeAtMs` is keep-alive's: elsewhere it ends a wait for a verdict, lingering, FIN-WAIT-2 or TIME-WAIT. */
export function livesByKeepAlive(c: Tcb): boolean {
  if (c.state < ESTABLISHED || c.state === TIME_WAIT) return false;
  return !(c.state === FIN_WAIT_2 && c.has(OWNER_GONE)) && !livesByLinger(c);
}
