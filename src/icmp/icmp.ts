import type { Address } from "../base/address.ts";
import type { Clock } from "../base/clock.ts";
import { Frame } from "../base/frame.ts";
import type { Random } from "../base/random.ts";
import type { TxBatch } from "../base/tx-batch.ts";
import type { DropCounters, DropReason } from "../wire/drop-reason.ts";
import {
  ICMP_HEADER,
  IcmpError,
  IcmpHeader,
  isIcmpQuery,
  parseIcmp,
  sealIcmp,
  TYPE_ECHO_REPLY,
  TYPE_ECHO_REQUEST,
  TYPE_PARAMETER_PROBLEM,
  TYPE_TIME_EXCEEDED,
  TYPE_UNREACHABLE,
} from "../wire/icmp.ts";
import { type Datagram, DEFAULT_TTL, IPV4_HEADER, Outgoing, PROTOCOL_ICMP } from "../wire/ipv4.ts";
import { ERROR_LIMITS, ErrorLimiter, type ErrorLimits } from "./error-limiter.ts";
import { ReplyQueue } from "./reply-queue.ts";

// Read first: RFC 792; RFC 1122 §3.2.2. Types that RFC 6918 deprecates, timestamps among what a host MAY leave out
// (RFC 1122 §3.2.2.8), redirects (we have no gateways) and source quench (RFC 6633) are dropped in silence.

/** A whole error has at most this many octets. RFC 1812 §4.3.2.3. */
export const ERROR_DATAGRAM_MAX = 576;
const QUOTE_MAX = ERROR_DATAGRAM_MAX - IPV4_HEADER - ICMP_HEADER;
/** The two ECN bits of the old TOS octet: an answer repeats the rest of it (RFC 1349 §5.1), never these. */
const ECN_MASK = 3;

export interface IcmpLimits extends ErrorLimits {
  /** Messages that wait to be sent, and their octets. */
  readonly queueMax: number;
  readonly queueOctetsMax: number;
}

export const ICMP_LIMITS: IcmpLimits = { ...ERROR_LIMITS, queueMax: 1_024, queueOctetsMax: 1 << 20 };

/** What ICMP needs of the layer below; `Ipv4` is one of these. */
export interface IcmpNetwork {
  readonly routes: { receivesFor(address: Address, link: number): boolean };
  prepare(outgoing: Outgoing): boolean;
  send(tx: TxBatch, outgoing: Outgoing): boolean;
}

export interface IcmpHooks {
  /** A router or a host reports on a datagram of ours. `error` is lent for the length of the call. */
  onError(error: IcmpError): void;
  /** Somebody answers an echo request: the data are `datagram.frame.bytes[dataAt, datagram.end)`, lent likewise. */
  onEchoReply?(datagram: Datagram, identifier: number, sequence: number, dataAt: number): void;
}

/** Counts of ICMP, named as the objects `icmpStats…` and, by type, `icmpMsgStats…` of RFC 4293. */
export interface IcmpCounters {
  inMsgs: number;
  inErrors: number;
  outMsgs: number;
  outErrors: number;
  readonly inPkts: Float64Array;
  readonly outPkts: Float64Array;
}

export interface IcmpOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly network: IcmpNetwork;
  readonly drops: DropCounters;
  readonly limits?: Partial<IcmpLimits>;
  readonly hooks: IcmpHooks;
  readonly ttl?: number;
}

/** ICMP of a host: answers echo requests, reads errors, sends those that IPv4, UDP and the stack ask for. */
export class Icmp {
  readonly counters: IcmpCounters = {
    inMsgs: 0,
    inErrors: 0,
    outMsgs: 0,
    outErrors: 0,
    inPkts: new Float64Array(256),
    outPkts: new Float64Array(256),
  };

  readonly #network: IcmpNetwork;
  readonly #drops: DropCounters;
  readonly #hooks: IcmpHooks;
  readonly #ttl: number;
  readonly #limiter: ErrorLimiter;
  readonly #queue: ReplyQueue;
  readonly #header = new IcmpHeader();
  readonly #error = new IcmpError();

  constructor({ clock, random, network, drops, limits = {}, hooks, ttl = DEFAULT_TTL }: IcmpOptions) {
    const all = { ...ICMP_LIMITS, ...limits };
    this.#network = network;
    this.#drops = drops;
    this.#hooks = hooks;
    this.#ttl = ttl;
    this.#limiter = new ErrorLimiter(clock, random, all);
    this.#queue = new ReplyQueue(all.queueMax, all.queueOctetsMax);
  }

  /** Takes the ICMP message of a datagram that `Ipv4.receive` has delivered. Never throws. */
  input(datagram: Datagram): void {
    this.counters.inMsgs++;
    const parsed = parseIcmp(datagram);
    if (parsed !== "ok") {
      this.counters.inErrors++;
      this.#drops[parsed]++;
      return;
    }
    const header = this.#header.wrap(datagram.frame, datagram.payloadAt);
    this.counters.inPkts[header.type]++;
    // RFC 1122 §3.2.2.6 allows silence to a broadcast ping; nothing else is sent to many either.
    if (!datagram.toHost) {
      this.#drops["icmp-not-unicast"]++;
      return;
    }
    switch (header.type) {
      case TYPE_ECHO_REQUEST:
        this.#answerEcho(datagram);
        break;
      case TYPE_ECHO_REPLY:
        this.#hooks.onEchoReply?.(datagram, header.identifier, header.sequence, header.dataAt);
        break;
      case TYPE_UNREACHABLE:
      case TYPE_TIME_EXCEEDED:
      case TYPE_PARAMETER_PROBLEM:
        this.#readError(datagram);
        break;
      default:
        this.#drops["icmp-ignored"]++;
    }
  }

  /** Tells the sender of `datagram` that it cannot be delivered: `CODE_PROTOCOL`, `CODE_PORT`. RFC 1122 §3.2.2.1. */
  sendUnreachable(datagram: Datagram, code: number): void {
    this.#sendError(datagram, TYPE_UNREACHABLE, code, 0);
  }

  /** `CODE_REASSEMBLY`, with `datagram` the first fragment. RFC 1122 §3.3.2. */
  sendTimeExceeded(datagram: Datagram, code: number): void {
    this.#sendError(datagram, TYPE_TIME_EXCEEDED, code, 0);
  }

  /** The octet at `pointer` of the datagram is at fault. RFC 1122 §3.2.2.5. */
  sendParameterProblem(datagram: Datagram, pointer: number): void {
    this.#sendError(datagram, TYPE_PARAMETER_PROBLEM, 0, pointer << 24);
  }

  hasOutput(link: number): boolean {
    return this.#queue.front(link) !== null;
  }

  /** Adds what waits for `link` to `tx`, in order, until `tx` is full or nothing waits. Rows borrow octets that never change. */
  output(tx: TxBatch, link: number): void {
    for (;;) {
      const outgoing = this.#queue.front(link);
      if (outgoing === null || !this.#network.send(tx, outgoing)) return;
      this.#queue.shift(link);
    }
  }

  /**
   * RFC 1122 §3.2.2.6: the same identifier, sequence number and data, from the address that was asked.
   * Departs from it in that options (record route, timestamp) are not repeated: we send none.
   */
  #answerEcho(datagram: Datagram): void {
    const length = datagram.end - datagram.payloadAt;
    if (!this.#hasRoomFor(length)) return;
    const reply = new Frame(datagram.frame.bytes.slice(datagram.payloadAt, datagram.end));
    const header = this.#header;
    sealIcmp(reply, TYPE_ECHO_REPLY, 0, (header.identifier << 16) | header.sequence);
    this.#push(reply, TYPE_ECHO_REPLY, datagram, datagram.tos & ~ECN_MASK);
  }

  /** RFC 1122 §3.2.2: what it quotes must be something that this host can have sent; transports check more. */
  #readError(datagram: Datagram): void {
    const error = this.#error;
    const read = error.read(datagram);
    if (read !== "ok") {
      this.counters.inErrors++;
      this.#drops[read]++;
    } else if (!this.#network.routes.receivesFor(error.quotedSource, datagram.link)) {
      this.#drops["icmp-quote-foreign"]++;
    } else {
      this.#hooks.onError(error);
    }
  }

  /** Sends an error to the source of `datagram` where the RFCs allow one and the limits leave one. */
  #sendError(datagram: Datagram, type: number, code: number, rest: number): void {
    const refusal = this.#checkError(datagram);
    if (refusal !== "ok") {
      this.counters.outErrors++;
      this.#drops[refusal]++;
      return;
    }
    const quoted = Math.min(QUOTE_MAX, datagram.end - datagram.at);
    if (!this.#hasRoomFor(ICMP_HEADER + quoted)) return;
    const message = Frame.ofSize(ICMP_HEADER + quoted);
    message.bytes.set(datagram.frame.bytes.subarray(datagram.at, datagram.at + quoted), ICMP_HEADER);
    sealIcmp(message, type, code, rest);
    this.#push(message, type, datagram, 0);
  }

  /**
   * RFC 1122 §3.2.2: none about an ICMP error, a broadcast or multicast, or a fragment that is not the first. That the
   * source is a single host, `Ipv4.receive` has seen to.
   */
  #checkError(datagram: Datagram): "ok" | DropReason {
    if (!datagram.toHost || datagram.fragmentOffset > 0) return "icmp-not-answerable";
    if (datagram.protocol === PROTOCOL_ICMP) {
      const known = datagram.end > datagram.payloadAt;
      if (!known || !isIcmpQuery(this.#header.wrap(datagram.frame, datagram.payloadAt).type)) {
        return "icmp-not-answerable";
      }
    }
    return this.#limiter.take(datagram.source) ? "ok" : "icmp-rate-limited";
  }

  #hasRoomFor(octets: number): boolean {
    if (this.#queue.hasRoomFor(octets)) return true;
    this.counters.outErrors++;
    this.#drops["icmp-queue-full"]++;
    return false;
  }

  /** Queues `message` from the address that `about` was sent to, back to where it came from. */
  #push(message: Frame, type: number, about: Datagram, tos: number): void {
    const outgoing = new Outgoing(message.bytes);
    outgoing.source = about.destination;
    outgoing.destination = about.source;
    outgoing.protocol = PROTOCOL_ICMP;
    outgoing.ttl = this.#ttl;
    outgoing.tos = tos;
    if (!this.#network.prepare(outgoing)) {
      this.counters.outErrors++;
      return;
    }
    this.counters.outMsgs++;
    this.counters.outPkts[type]++;
    this.#queue.push(outgoing);
  }
}
