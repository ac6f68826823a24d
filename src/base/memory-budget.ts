/** What a queue may always hold while anything is free at all, in octets. */
export const QUEUE_MIN = 1024;
/** The share of whoever is not limited: below 2^30, so that it is a small integer. */
const UNLIMITED = 0x3fff_ffff;

/**
 * What a stack may keep because of its peers, the queues of all connections together: text that nobody has read, text
 * beyond a hole, text that is not acknowledged, datagrams of which fragments are missing. design.md §7.
 *
 * Calm, below a quarter of `max`: every queue has what its own bounds allow. Tight, above it: a queue may hold an equal
 * part of a sixteenth of `max`, or more where it has shown to move that much (`earned`) and a sixteenth of what is free
 * allows it. So whoever only sits on memory gets little of it, and whoever uses it finds some free: `n` queues that came
 * one after the other and only sit hold a quarter and ln(n) sixteenths of `max` at most. (Thresholds by what is free are
 * those of switches with shared memory: Choudhury and Hahne 1998.)
 *
 * Text to send counts up to half of `max`: it is the application that hands it over, in writes of any size, and what is
 * received must find room whatever the application does.
 *
 * Units: octets of memory, what holds the text included. Whoever keeps octets adds them to an account, and takes them off.
 */
export class MemoryBudget {
  readonly max: number;
  receive = 0;
  outOfOrder = 0;
  send = 0;
  reassembly = 0;
  /** Queues of connections that hold something now: three a connection at most. */
  queues = 0;
  readonly #calm: number;
  readonly #half: number;

  constructor(max: number) {
    this.max = max;
    this.#calm = Math.floor(max / 4);
    this.#half = Math.floor(max / 2);
  }

  /** What counts against `max`. */
  get used(): number {
    return this.receive + this.outOfOrder + this.reassembly + Math.min(this.send, this.#half);
  }
  /** Octets that may still be received and kept. */
  get free(): number {
    return this.max - this.used;
  }
  /** Octets that may still be queued to be sent. */
  get freeToSend(): number {
    return Math.min(this.max - this.used, this.#half - this.send);
  }
  get isTight(): boolean {
    return this.used > this.#calm;
  }

  /** Octets that one queue of received text may hold now. `earned`: twice what it has moved in a round trip. @hot */
  share(earned: number): number {
    return this.isTight ? this.#share(this.free, earned) : UNLIMITED;
  }

  /** The same of text to be sent. @hot */
  shareToSend(earned: number): number {
    return this.isTight ? this.#share(this.freeToSend, earned) : UNLIMITED;
  }

  /** Octets that a queue which holds `held` may add now: `used` never exceeds `max` where all ask first. @hot */
  room(held: number, earned: number): number {
    return Math.max(0, Math.min(this.share(earned) - held, this.free));
  }

  #share(free: number, earned: number): number {
    const equal = Math.max(QUEUE_MIN, Math.floor(this.max / 16 / Math.max(1, this.queues)));
    return Math.max(equal, Math.min(earned, Math.floor(free / 16)));
  }
}
