/** What the simulator does to a datagram or to a node of its own accord, as links, partitions, routers and hosts are told to. */
export const INJECTED_FAULTS = [
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
  /** Lost because the link was down, or went down while it was on its way. */
  "link-down",
  "partition",
  /** Dropped or changed by an interceptor. */
  "intercept",
  /** A router had no way to go for it, or only one whose MTU is too small. */
  "no-route",
  "fragmentation-needed",
  "pause",
  "crash",
  "restart",
] as const;

/** What comes of those, or of a program's own doing. */
export const CONSEQUENCES = [
  /** Longer than the link takes, without a router in front of it that could tell. */
  "too-long",
  "ttl-exceeded",
  "fragmented",
  "malformed",
  /** The host was down, or its interface full. */
  "host-down",
  "ring-full",
] as const;

/** Everything that happens to datagrams and nodes, by name; a run counts each. */
export const FAULTS = [...INJECTED_FAULTS, ...CONSEQUENCES] as const;

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
