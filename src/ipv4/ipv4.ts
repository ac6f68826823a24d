import type { Address } from "../base/address.ts";
import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import type { Frame } from "../base/frame.ts";
import type { MemoryBudget } from "../base/memory-budget.ts";
import type { Random } from "../base/random.ts";
import { DATAGRAM_MAX } from "../base/rx-batch.ts";
import type { TxBatch } from "../base/tx-batch.ts";
import type { DropCounters, DropReason } from "../wire/drop-reason.ts";
import { CODE_REASSEMBLY } from "../wire/icmp.ts";
import {
  type Datagram,
  emitIpv4,
  FLAG_DONT_FRAGMENT,
  FLAG_MORE_FRAGMENTS,
  FRAGMENT_UNIT,
  IPV4_HEADER,
  type Outgoing,
  parseIpv4,
} from "../wire/ipv4.ts";
import { type Ipv4Counters, newIpv4Counters } from "./counters.ts";
import { Identifications } from "./identification.ts";
import { Reassembly, type ReassemblyLimits } from "./reassembly.ts";
import { BROADCAST, LOCAL, MARTIAN, MULTICAST, type Routes } from "./routes.ts";

// Read first: RFC 791; RFC 1122 §3; RFC 6864 (identification).

/** What became of a received datagram. */
export const DELIVER = 0;
/** Counted and gone. */
export const DROPPED = 1;
/** A fragment that waits for the others. */
export const HELD = 2;
export type Verdict = typeof DELIVER | typeof DROPPED | typeof HELD;

/** The errors that IPv4 itself has to report; `Icmp` is one of these. */
export interface Ipv4Errors {
  sendParameterProblem(datagram: Datagram, pointer: number): void;
  sendTimeExceeded(datagram: Datagram, code: number): void;
}

export interface Ipv4Options {
  readonly clock: Clock;
  readonly random: Random;
  readonly routes: Routes;
  /** Shared by the layers below TCP. */
  readonly drops: DropCounters;
  readonly memory: MemoryBudget;
  readonly limits?: Partial<ReassemblyLimits>;
}

/** The IPv4 layer of a host that forwards nothing: RFC 791 as RFC 1122 §3 reads it. */
export class Ipv4 {
  readonly routes: Routes;
  readonly counters: Ipv4Counters = newIpv4Counters();
  /** Set once `Icmp` exists, which needs this layer to send. */
  errors: Ipv4Errors | null = null;

  readonly #drops: DropCounters;
  readonly #identifications: Identifications;
  readonly #reassembly: Reassembly;

  constructor({ clock, random, routes, drops, memory, limits = {} }: Ipv4Options) {
    this.routes = routes;
    this.#drops = drops;
    this.#identifications = new Identifications(random);
    this.#reassembly = new Reassembly({ clock, drops, counters: this.counters, memory, limits });
    this.#reassembly.onTimeout = (first) => this.errors?.sendTimeExceeded(first, CODE_REASSEMBLY);
  }

  /** Octets that partial datagrams hold now. */
  get reassemblyOctets(): number {
    return this.#reassembly.octets;
  }

  /**
   * Takes the datagram in `frame.bytes[at, end)` that came on `link`.
   *
   * After DELIVER `into` is filled; of a reassembled datagram `into.frame` is another one, which nobody else uses.
   * Any TTL is taken, 0 included: RFC 1122 §3.2.1.7. What is for nobody here is dropped in silence: §3.2.1.3.
   * @hot
   */
  receive(
    frame: Frame,
    at: number,
    end: number,
    link: number,
    vouched: boolean,
    gsoSize: number,
    into: Datagram,
  ): Verdict {
    this.counters.inReceives++;
    const parsed = parseIpv4(frame, at, end, into);
    if (parsed !== "ok" && parsed !== "ip-option-malformed") {
      this.counters.inHdrErrors++;
      return this.#drop(parsed);
    }
    into.vouched = vouched;
    into.gsoSize = gsoSize;
    into.link = link;
    const misdirected = this.#checkAddresses(into);
    if (misdirected !== "ok") {
      this.counters.inAddrErrors++;
      return this.#drop(misdirected);
    }
    if (parsed === "ip-option-malformed") {
      this.counters.inHdrErrors++;
      this.errors?.sendParameterProblem(into, into.problemAt);
      return this.#drop(parsed);
    }
    if (into.moreFragments || into.fragmentOffset > 0) {
      const outcome = this.#reassembly.add(into);
      if (outcome !== "whole") return outcome === "held" ? HELD : DROPPED;
    }
    this.counters.inDelivers++;
    return DELIVER;
  }

  /**
   * Writes the network header of row `row`, whose transport header, pieces and `gsoSize` are in place.
   *
   * A datagram with `dontFragment` is atomic and its identification means nothing (RFC 6864 §4.1): it is 0, or counts up
   * from 0 where a device cuts a super-segment.
   * @hot
   */
  finish(
    tx: TxBatch,
    row: number,
    source: Address,
    destination: Address,
    protocol: number,
    ttl: number,
    tos: number,
    dontFragment: boolean,
  ): void {
    assert(tx.length[row] <= DATAGRAM_MAX, "a datagram has at most 65,535 octets");
    assert(dontFragment || tx.gsoSize[row] === 0, "a super-segment's datagrams are atomic");
    const identification = dontFragment ? 0 : this.#identifications.take(source, destination, protocol);
    const flags = dontFragment ? FLAG_DONT_FRAGMENT : 0;
    const at = tx.headerAt(row);
    emitIpv4(tx.head, at, tx.length[row], tos, identification, flags, ttl, protocol, source, destination);
  }

  /** Finds the way for `outgoing` and numbers it; false (and counted) where there is none. */
  prepare(outgoing: Outgoing): boolean {
    assert(IPV4_HEADER + outgoing.bytes.length <= DATAGRAM_MAX, "a datagram has at most 65,535 octets");
    const route = this.routes.lookup(outgoing.destination);
    if (route === null) {
      this.counters.outNoRoutes++;
      this.#drops["ip-no-route"]++;
      return false;
    }
    outgoing.link = route.link;
    outgoing.mtu = route.mtu;
    const { source, destination, protocol, dontFragment } = outgoing;
    outgoing.identification = dontFragment ? 0 : this.#identifications.take(source, destination, protocol);
    return true;
  }

  /**
   * Adds rows for what of `outgoing` has not been sent yet, cut into fragments where it exceeds its MTU (RFC 791 §3.2).
   * True once nothing is left; false where `tx` is full: call again with an emptier one.
   * What must not be fragmented and does not fit is dropped and counted.
   */
  send(tx: TxBatch, outgoing: Outgoing): boolean {
    const length = outgoing.bytes.length;
    const whole = IPV4_HEADER + length <= outgoing.mtu;
    if (!whole && outgoing.dontFragment) {
      this.counters.outFragFails++;
      this.#drops["ip-needs-fragmenting"]++;
      return true;
    }
    if (!whole && outgoing.sent === 0) this.counters.outFragReqds++;
    const fragmentMax = whole ? length : (outgoing.mtu - IPV4_HEADER) & -FRAGMENT_UNIT;
    while (tx.hasRoom()) {
      const take = Math.min(fragmentMax, length - outgoing.sent);
      this.#sendPart(tx, outgoing, take, outgoing.sent + take < length);
      if (!whole) this.counters.outFragCreates++;
      outgoing.sent += take;
      if (outgoing.sent === length) return true;
    }
    return false;
  }

  /** Gives up the reassemblies whose time is over. Cheap where there are none. */
  expire(): void {
    this.#reassembly.expire();
  }

  /** When `expire` wants a call, in ms of the clock (`nowUs / 1000`, not wrapped); `Infinity` for never. */
  nextDeadlineMs(): number {
    return this.#reassembly.nextDeadlineMs();
  }

  #sendPart(tx: TxBatch, outgoing: Outgoing, length: number, more: boolean): void {
    const { source, destination, protocol, ttl, tos, identification } = outgoing;
    const row = tx.open(0);
    if (length > 0) tx.addPiece(outgoing.bytes, outgoing.sent, length);
    let flags = outgoing.sent / FRAGMENT_UNIT;
    if (more) flags |= FLAG_MORE_FRAGMENTS;
    if (outgoing.dontFragment) flags |= FLAG_DONT_FRAGMENT;
    const at = tx.headerAt(row);
    emitIpv4(tx.head, at, IPV4_HEADER + length, tos, identification, flags, ttl, protocol, source, destination);
  }

  #checkAddresses(into: Datagram): "ok" | DropReason {
    if (this.routes.isBadSource(into.source, into.destination, into.link)) return "ip-source-martian";
    const kind = this.routes.destinationKind(into.destination, into.link);
    into.toHost = kind === LOCAL;
    if (kind === LOCAL || kind === BROADCAST) return "ok";
    if (kind === MULTICAST) return "ip-not-joined";
    return kind === MARTIAN ? "ip-destination-martian" : "ip-not-local";
  }

  #drop(reason: DropReason): Verdict {
    this.#drops[reason]++;
    return DROPPED;
  }
}
