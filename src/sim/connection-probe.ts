import { formatAddress } from "../base/address.ts";
import { seqDiff, seqGt } from "../base/seq.ts";
import type { TcpConnection } from "../tcp/connection.ts";
import type { TcpFailure, TcpHandler } from "../tcp/handler.ts";
import { CLOSED, ESTABLISHED, stateName, type TcpState } from "../tcp/states.ts";
import { ACK_ARMED, LIFE_ARMED, RTO_ARMED } from "../tcp/tcb.ts";
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
 * segment and each timer. It stands in front of the connection's own methods (on the one object, as own properties) and
 * calls them; so the stack runs as it is, without a hook that production would pay for.
 */
export class ConnectionProbe {
  readonly connection: TcpConnection;
  readonly #behind: ProbeWorld;
  readonly #last: LastSeen;
  readonly #out: StreamLedger;
  #in: StreamLedger | null = null;
  /** The world's time when something of the peer's last arrived, or when something first waited for it since. */
  #waitingSinceUs: number;

  constructor(connection: TcpConnection, behind: ProbeWorld) {
    this.connection = connection;
    this.#behind = behind;
    this.#last = new LastSeen(connection);
    this.#waitingSinceUs = behind.world.nowUs();
    this.#out = behind.ledger(this.#local, this.#remote, connection.iss);
    this.#out.known = connection.bytesWritten === 0;
    // A connection out of a SYN cookie is open when it is first seen: its owner may have got something already.
    if (connection.bytesRead > 0) this.#incoming.known = false;
    this.#watchCalls();
    this.#watchMachine();
    this.#watchHandler();
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
    if (c.state === CLOSED || time.paused || time.dead) return;
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

  #report(broken: string | null): void {
    if (broken === null) return;
    const { connection: c } = this;
    this.#behind.violated(`${this.#behind.hostName}: ${this.#local} to ${this.#remote} in ${c.stateName}: ${broken}`);
  }

  #check(): void {
    const c = this.connection;
    this.#report(checkSequence(c, this.#last) ?? checkFins(c) ?? checkBounds(c));
  }

  #note(event: ConnectionEvent): void {
    this.#behind.coverage.note(this.connection.state, event);
  }

  /** The owner's calls: what is sent, and what is taken. */
  #watchCalls(): void {
    const c = this.connection;
    const send = c.send.bind(c);
    const sendCopy = c.sendCopy.bind(c);
    const read = c.read.bind(c);
    c.send = (octets) => this.#sends(octets, send);
    c.sendCopy = (octets) => this.#sends(octets, sendCopy);
    c.read = () => {
      const chunk = read();
      if (chunk !== null) this.#incoming.receive(chunk, 0, chunk.length);
      return chunk;
    };
    const end = c.end.bind(c);
    c.end = () => {
      this.#note("end");
      this.#beginsToWait();
      end();
      this.#check();
    };
    const close = c.close.bind(c);
    c.close = () => {
      this.#note("close");
      if (c.receiveQueue !== null) this.#incoming.discarded = true;
      close();
    };
    const abort = c.abort.bind(c);
    c.abort = () => {
      this.#note("abort");
      abort();
    };
  }

  #sends(octets: Uint8Array, send: (octets: Uint8Array) => boolean): boolean {
    const c = this.connection;
    this.#note("send");
    this.#beginsToWait();
    const before = c.bytesWritten;
    const goesOn = send(octets);
    if (c.bytesWritten > before) this.#out.send(octets);
    return goesOn;
  }

  #beginsToWait(): void {
    const c = this.connection;
    if (c.flightSize === 0 && c.notSent === 0) this.#waitingSinceUs = this.#behind.world.nowUs();
  }

  /** Segments, timers, output and the change of state. */
  #watchMachine(): void {
    const c = this.connection;
    const enter = c.enter.bind(c);
    c.enter = (state: TcpState) => {
      const from = c.state;
      enter(state);
      this.#behind.world.touched();
      if (state !== from && !isLegalEdge(from, state))
        this.#report(`no edge from ${stateName(from)} to ${stateName(state)}`);
    };
    const arrives = c.arrives.bind(c);
    c.arrives = (seg) => {
      this.#noteSegment(seg);
      this.#report(checkAcknowledgment(c, seg, this.#last));
      this.#waitingSinceUs = this.#behind.world.nowUs();
      arrives(seg);
      this.#check();
    };
    const onTimer = c.onTimer.bind(c);
    c.onTimer = () => {
      if (isDue(c, RTO_ARMED, c.rtoAtMs)) this.#note("retransmission timer");
      if (isDue(c, ACK_ARMED, c.ackAtMs)) this.#note("delayed-ack timer");
      if (isDue(c, LIFE_ARMED, c.lifeAtMs)) this.#note("life timer");
      onTimer();
      this.#check();
    };
    const output = c.output.bind(c);
    c.output = (tx) => {
      const more = output(tx);
      this.#check();
      return more;
    };
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

  /** Whoever becomes its handler hears everything by way of the probe. */
  #watchHandler(): void {
    const c = this.connection;
    let given = c.handler;
    let watched = this.#watched(given);
    Object.defineProperty(c, "handler", {
      get: () => watched,
      set: (handler: TcpHandler) => {
        // What was read back and is given again is watched already.
        if (handler === watched) return;
        given = handler;
        watched = this.#watched(given);
        this.#behind.world.touched();
      },
    });
  }

  #watched(inner: TcpHandler): TcpHandler {
    const { world } = this.#behind;
    const watched: TcpHandler = {
      open: (c) => {
        world.touched();
        inner.open?.(c);
      },
      drain: (c) => {
        world.touched();
        inner.drain?.(c);
      },
      end: (c) => {
        world.touched();
        inner.end?.(c);
      },
      softError: (c, failure) => {
        world.touched();
        inner.softError?.(c, failure);
      },
      close: (c, failure) => {
        world.touched();
        this.#closes(failure);
        if (failure === null || !this.#behind.isOver()) inner.close?.(c, failure);
      },
    };
    // The stack asks whether these two are there.
    if (inner.data !== undefined) {
      watched.data = (c, octets, start, end) => {
        world.touched();
        this.#incoming.receive(octets, start, end);
        inner.data?.(c, octets, start, end);
      };
    }
    if (inner.readable !== undefined) {
      watched.readable = (c) => {
        world.touched();
        inner.readable?.(c);
      };
    }
    return watched;
  }

  /** The last that its owner hears. */
  #closes(failure: TcpFailure | null): void {
    if (failure !== null || this.connection.irs === 0) return;
    this.#out.senderClosed = true;
    this.#out.checkClosed();
    this.#incoming.receiverClosed = true;
    this.#incoming.checkClosed();
  }
}
