import { stateName, type TcpState } from "../tcp/states.ts";

/** What can happen to a connection: segments by what they carry, timers, and calls of its owner. */
export const EVENTS = [
  "syn",
  "syn-ack",
  "rst",
  "fin",
  "text in order",
  "text beyond a hole",
  "text seen before",
  "ack of new",
  "ack of old",
  "retransmission timer",
  "delayed-ack timer",
  "life timer",
  "send",
  "end",
  "close",
  "abort",
] as const;

export type ConnectionEvent = (typeof EVENTS)[number];

/** How often each event met each state. */
export class StateCoverage {
  readonly #counts = new Map<ConnectionEvent, Float64Array>();

  note(state: TcpState, event: ConnectionEvent): void {
    let counts = this.#counts.get(event);
    if (counts === undefined) {
      counts = new Float64Array(16);
      this.#counts.set(event, counts);
    }
    counts[state]++;
  }

  /** As `"ESTABLISHED × fin": 3`, pairs that occurred alone, by event and state. */
  toObject(): Record<string, number> {
    const pairs: Record<string, number> = {};
    for (const event of EVENTS) {
      this.#counts.get(event)?.forEach((count, state) => {
        if (count > 0) pairs[`${stateName(state as TcpState)} × ${event}`] = count;
      });
    }
    return pairs;
  }
}
