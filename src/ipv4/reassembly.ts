import type { Clock } from "../base/clock.ts";
import type { MemoryBudget } from "../base/memory-budget.ts";
import { DATAGRAM_MAX } from "../base/rx-batch.ts";
import type { DropCounters, DropReason } from "../wire/drop-reason.ts";
import { Datagram, FRAGMENT_UNIT, PROTOCOL_TCP } from "../wire/ipv4.ts";
import type { Ipv4Counters } from "./counters.ts";
import { PartialDatagram } from "./partial-datagram.ts";

/** Bounds of what peers can make the host keep. When one is reached the oldest partial datagram is given up. */
export interface ReassemblyLimits {
  /** Octets of all buffers together. */
  readonly octetsMax: number;
  /** Octets of the buffers of one source: its own oldest make way for its newest, not others'. */
  readonly octetsPerSourceMax: number;
  /** Partial datagrams of all sources, those condemned included. */
  readonly datagramsMax: number;
  readonly datagramsPerSourceMax: number;
  /** Fragments of one datagram: 65,535 octets over an MTU of 296 need 240. */
  readonly fragmentsMax: number;
  /** RFC 1122 §3.3.2: 60 to 120 s, and never put off by later fragments. */
  readonly timeoutMs: number;
}

export const REASSEMBLY_LIMITS: ReassemblyLimits = {
  octetsMax: 4 << 20,
  octetsPerSourceMax: 1 << 20,
  datagramsMax: 256,
  datagramsPerSourceMax: 64,
  fragmentsMax: 256,
  timeoutMs: 60_000,
};

const TCP_HEADER_MIN = 20;
const TCP_DATA_OFFSET = 12;

export interface ReassemblyOptions {
  readonly clock: Clock;
  readonly drops: DropCounters;
  readonly counters: Ipv4Counters;
  readonly memory: MemoryBudget;
  readonly limits?: Partial<ReassemblyLimits>;
}

/** Puts fragments together: RFC 791 §3.2, RFC 815, RFC 1122 §3.3.2. Work per fragment is linear in its length and in `fragmentsMax`. */
export class Reassembly {
  /** Told when a datagram's time is over whose first fragment had come; lent for the length of the call. */
  onTimeout: ((first: Datagram) => void) | null = null;

  readonly #clock: Clock;
  readonly #drops: DropCounters;
  readonly #counters: Ipv4Counters;
  readonly #limits: ReassemblyLimits;
  readonly #memory: MemoryBudget;
  /** Oldest first; at most `datagramsMax`. */
  readonly #partials: PartialDatagram[] = [];
  #octets = 0;
  readonly #timedOut = new Datagram();

  constructor({ clock, drops, counters, memory, limits }: ReassemblyOptions) {
    this.#clock = clock;
    this.#drops = drops;
    this.#counters = counters;
    this.#memory = memory;
    this.#limits = { ...REASSEMBLY_LIMITS, ...limits };
  }

  /** Octets of memory held now: never more than `octetsMax`. */
  get octets(): number {
    return this.#octets;
  }
  get datagrams(): number {
    return this.#partials.length;
  }

  /**
   * Takes `fragment`; "whole" when it was the last one missing and the record now holds the reassembled datagram, with a
   * `frame` of its own. "held" where more must come. Otherwise the reason why it was dropped, already counted.
   */
  add(fragment: Datagram): "whole" | "held" | DropReason {
    this.#counters.reasmReqds++;
    const flaw = checkFragment(fragment);
    if (flaw !== "ok") return this.#drop(flaw);
    const partial = this.#find(fragment) ?? this.#create(fragment);
    if (partial.condemned !== null) return this.#drop(partial.condemned);
    const place = partial.place(fragment);
    if (place === "duplicate") return "held";
    if (typeof place === "string") return this.#condemn(partial, place);
    if (partial.fragments >= this.#limits.fragmentsMax) return this.#condemn(partial, "fragment-count");
    const capacity = partial.capacityFor(fragment);
    if (!this.#makeRoom(partial, capacity - partial.capacity)) return this.#condemn(partial, "fragment-evicted");
    this.#account(capacity - partial.capacity);
    partial.insert(fragment, place, capacity);
    if (!partial.complete) return "held";
    this.#remove(partial);
    const released = partial.release(fragment);
    if (released !== "ok") {
      this.#counters.reasmFails++;
      return this.#drop(released);
    }
    this.#counters.reasmOks++;
    return "whole";
  }

  /** Gives up what has waited for `timeoutMs`; cheap where nothing has. */
  expire(): void {
    const nowMs = this.#clock.nowUs / 1000;
    while (this.nextDeadlineMs() <= nowMs) {
      const partial = this.#partials[0];
      const first = this.#timedOut;
      const quotable = partial.quoteFirst(first);
      this.#giveUp(partial, "fragment-timeout");
      if (quotable) this.onTimeout?.(first);
    }
  }

  /** In ms of the clock (`nowUs / 1000`, not wrapped); `Infinity` where nothing waits. */
  nextDeadlineMs(): number {
    return this.#partials.length > 0 ? this.#partials[0].sinceMs + this.#limits.timeoutMs : Infinity;
  }

  #find(fragment: Datagram): PartialDatagram | null {
    // Newest first: fragments of one datagram mostly follow each other.
    for (let i = this.#partials.length - 1; i >= 0; i--)
      if (this.#partials[i].matches(fragment)) return this.#partials[i];
    return null;
  }

  #create(fragment: Datagram): PartialDatagram {
    let ofSource = 0;
    let oldestOfSource: PartialDatagram | null = null;
    for (const partial of this.#partials) {
      if (partial.source !== fragment.source) continue;
      ofSource++;
      oldestOfSource ??= partial;
    }
    if (oldestOfSource !== null && ofSource >= this.#limits.datagramsPerSourceMax) {
      this.#giveUp(oldestOfSource, "fragment-evicted");
    } else if (this.#partials.length >= this.#limits.datagramsMax) {
      this.#giveUp(this.#partials[0], "fragment-evicted");
    }
    const partial = new PartialDatagram(fragment, this.#clock.nowUs / 1000);
    this.#partials.push(partial);
    return partial;
  }

  /** Gives up the oldest others until `octets` more fit, those of its own source before any other; false where they never will. */
  #makeRoom(keep: PartialDatagram, octets: number): boolean {
    const { octetsMax, octetsPerSourceMax } = this.#limits;
    if (octets <= 0) return true;
    const ofSource = (partial: PartialDatagram): boolean => partial.source === keep.source;
    let own = octets;
    for (const partial of this.#partials) if (ofSource(partial)) own += partial.capacity;
    own -= this.#giveUpOldest(keep, own - octetsPerSourceMax, ofSource);
    if (own > octetsPerSourceMax) return false;
    const beyond = (): number => this.#octets + octets - Math.min(octetsMax, this.#octets + this.#memory.free);
    this.#giveUpOldest(keep, beyond(), () => true);
    return beyond() <= 0;
  }

  /** Gives up the oldest of `which` until `octets` are free, `keep` aside; returns how many are. */
  #giveUpOldest(keep: PartialDatagram, octets: number, which: (partial: PartialDatagram) => boolean): number {
    let freed = 0;
    for (let i = 0; freed < octets && i < this.#partials.length;) {
      const partial = this.#partials[i];
      if (partial === keep || partial.capacity === 0 || !which(partial)) i++;
      else {
        freed += partial.capacity;
        this.#giveUp(partial, "fragment-evicted");
      }
    }
    return freed;
  }

  #account(octets: number): void {
    this.#octets += octets;
    this.#memory.reassembly += octets;
  }

  #condemn(partial: PartialDatagram, reason: DropReason): DropReason {
    this.#account(-partial.capacity);
    partial.condemn(reason);
    this.#counters.reasmFails++;
    return this.#drop(reason);
  }

  #giveUp(partial: PartialDatagram, reason: DropReason): void {
    this.#remove(partial);
    if (partial.condemned !== null) return; // Counted when it was.
    this.#counters.reasmFails++;
    this.#drops[reason]++;
  }

  #remove(partial: PartialDatagram): void {
    this.#partials.splice(this.#partials.indexOf(partial), 1);
    this.#account(-partial.capacity);
  }

  #drop(reason: DropReason): DropReason {
    this.#drops[reason]++;
    return reason;
  }
}

/**
 * What a fragment must be by itself. RFC 791 §3.2 (units of eight octets, 65,535 in all); RFC 1858 §3.2.2 and RFC 3128 §3
 * (a TCP header is never split, neither by a tiny first fragment nor by one at offset 1).
 */
function checkFragment(fragment: Datagram): "ok" | DropReason {
  const length = fragment.end - fragment.payloadAt;
  if (length === 0 || (fragment.moreFragments && length % FRAGMENT_UNIT !== 0)) return "fragment-length";
  const headerLength = fragment.payloadAt - fragment.at;
  if (headerLength + fragment.fragmentOffset + length > DATAGRAM_MAX) return "fragment-too-long";
  if (fragment.protocol !== PROTOCOL_TCP) return "ok";
  if (fragment.fragmentOffset === FRAGMENT_UNIT) return "fragment-tiny";
  if (fragment.fragmentOffset > 0) return "ok";
  if (length < TCP_HEADER_MIN) return "fragment-tiny";
  const tcpHeaderLength = (fragment.frame.bytes[fragment.payloadAt + TCP_DATA_OFFSET] >> 4) * 4;
  return tcpHeaderLength > length ? "fragment-tiny" : "ok";
}
