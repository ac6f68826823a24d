/** Everything that the simulator can do to a datagram or to a node, by name; a run counts each. */
export const FAULTS = [
  /** Lost alone, and lost in a burst (Gilbert-Elliott). */
  "loss",
  "burst-loss",
  "duplicate",
  /** Overtaken by a later datagram. */
  "reorder",
  "corrupt",
  /** Delayed beyond the link's own delay. */
  "jitter",
  /** Dropped at the tail of a full queue. */
  "queue-drop",
  "ecn-mark",
  /** Longer than the link takes. */
  "too-long",
  /** Lost because the link was down, or went down while it was on its way. */
  "link-down",
  "partition",
  /** Dropped or changed by an interceptor. */
  "intercept",
  /** What a router dropped or cut. */
  "ttl-exceeded",
  "no-route",
  "fragmentation-needed",
  "fragmented",
  "malformed",
  /** The host was down, or its interface full. */
  "host-down",
  "ring-full",
  "pause",
  "crash",
  "restart",
] as const;

export type Fault = (typeof FAULTS)[number];

/** How often each fault has happened. */
export class FaultCounts {
  readonly #counts = new Map<Fault, number>();

  add(fault: Fault, times = 1): void {
    this.#counts.set(fault, this.get(fault) + times);
  }

  get(fault: Fault): number {
    return this.#counts.get(fault) ?? 0;
  }

  /** Those that happened, in the order of `FAULTS`. */
  toObject(): Partial<Record<Fault, number>> {
    return Object.fromEntries(FAULTS.filter((fault) => this.get(fault) > 0).map((fault) => [fault, this.get(fault)]));
  }
}
