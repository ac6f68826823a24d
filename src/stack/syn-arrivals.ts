/**
 * LISTEN: RFC 9293 §3.10.7.2. SYNs for a listener, its verdict on them, and what comes when its queue is full: RFC 4987 §3.6 (cookies).
 */
import type { Clock } from "../base/clock.ts";
import { type Seq, seqAdd } from "../base/seq.ts";
import type { Ipv4 } from "../ipv4/ipv4.ts";
import type { TcpConfig } from "../tcp/config.ts";
import type { TcpConnection } from "../tcp/connection.ts";
import type { FourTuple, TcpContext } from "../tcp/context.ts";
import type { TcpCounters } from "../tcp/counters.ts";
import { admit, arrivesWithCookie, takeSyn } from "../tcp/handshake.ts";
import type { ListeningSocket } from "../tcp/listening-socket.ts";
import { beginAfter, openByCookie, openPassively } from "../tcp/open-call.ts";
import { HELD } from "../tcp/tcb.ts";
import { announcedMss, windowScaleFor } from "../tcp/window.ts";
import { ACK, RST, Segment } from "../wire/segment.ts";
import type { Links } from "./links.ts";
import type { StatelessReplies } from "./stateless-replies.ts";
import { COOKIE_LIFE_US, cookieFlags, type SynCookies } from "./syn-cookies.ts";

const NO_SEQ = 0 as Seq;
/** RFC 7323 §2.2: the window of a SYN-ACK is not scaled. */
const UNSCALED_WINDOW_MAX = 65_535;

/** What the listeners' side asks of the layer. */
export interface SynHost {
  /** A connection of this four-tuple, not begun; null where there is no route or no room. */
  make(tuple: FourTuple): TcpConnection | null;
  reset(tuple: FourTuple, seq: Seq, ack: Seq, flags: number): void;
  statelessReplies(link: number): StatelessReplies;
  wake(): void;
  refreshClock(): void;
}

export class SynArrivals {
  readonly #layer: SynHost;
  readonly #clock: Clock;
  readonly #config: TcpConfig;
  readonly #counters: TcpCounters;
  readonly #context: TcpContext;
  readonly #ipv4: Ipv4;
  readonly #links: Links;
  readonly #cookies: SynCookies;
  /** A SYN or SYN-ACK that is put together here. */
  readonly #scratch = new Segment();

  constructor(
    layer: SynHost,
    options: { clock: Clock; config: TcpConfig; counters: TcpCounters; ipv4: Ipv4; links: Links },
    context: TcpContext,
    cookies: SynCookies,
  ) {
    this.#layer = layer;
    this.#clock = options.clock;
    this.#config = options.config;
    this.#counters = options.counters;
    this.#ipv4 = options.ipv4;
    this.#links = options.links;
    this.#context = context;
    this.#cookies = cookies;
  }

  /** Third step of §3.10.7.2. A text or FIN that comes with the SYN is left for the peer to send again. */
  arrives(listener: ListeningSocket, tuple: FourTuple, seg: Segment, previous: TcpConnection | null): void {
    if (!listener.takesSyns) {
      this.#counters.synQueueOverflows++;
      if (listener.takesCookies && this.#config.synCookies) this.#sendCookie(listener, tuple, seg);
      return;
    }
    const connection = this.#layer.make(tuple);
    if (connection === null) return;
    if (previous !== null) beginAfter(connection, previous);
    const { handler } = listener;
    openPassively(connection, listener, handler.syn !== undefined);
    takeSyn(connection, seg);
    listener.begun(connection);
    if (handler.syn === undefined) return;
    let decided = false;
    const decide = (verdict: "accept" | "refuse" | "drop"): void => {
      if (decided || !connection.has(HELD) || connection.stateName === "CLOSED") return;
      decided = true;
      this.#decide(connection, verdict);
    };
    const { local: localAddress, localPort, remote: remoteAddress, remotePort } = connection;
    const verdict = handler.syn({ localAddress, localPort, remoteAddress, remotePort, decide });
    if (verdict !== "later") decide(verdict);
  }

  /** The SYN queue is full: a SYN-ACK that remembers for us. RFC 4987 §3.6. */
  #sendCookie(listener: ListeningSocket, tuple: FourTuple, syn: Segment): void {
    const route = this.#ipv4.routes.lookup(tuple.remote);
    if (route === null) return;
    const { mtu } = this.#links.path(route.link);
    const reply = this.#scratch;
    listener.overflowedAtUs = this.#clock.nowUs;
    reply.clearOptions();
    reply.seq = this.#cookies.issFor(tuple, syn);
    reply.ack = seqAdd(syn.seq, 1);
    reply.flags = cookieFlags(syn, this.#config.ecn !== "off");
    reply.window = Math.min(this.#config.receiveBuffer, UNSCALED_WINDOW_MAX);
    // No option that the SYN did not have: nobody's SYN draws more octets than it has itself. Departs from RFC 9293 SHLD-5.
    if (syn.mss > 0) reply.mss = announcedMss(mtu, this.#config);
    if (syn.hasTimestamps) {
      reply.hasTimestamps = true;
      reply.tsVal = this.#cookies.timestampFor(this.#context.timestampFor(tuple), syn);
      reply.tsEcr = syn.tsVal;
      reply.sackPermitted = syn.sackPermitted;
      if (syn.windowScale >= 0) reply.windowScale = windowScaleFor(this.#config.receiveBufferMax);
    }
    if (this.#layer.statelessReplies(route.link).push(tuple, reply)) this.#counters.synCookiesSent++;
    this.#layer.wake();
  }

  /** An ACK that nobody waits for, at a listener that has sent cookies: the third step of a handshake, perhaps. */
  cookieReturns(listener: ListeningSocket, tuple: FourTuple, seg: Segment): boolean {
    if (seg.syn || this.#clock.nowUs - listener.overflowedAtUs > COOKIE_LIFE_US) return false;
    const syn = this.#scratch;
    if (!this.#cookies.restore(tuple, seg, syn)) {
      this.#counters.synCookiesFailed++;
      return false;
    }
    if (!listener.takesCookies) return true; // The accept queue is full: the peer's next segment finds room perhaps.
    const connection = this.#layer.make(tuple);
    if (connection === null) return true;
    this.#counters.synCookiesReceived++;
    openByCookie(connection, listener, syn, seqAdd(seg.ack, -1));
    listener.begun(connection);
    arrivesWithCookie(connection, seg);
    return true;
  }

  #decide(connection: TcpConnection, verdict: "accept" | "refuse" | "drop"): void {
    this.#layer.refreshClock();
    if (verdict === "accept") return admit(connection);
    if (verdict === "refuse") this.#layer.reset(connection, NO_SEQ, connection.rcvNxt, RST | ACK);
    connection.fail(null);
  }
}
