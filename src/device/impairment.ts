import { assert } from "../base/assert.ts";
import { type Random, randomBelow, randomUnit } from "../base/random.ts";
import { Fifo } from "./fifo.ts";

/** Octets that wait for a rate-limited link at most, unless asked for otherwise: more are dropped from the tail. */
export const RATE_QUEUE_OCTETS_MAX = 256 * 1024;
/** Octets that one direction holds in all, whatever for (rate, delay, reordering): more are dropped from the tail. */
export const IN_FLIGHT_OCTETS_MAX = 64 << 20;
/** A reordered datagram lets 1 to this many later ones pass. */
export const REORDER_DEPTH_MAX = 3;
/** A reordered datagram waits this long at most for others to pass; then it goes on in vain. */
export const REORDER_HOLD_MS = 20;

/** What one direction of a link does to datagrams. Probabilities are per datagram, in [0, 1]; 0 unless given. */
export interface Impairment {
  readonly loss?: number;
  /** A second copy follows at once; it meets every fault but loss and duplication on its own. */
  readonly duplicate?: number;
  /** The datagram lets up to `REORDER_DEPTH_MAX` later ones pass. All others keep their order. */
  readonly reorder?: number;
  /** One bit, anywhere in the datagram, is flipped. */
  readonly corrupt?: number;
  /** Propagation delay, in ms. */
  readonly delayMs?: number;
  /** Further delay, uniform in [0, jitterMs), that never changes the order. */
  readonly jitterMs?: number;
  /** Rate of the link in bits of datagram per second; unlimited unless given. */
  readonly rateBitsPerSecond?: number;
  /** Octets that wait for the rate at most; `RATE_QUEUE_OCTETS_MAX` unless given. */
  readonly queueOctets?: number;
}

/**
 * What has happened to the datagrams of one direction, each whole and no longer than the MTU.
 * At any time: entered + duplicated = lost + queueDropped + overflowed + discarded + released + in flight.
 */
export interface ImpairmentCounters {
  entered: number;
  released: number;
  lost: number;
  duplicated: number;
  /** Overtaken by a later datagram. */
  reordered: number;
  /** Chosen to be reordered, but nothing came to overtake it within `REORDER_HOLD_MS`. */
  notOvertaken: number;
  corrupted: number;
  /** Dropped at the tail of the rate's queue. */
  queueDropped: number;
  /** Dropped because `IN_FLIGHT_OCTETS_MAX` octets were held already. */
  overflowed: number;
  /** Held when the link ended. */
  discarded: number;
}

interface Flight {
  readonly bytes: Uint8Array;
  /** When the last bit has left the queue for the rate. */
  readonly departsUs: number;
  /** When it arrives, reordering aside. */
  readonly dueUs: number;
  /** Later datagrams that it still lets pass. */
  passes: number;
  overtaken: boolean;
}

const newCounters = (): ImpairmentCounters => ({
  entered: 0,
  released: 0,
  lost: 0,
  duplicated: 0,
  reordered: 0,
  notOvertaken: 0,
  corrupted: 0,
  queueDropped: 0,
  overflowed: 0,
  discarded: 0,
});

/**
 * One direction of an imperfect link, sans-IO: datagrams and times in, datagrams out. What happens follows from the
 * random numbers and the order and times of the datagrams alone. Times are monotonic microseconds.
 *
 * Order of events: loss; duplication; then for each copy corruption, the queue for the rate, the wire (delay and jitter),
 * and at the far end reordering.
 */
export class ImpairedPath {
  readonly counters: ImpairmentCounters = newCounters();
  readonly #faults: Required<Impairment>;
  readonly #random: Random;
  /** Not yet departed: what fills the queue for the rate. */
  readonly #departing = new Fifo<Flight>();
  /** Everything on its way, by `dueUs`. */
  readonly #flying = new Fifo<Flight>();
  /** Arrived, and letting others pass; oldest first. */
  #held: Flight[] = [];
  #queuedOctets = 0;
  #octets = 0;
  #lastDepartureUs = 0;
  #lastDueUs = 0;

  constructor(faults: Impairment, random: Random) {
    this.#faults = {
      loss: faults.loss ?? 0,
      duplicate: faults.duplicate ?? 0,
      reorder: faults.reorder ?? 0,
      corrupt: faults.corrupt ?? 0,
      delayMs: faults.delayMs ?? 0,
      jitterMs: faults.jitterMs ?? 0,
      rateBitsPerSecond: faults.rateBitsPerSecond ?? Infinity,
      queueOctets: faults.queueOctets ?? RATE_QUEUE_OCTETS_MAX,
    };
    const { loss, duplicate, reorder, corrupt } = this.#faults;
    for (const p of [loss, duplicate, reorder, corrupt]) assert(p >= 0 && p <= 1, "a probability lies in [0, 1]");
    assert(this.#faults.rateBitsPerSecond > 0, "a link has a rate");
    this.#random = random;
  }

  /** Octets held, for whatever reason. */
  get octets(): number {
    return this.#octets;
  }

  /** Datagrams held, for whatever reason. */
  get datagrams(): number {
    return this.#flying.length + this.#held.length;
  }

  /** Sends `bytes` on its way; the path owns them from now on. */
  enter(bytes: Uint8Array, nowUs: number): void {
    this.counters.entered++;
    if (this.#happens(this.#faults.loss)) {
      this.counters.lost++;
      return;
    }
    const twice = this.#happens(this.#faults.duplicate);
    // Copied first: what happens to one octet of the original does not happen to the copy.
    const copy = twice ? bytes.slice() : bytes;
    this.#queue(bytes, nowUs);
    if (!twice) return;
    this.counters.duplicated++;
    this.#queue(copy, nowUs);
  }

  /** When `release` has something to do next, or `Infinity`. */
  nextUs(): number {
    const due = this.#flying.peek()?.dueUs ?? Infinity;
    const held = this.#held.length === 0 ? Infinity : this.#held[0].dueUs + REORDER_HOLD_MS * 1000;
    return Math.min(due, held);
  }

  /** Hands everything that has arrived by `nowUs` to `emit`, in the order of its arrival. */
  release(nowUs: number, emit: (bytes: Uint8Array) => void): void {
    for (;;) {
      const next = this.nextUs();
      if (next > nowUs) return;
      if (this.#flying.peek()?.dueUs === next) this.#arrive(emit);
      else this.#letGo(emit);
    }
  }

  /** Forgets everything that is on its way. */
  discard(): void {
    this.counters.discarded += this.datagrams;
    this.#departing.clear();
    this.#flying.clear();
    this.#held = [];
    this.#queuedOctets = 0;
    this.#octets = 0;
  }

  #happens(probability: number): boolean {
    return probability > 0 && randomUnit(this.#random) < probability;
  }

  #queue(bytes: Uint8Array, nowUs: number): void {
    const faults = this.#faults;
    if (this.#happens(faults.corrupt)) {
      const bit = randomBelow(this.#random, bytes.length * 8);
      bytes[bit >>> 3] ^= 1 << (bit & 7);
      this.counters.corrupted++;
    }
    const passes = this.#happens(faults.reorder) ? 1 + randomBelow(this.#random, REORDER_DEPTH_MAX) : 0;
    const jitterUs = faults.jitterMs > 0 ? randomUnit(this.#random) * faults.jitterMs * 1000 : 0;

    this.#depart(nowUs);
    if (this.#octets + bytes.length > IN_FLIGHT_OCTETS_MAX) {
      this.counters.overflowed++;
      return;
    }
    if (faults.rateBitsPerSecond < Infinity && this.#queuedOctets + bytes.length > faults.queueOctets) {
      this.counters.queueDropped++;
      return;
    }
    const sendUs = (bytes.length * 8e6) / faults.rateBitsPerSecond;
    const departsUs = Math.max(nowUs, this.#lastDepartureUs) + sendUs;
    // Whole microseconds, so that a timer set for it is never a fraction early.
    const dueUs = Math.max(Math.ceil(departsUs + faults.delayMs * 1000 + jitterUs), this.#lastDueUs);
    const flight: Flight = { bytes, departsUs, dueUs, passes, overtaken: false };
    this.#lastDepartureUs = departsUs;
    this.#lastDueUs = dueUs;
    this.#octets += bytes.length;
    this.#flying.push(flight);
    if (faults.rateBitsPerSecond < Infinity) {
      this.#queuedOctets += bytes.length;
      this.#departing.push(flight);
    }
  }

  #depart(nowUs: number): void {
    for (let next = this.#departing.peek(); next !== undefined && next.departsUs <= nowUs;) {
      this.#departing.shift();
      this.#queuedOctets -= next.bytes.length;
      next = this.#departing.peek();
    }
  }

  /** The oldest datagram on the wire arrives: it is held to be overtaken, or overtakes those that are. */
  #arrive(emit: (bytes: Uint8Array) => void): void {
    const flight = this.#flying.shift();
    assert(flight !== undefined, "something is due");
    if (flight.passes > 0) {
      this.#held.push(flight);
      return;
    }
    this.#emit(flight, emit);
    if (this.#held.length === 0) return;
    const freed: Flight[] = [];
    const kept: Flight[] = [];
    for (const held of this.#held) {
      held.overtaken = true;
      held.passes--;
      (held.passes === 0 ? freed : kept).push(held);
    }
    this.#held = kept;
    for (const held of freed) this.#emit(held, emit);
  }

  /** The datagram held longest has waited long enough. */
  #letGo(emit: (bytes: Uint8Array) => void): void {
    const held = this.#held.shift();
    assert(held !== undefined, "something is held");
    this.#emit(held, emit);
  }

  #emit(flight: Flight, emit: (bytes: Uint8Array) => void): void {
    this.#octets -= flight.bytes.length;
    this.counters.released++;
    if (flight.overtaken) this.counters.reordered++;
    else if (flight.passes > 0) this.counters.notOvertaken++;
    emit(flight.bytes);
  }
}
