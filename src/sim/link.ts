import { assert } from "../base/assert.ts";
import { type Random, randomBelow, randomUnit } from "../base/random.ts";
import { Fifo } from "../device/fifo.ts";
import type { Capture } from "./capture.ts";
import { isEcnCapable, markCongestion } from "./datagram-fields.ts";
import { SimEvent } from "./event-queue.ts";
import type { Fault, FaultCounts } from "./faults.ts";
import { checkProbability, type Loss, LossModel } from "./loss-model.ts";
import { NumberQueue } from "./number-queue.ts";
import type { OctetArena } from "./octet-arena.ts";
import { SimDatagram } from "./sim-datagram.ts";
import type { VirtualTimebase } from "./virtual-timebase.ts";

/** Octets that wait for a rate-limited direction at most, unless asked for otherwise. */
export const LINK_QUEUE_OCTETS_MAX = 256 * 1024;
/** Octets on one direction of a link in all, whatever for; more are dropped. */
export const IN_FLIGHT_OCTETS_MAX = 64 << 20;
/** A reordered datagram comes up to this much later, unless asked for otherwise. */
export const REORDER_MS = 10;

/** What one direction of a link does to datagrams. Probabilities are per datagram, in [0, 1]; nothing happens unless given. */
export interface DirectionOptions {
  /** Bits of datagram per second; unlimited unless given. */
  readonly rateBitsPerSecond?: number;
  /** Propagation delay, in ms. */
  readonly delayMs?: number;
  /** Further delay, uniform in [0, jitterMs], that never changes the order. */
  readonly jitterMs?: number;
  /** Octets that wait for the rate at most; `LINK_QUEUE_OCTETS_MAX` unless given. More are dropped at the tail. */
  readonly queueOctets?: number;
  readonly loss?: Loss;
  /** A second copy follows at once; it meets corruption, queue and reordering on its own. */
  readonly duplicate?: number;
  /** The datagram comes up to `reorderMs` later, and others that come meanwhile pass it. */
  readonly reorder?: number;
  readonly reorderMs?: number;
  /** One bit, anywhere in the datagram, is flipped. */
  readonly corrupt?: number;
  /** Longest datagram, in octets; 65,535 unless given. A router in front of the link fragments or refuses, a host's are lost. */
  readonly mtu?: number;
  /** Datagrams of ECN-capable senders are marked where this many octets or more wait already. RFC 3168. */
  readonly ecnThresholdOctets?: number;
}

/** What a link needs of its world. */
export interface LinkWorld {
  readonly time: VirtualTimebase;
  readonly capture: Capture;
  readonly faults: FaultCounts;
  readonly arena: OctetArena;
}

/** One end of a link, at a host or a router. */
export interface LinkEnd {
  /** A datagram has come over the link. It is never written to again. */
  arrives(datagram: SimDatagram): void;
}

/**
 * Sees a copy of every datagram that enters a direction, checksums in place, before anything else happens to it: "pass",
 * "drop", or another datagram in its place (its own copy, changed, will do).
 */
export type Interceptor = (datagram: Uint8Array) => "pass" | "drop" | Uint8Array;

/**
 * One direction of a link. Order of what happens: interceptor, loss, duplication; then for each copy corruption, the
 * queue for the rate (with marking), the wire (delay and jitter), reordering.
 */
export class LinkDirection {
  intercept: Interceptor | null = null;
  readonly #world: LinkWorld;
  readonly #random: Random;
  readonly #options: DirectionOptions;
  readonly #loss: LossModel;
  readonly #to: LinkEnd;
  readonly #fromInterface: number;
  readonly #toInterface: number;
  readonly #usPerOctet: number;
  /** What has not departed yet: departure times and lengths in turn. */
  readonly #departing = new NumberQueue();
  /** What arrives in the order in which it was sent, and for each when, its place in the order of events, and `#cuts` as it was. */
  readonly #flying = new Fifo<SimDatagram>();
  readonly #flights = new NumberQueue();
  /** The next of them arrives. */
  readonly #next = new SimEvent();
  #queuedOctets = 0;
  #inFlightOctets = 0;
  #lastDepartureUs = 0;
  #lastArrivalUs = 0;
  /** The order of the latest that has arrived. */
  #latest = -1;
  /** How often the link went down: what was on its way then is lost. */
  #cuts = 0;
  #up = true;
  #octets = 0;

  constructor(
    world: LinkWorld,
    random: Random,
    options: DirectionOptions,
    ends: { to: LinkEnd; fromInterface: number; toInterface: number },
  ) {
    const { duplicate = 0, reorder = 0, corrupt = 0, rateBitsPerSecond = Infinity } = options;
    for (const p of [duplicate, reorder, corrupt]) checkProbability(p);
    assert(rateBitsPerSecond > 0, "a link has a rate");
    this.#world = world;
    this.#random = random;
    this.#options = options;
    this.#loss = new LossModel(options.loss ?? 0, random);
    this.#to = ends.to;
    this.#fromInterface = ends.fromInterface;
    this.#toInterface = ends.toInterface;
    this.#usPerOctet = 8e6 / rateBitsPerSecond;
  }

  get mtu(): number {
    return this.#options.mtu ?? 65_535;
  }
  /** Octets of datagram that wait for the rate now. */
  get queuedOctets(): number {
    this.#depart();
    return this.#queuedOctets;
  }
  /** Octets of datagram that have come out at the far end. */
  get deliveredOctets(): number {
    return this.#octets;
  }

  set up(up: boolean) {
    if (this.#up && !up) this.#cuts++;
    this.#up = up;
  }
  get up(): boolean {
    return this.#up;
  }

  /** Takes a datagram over; nobody writes to it from now on. @hot */
  send(given: SimDatagram): void {
    given.frame.holds++;
    this.#send(given);
    given.frame.holds--;
  }

  #send(given: SimDatagram): void {
    if (!this.#up) return this.#drop(given, "link-down");
    const verdict = this.intercept === null ? "pass" : this.intercept(given.finished());
    if (verdict === "drop") return this.#drop(given, "intercept");
    if (verdict !== "pass") this.#world.faults.add("intercept");
    const datagram = verdict === "pass" ? given : SimDatagram.of(verdict);
    if (datagram.length > this.mtu) return this.#drop(datagram, "too-long");
    if (this.#loss.loses()) return this.#drop(datagram, this.#loss.isBursty ? "burst-loss" : "loss");
    const again = this.#happens(this.#options.duplicate);
    this.#enqueue(datagram, "");
    if (!again) return;
    this.#world.faults.add("duplicate");
    this.#enqueue(datagram, "duplicate");
  }

  #happens(p: number | undefined): boolean {
    return p !== undefined && p > 0 && randomUnit(this.#random) < p;
  }

  #drop(datagram: SimDatagram, fault: Fault): void {
    this.#world.faults.add(fault);
    this.#record(datagram, fault);
  }

  #record(datagram: SimDatagram, comment: string): void {
    const { capture, time } = this.#world;
    capture.record(time.nowUs(), this.#fromInterface, "outbound", datagram, comment);
  }

  #enqueue(original: SimDatagram, note: string): void {
    const { faults, time } = this.#world;
    const options = this.#options;
    this.#depart();
    if (this.#usPerOctet > 0 && this.#queuedOctets + original.length > (options.queueOctets ?? LINK_QUEUE_OCTETS_MAX)) {
      return this.#drop(original, "queue-drop");
    }
    if (this.#inFlightOctets + original.length > IN_FLIGHT_OCTETS_MAX) return this.#drop(original, "queue-drop");
    this.#record(original, note);
    let datagram = original;
    if (this.#happens(options.corrupt)) {
      datagram = this.#corrupted(datagram);
      faults.add("corrupt");
    }
    if (this.#queuedOctets >= (options.ecnThresholdOctets ?? Infinity) && isEcnCapable(datagram)) {
      datagram = datagram.copy(this.#world.arena);
      markCongestion(datagram);
      faults.add("ecn-mark");
    }
    const departsUs = Math.max(time.nowUs(), this.#lastDepartureUs) + datagram.length * this.#usPerOctet;
    this.#lastDepartureUs = departsUs;
    if (this.#usPerOctet > 0) {
      this.#departing.push(departsUs);
      this.#departing.push(datagram.length);
      this.#queuedOctets += datagram.length;
    }
    this.#fly(datagram, departsUs);
  }

  #corrupted(datagram: SimDatagram): SimDatagram {
    const bytes = datagram.finished();
    const bit = randomBelow(this.#random, bytes.length * 8);
    bytes[bit >>> 3] ^= 1 << (bit & 7);
    return SimDatagram.of(bytes);
  }

  #fly(datagram: SimDatagram, departsUs: number): void {
    const { delayMs = 0, jitterMs = 0, reorder, reorderMs = REORDER_MS } = this.#options;
    let atUs = Math.ceil(departsUs + delayMs * 1000);
    if (jitterMs > 0) {
      atUs += Math.ceil(randomUnit(this.#random) * jitterMs * 1000);
      this.#world.faults.add("jitter");
    }
    atUs = Math.max(atUs, this.#lastArrivalUs);
    const { time } = this.#world;
    const order = time.nextOrder();
    const cuts = this.#cuts;
    this.#inFlightOctets += datagram.length;
    datagram.frame.holds++;
    if (this.#happens(reorder)) {
      // Those that stay in order keep it among themselves: the one that comes late does not hold them up.
      atUs += 1 + Math.floor(randomUnit(this.#random) * reorderMs * 1000);
      time.place(new SimEvent(), atUs, order, () => {
        this.#arrive(datagram, order, cuts);
      });
      return;
    }
    this.#lastArrivalUs = atUs;
    if (this.#flying.length === 0) time.place(this.#next, atUs, order, this.#arriveNext);
    this.#flying.push(datagram);
    this.#flights.push(atUs);
    this.#flights.push(order);
    this.#flights.push(cuts);
  }

  readonly #arriveNext = (): void => {
    const datagram = this.#flying.shift();
    assert(datagram !== undefined, "what arrives was sent");
    this.#flights.shift();
    const order = this.#flights.shift();
    const cuts = this.#flights.shift();
    if (this.#flying.length > 0) {
      this.#world.time.place(this.#next, this.#flights.peek(), this.#flights.peek(1), this.#arriveNext);
    }
    this.#arrive(datagram, order, cuts);
  };

  #arrive(datagram: SimDatagram, order: number, cuts: number): void {
    const { faults } = this.#world;
    this.#inFlightOctets -= datagram.length;
    if (cuts !== this.#cuts) faults.add("link-down");
    else this.#deliver(datagram, order);
    datagram.frame.holds--;
  }

  #deliver(datagram: SimDatagram, order: number): void {
    const { faults, capture, time } = this.#world;
    if (order < this.#latest) faults.add("reorder");
    else this.#latest = order;
    this.#octets += datagram.length;
    capture.record(time.nowUs(), this.#toInterface, "inbound", datagram);
    this.#to.arrives(datagram);
  }

  #depart(): void {
    if (this.#departing.length === 0) return;
    const nowUs = this.#world.time.nowUs();
    while (this.#departing.length > 0 && this.#departing.peek() <= nowUs) {
      this.#departing.shift();
      this.#queuedOctets -= this.#departing.shift();
    }
  }
}
