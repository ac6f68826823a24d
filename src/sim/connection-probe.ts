import { formatAddress } from "../base/address.ts";
import { seqDiff, seqGt } from "../base/seq.ts";
import type { TcpConnection } from "../tcp/connection.ts";
import { SILENT_HANDLER, type TcpFailure, type TcpHandler } from "../tcp/handler.ts";
import { CLOSED, ESTABLISHED, stateName, type TcpState } from "../tcp/states.ts";
import { ACK_ARMED, CLOSE_DUE, LIFE_ARMED, RTO_ARMED } from "../tcp/tcb.ts";
import { isDue } from "../tcp/timers.ts";
import type { Segment } from "../wire/segment.ts";
import {
  checkAcknowledgment,
  checkBounds,
  checkFins,
  checkPunctual,
  checkSequence,
  checkTimers,
  LastSeen,
} from "./connection-checks.ts";
import type { HostTimebase } from "./host-timebase.ts";
import { isLegalEdge } from "./state-edges.ts";
import type { ConnectionEvent, StateCoverage } from "./state-coverage.ts";
import type { StreamLedger } from "./stream-ledger.ts";
import type { VirtualTimebase } from "./virtual-timebase.ts";
import { type ConnectionWatch, watchConnection } from "./watched-connection.ts";
import { type HandlerWatch, WatchedHandler } from "./watched-handler.ts";

/** What is later than R2 by this is too late: the last back-off ends after R2 (RFC 9293 §3.8.3), and clocks count in ms. */
const R2_SLACK_MS = 1000;

/** What a probe needs of the host and the world around it. */
export interface ProbeWorld {
  readonly world: VirtualTimebase;
  readonly time: HostTimebase;
  readonly coverage: StateCoverage;
  readonly hostName: string;
  /** The program has ended: nobody is left to hear of a failure. */
  isOver(): boolean;
  /** The direction that `sender` begins with `iss`. */
  ledger(sender: string, receiver: string, iss: number): StreamLedger;
  /** An invariant is broken. */
  violated(text: string): void;
}

/**
 * Watches one connection from the inside, at every event: what its owner sends and gets, each change of state, each
 * segment and each timer.
 */
export class ConnectionProbe implements ConnectionWatch, HandlerWatch {
  readonly connection: TcpConnection;
  readonly #behind: ProbeWorld;
  readonly #last: LastSeen;
  readonly #out: StreamLedger;
  #in: StreamLedger | null = null;
  /** The world's time when something of the peer's last arrived, or when something first waited for it since. */
  #waitingSinceUs: number;
  /** Somebody is to be told of the end, and was. */
  #hasOwner = false;
  #endTold = false;

  constructor(connection: TcpConnection, behind: ProbeWorld) {
    this.connection = connection;
    this.#behind = behind;
    this.#last = new LastSeen(connection);
    this.#waitingSinceUs = behind.world.nowUs();
    this.#out = behind.ledger(this.#local, this.#remote, connection.iss);
    this.#out.known = connection.bytesWritten === 0;
    // A connection out of a SYN cookie is open when it is first seen: its owner may have got something already.
    if (connection.bytesRead > 0) this.#incoming.known = false;
    watchConnection(connection, this);
  }

  get #local(): string {
    return `${this.connection.localAddress}:${String(this.connection.localPort)}`;
  }
  get #remote(): string {
    return `${formatAddress(this.connection.remote)}:${String(this.connection.remotePort)}`;
  }
  /** The peer's direction; known once its SYN has come. */
  get #incoming(): StreamLedger {
    return (this.#in ??= this.#behind.ledger(this.#remote, this.#local, this.connection.irs));
  }

  /** Looks at what only time can break. Called whenever time has passed. */
  sweep(): void {
    const { connection: c } = this;
    const { time, world } = this.#behind;
    if (time.paused || time.dead) return;
    if (c.state === CLOSED) return this.#checkTold();
    this.#report(checkTimers(c));
    const awakeMs = (world.nowUs() - time.resumedUs) / 1000;
    if (awakeMs > R2_SLACK_MS) this.#report(checkPunctual(c, (time.nowUs() / 1000) | 0));
    this.#checkR2();
  }

  /** A side with unacknowledged octets learns of the failure within R2. RFC 9293 MUST-20, MUST-23. */
  #checkR2(): void {
    const { connection: c } = this;
    const { config } = c.tcp;
    const opening = c.state < ESTABLISHED;
    if (!opening && c.flightSize === 0 && c.notSent === 0) return;
    const sinceUs = Math.max(this.#waitingSinceUs, this.#behind.time.resumedUs);
    const silentMs = (this.#behind.world.nowUs() - sinceUs) / 1000;
    const limitMs = (opening ? config.synR2Ms : config.r2Ms) + config.rtoMsMax + R2_SLACK_MS;
    if (silentMs > limitMs) this.#report("a side with unacknowledged octets learns of the failure within R2");
  }

  /** The owner of a connection that is gone knows so, unless it has not yet read what came before. */
  #checkTold(): void {
    if (this.#hasOwner && !this.#endTold && !this.connection.has(CLOSE_DUE))
      this.#report("its owner is told of the end");
  }

  #report(broken: string | null): void {
    if (broken === null) return;
    const { connection: c } = this;
    this.#behind.violated(`${this.#behind.hostName}: ${this.#local} to ${this.#remote} in ${c.stateName}: ${broken}`);
  }

  #note(event: ConnectionEvent): void {
    this.#behind.coverage.note(this.connection.state, event);
  }

  // The owner's calls: what is sent, and what is taken.

  sending(): void {
    this.#note("send");
    this.#beginsToWait();
  }
  sent(octets: Uint8Array, writtenBefore: number): void {
    if (this.connection.bytesWritten > writtenBefore) this.#out.send(octets);
  }
  taken(chunk: Uint8Array): void {
    this.#incoming.receive(chunk, 0, chunk.length);
  }
  ending(): void {
    this.#note("end");
    this.#beginsToWait();
  }
  closing(): void {
    this.#note("close");
    if (this.connection.receiveQueue !== null) this.#incoming.discarded = true;
  }
  aborting(): void {
    this.#note("abort");
  }

  #beginsToWait(): void {
    const c = this.connection;
    if (c.flightSize === 0 && c.notSent === 0) this.#waitingSinceUs = this.#behind.world.nowUs();
  }

  // Segments, timers, and the change of state.

  entered(from: TcpState, to: TcpState): void {
    this.#behind.world.touched();
    if (to !== from && !isLegalEdge(from, to)) this.#report(`no edge from ${stateName(from)} to ${stateName(to)}`);
  }
  arriving(seg: Segment): void {
    this.#noteSegment(seg);
    this.#report(checkAcknowledgment(this.connection, seg, this.#last));
    this.#waitingSinceUs = this.#behind.world.nowUs();
  }
  timing(): void {
    const c = this.connection;
    if (isDue(c, RTO_ARMED, c.rtoAtMs)) this.#note("retransmission timer");
    if (isDue(c, ACK_ARMED, c.ackAtMs)) this.#note("delayed-ack timer");
    if (isDue(c, LIFE_ARMED, c.lifeAtMs)) this.#note("life timer");
  }
  settled(): void {
    const c = this.connection;
    this.#report(checkSequence(c, this.#last) ?? checkFins(c) ?? checkBounds(c));
  }

  #noteSegment(seg: Segment): void {
    const c = this.connection;
    if (seg.syn) this.#note(seg.acks ? "syn-ack" : "syn");
    if (seg.rst) this.#note("rst");
    if (seg.fin) this.#note("fin");
    const ahead = seqDiff(seg.seq, c.rcvNxt);
    if (seg.textLength > 0 && ahead > 0) this.#note("text beyond a hole");
    else if (seg.textLength > 0) this.#note(ahead + seg.textLength > 0 ? "text in order" : "text seen before");
    else if (seg.acks && !seg.syn && !seg.rst) this.#note(seqGt(seg.ack, c.sndUna) ? "ack of new" : "ack of old");
  }

  // What its owner is told.

  standIn(handler: TcpHandler): TcpHandler {
    this.#behind.world.touched();
    if (handler === SILENT_HANDLER || handler instanceof WatchedHandler) return handler;
    this.#hasOwner = true;
    return new WatchedHandler(handler, this);
  }
  calling(): void {
    this.#behind.world.touched();
  }
  got(octets: Uint8Array, start: number, end: number): void {
    this.#incoming.receive(octets, start, end);
  }
  closes(failure: TcpFailure | null): boolean {
    this.#endTold = true;
    if (failure === null && this.connection.irs !== 0) {
      this.#out.senderClosed = true;
      this.#out.checkClosed();
      this.#incoming.receiverClosed = true;
      this.#incoming.checkClosed();
    }
    return failure === null || !this.#behind.isOver();
  }
}
