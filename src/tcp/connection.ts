import { formatAddress } from "../base/address.ts";
import { QUEUE_MIN } from "../base/memory-budget.ts";
import { assert } from "../base/assert.ts";
import { type Seq, seqAdd, seqDiff, seqMax } from "../base/seq.ts";
import type { TxBatch } from "../base/tx-batch.ts";
import { ACK, RST, type Segment } from "../wire/segment.ts";
import { TCP_HEADER } from "../wire/tcp.ts";
import type { FourTuple, TcpContext } from "./context.ts";
import { SILENT_HANDLER, type TcpFailure, type TcpHandler, type TcpSocket } from "./handler.ts";
import { infoOf, type TcpInfo } from "./info.ts";
import { closesByReset, startLinger } from "./linger.ts";
import type { ListeningSocket } from "./listening-socket.ts";
import { output } from "./output.ts";
import { readQueued, resumeReading } from "./receive.ts";
import { segmentArrives, takeSyn } from "./segment-arrives.ts";
import type { Sender } from "./sender.ts";
import type { TcpSettings } from "./settings.ts";
import { changeSettings } from "./settings-change.ts";
import {
  CLOSED,
  CLOSE_WAIT,
  CLOSING,
  ESTABLISHED,
  FIN_WAIT_1,
  FIN_WAIT_2,
  LAST_ACK,
  LISTEN,
  stateName,
  SYN_RECEIVED,
  SYN_SENT,
  TIME_WAIT,
  type TcpState,
  type TcpStateName,
} from "./states.ts";
import {
  ACK_ARMED,
  ACK_NOW,
  CLOSE_DUE,
  CLOSE_TOLD,
  DRAIN_DUE,
  END_TOLD,
  FIN_QUEUED,
  FIN_RECEIVED,
  HELD,
  LIFE_ARMED,
  NO_DELAY,
  NOTIFY,
  OWNER_GONE,
  PASSIVE,
  PAUSED,
  PROBE_DUE,
  RTO_ARMED,
  SACK_OK,
  SOFT_TOLD,
  SYN_DUE,
  SYN_RETRANSMITTED,
  Tcb,
  TIMESTAMPS,
  type TcpPath,
  WINDOW_SCALE,
} from "./tcb.ts";
import { markUrgent, urgentAhead } from "./urgent.ts";
import { windowScaleFor } from "./window.ts";
import { timersExpire } from "./timeouts.ts";
import { SuspectAnswers } from "./suspect-answers.ts";
import { armDelayedAck, armLife } from "./timers.ts";

/** Duplicate ACKs that wait for the device at most: more tell the peer nothing. */
const ACKS_DUE_MAX = 64;
/** What a window can be without scaling: an old segment's ACK cannot reach further. */
const MAX_UNSCALED_WINDOW = 65_535;

/**
 * One connection of RFC 9293: a state machine over its `Tcb`, driven by segments, by its owner's calls and by its
 * deadlines. It is told apart from all others by its four-tuple; the port of one that was accepted is its listener's.
 */
export class TcpConnection extends Tcb implements TcpSocket {
  #handler: TcpHandler = SILENT_HANDLER;
  context: unknown = undefined;
  /** Who hands it over once it is open; null where it was opened actively, and afterwards. */
  listener: ListeningSocket | null = null;

  constructor(tcp: TcpContext, id: number, path: TcpPath, tuple: FourTuple) {
    super(tcp, id, path, tuple);
    tcp.chooseOrigins(this);
    this.sndUna = this.sndNxt = this.smallEnd = this.iss;
  }

  get handler(): TcpHandler {
    return this.#handler;
  }
  set handler(handler: TcpHandler) {
    this.#handler = handler;
  }

  get localAddress(): string {
    return formatAddress(this.local);
  }
  get remoteAddress(): string {
    return formatAddress(this.remote);
  }
  get stateName(): TcpStateName {
    return stateName(this.state);
  }
  get readEnded(): boolean {
    return this.has(FIN_RECEIVED) && this.receiveQueue === null;
  }
  get queuedOctets(): number {
    return this.sender === null ? 0 : Math.max(0, seqDiff(this.sender.queue.end, this.sndUna));
  }
  /** RFC 6928 (1), and RFC 5681 §3.1: one segment where the SYN was lost. */
  get initialWindow(): number {
    const segments = this.has(SYN_RETRANSMITTED) ? 1 : this.tcp.config.initialWindowSegments;
    return Math.min(segments * this.sendMss, Math.max(2 * this.sendMss, 14_600 * (segments > 1 ? 1 : 0)));
  }

  /** Its numbers lie beyond all that `previous` used, which had the same four-tuple: RFC 9293 MAY-2, RFC 6191 §2. */
  beginAfter(previous: Tcb): void {
    const first = seqAdd(previous.sndNxt, MAX_UNSCALED_WINDOW + 2);
    this.sndUna = this.sndNxt = this.smallEnd = this.iss = seqMax(this.iss, first);
  }

  // What its owner calls: RFC 9293 §3.10.1 to §3.10.5.

  /** OPEN, active: RFC 9293 §3.10.1. */
  openActively(handler: TcpHandler): void {
    this.handler = handler;
    this.set(TIMESTAMPS | SACK_OK | WINDOW_SCALE);
    this.#begin(SYN_SENT);
  }

  /** A SYN for a listener: RFC 9293 §3.10.7.2, third. `held`: its SYN-ACK waits for the listener's verdict. */
  openPassively(listener: ListeningSocket, held: boolean): void {
    this.listener = listener;
    this.set(held ? PASSIVE | HELD : PASSIVE);
    this.#begin(SYN_RECEIVED);
    if (held) armLife(this, this.tcp.config.synR2Ms);
  }

  /** A SYN that a cookie has remembered, and the `iss` that it was answered with. The ACK that brought it back comes next. */
  openByCookie(listener: ListeningSocket, syn: Segment, iss: Seq): void {
    this.listener = listener;
    this.set(PASSIVE);
    this.enter(SYN_RECEIVED);
    this.iss = this.sndUna = this.smallEnd = iss;
    this.sndNxt = seqAdd(iss, 1);
    this.lastSentAtMs = this.progressAtMs = this.tcp.clock.nowMs;
    takeSyn(this, syn);
    if (this.has(WINDOW_SCALE)) this.rcvWscale = windowScaleFor(this.tcp.config.receiveBufferMax);
  }

  #begin(state: TcpState): void {
    this.updateSendMss();
    this.enter(state);
    this.progressAtMs = this.tcp.clock.nowMs;
    this.lastSentAtMs = this.tcp.clock.nowMs;
    this.set(SYN_DUE);
    this.wantsTurn();
  }

  send(octets: Uint8Array, start = 0, end = octets.length): boolean {
    if (!(start >= 0 && start <= end && end <= octets.length))
      throw new RangeError(`no part of ${String(octets.length)} octets: [${String(start)}, ${String(end)})`);
    if (!this.#accepts(end - start)) return false;
    this.#sender().queue.push(octets, start, end - start);
    return this.#queued(end - start);
  }

  sendUrgent(octets: Uint8Array): boolean {
    if (!this.#accepts(octets.length)) return false;
    const { queue } = this.#sender();
    queue.push(octets, 0, octets.length);
    markUrgent(this, queue.end);
    return this.#queued(octets.length);
  }

  get urgentAhead(): number {
    return urgentAhead(this);
  }

  sendCopy(octets: Uint8Array): boolean {
    if (!this.#accepts(octets.length)) return false;
    const { arena } = this.tcp;
    const { queue } = this.#sender();
    arena.copy(octets);
    if (queue.continues(arena.chunk, arena.at)) queue.extend(octets.length);
    else queue.push(arena.chunk, arena.at, octets.length);
    return this.#queued(octets.length);
  }

  #accepts(octets: number): boolean {
    this.tcp.host.refreshClock();
    if (this.has(FIN_QUEUED) || octets === 0) return false;
    if (this.state < SYN_SENT || this.state > CLOSE_WAIT) return false;
    return !this.has(DRAIN_DUE) || this.#bearsMore(octets);
  }

  /** Its owner goes on although it was asked to wait: false where that was too much, and the connection is gone. */
  #bearsMore(octets: number): boolean {
    const { config, counters, memory } = this.tcp;
    const held = this.sender === null ? 0 : this.sender.queue.charge;
    if (held + octets <= config.sendQueueMax && octets <= Math.max(QUEUE_MIN - held, memory.freeToSend)) {
      return true;
    }
    counters.sendQueueOverflows++;
    this.sendReset();
    this.fail("ENOBUFS");
    return false;
  }

  #sender(): Sender {
    this.controller ??= this.tcp.takeController(this.congestion);
    if (this.sender !== null) return this.sender;
    this.sender = this.tcp.takeSender(this.state < ESTABLISHED ? seqAdd(this.iss, 1) : this.sndNxt);
    this.sender.serves(this.controller);
    return this.sender;
  }

  #queued(octets: number): boolean {
    this.countWritten(octets);
    this.wantsTurn();
    if (this.sendRoom > 0) return true;
    this.set(DRAIN_DUE);
    return false;
  }

  get sendRoom(): number {
    return Math.max(0, this.sendHighWater - this.queuedOctets);
  }

  retain(octets: number): void {
    const kept = this.state === CLOSED ? 0 : octets;
    this.tcp.memory.receive += kept - this.retained;
    this.retained = kept;
  }

  /** CLOSE: RFC 9293 §3.10.4. */
  end(): void {
    this.tcp.host.refreshClock();
    switch (this.state) {
      case CLOSED:
      case LISTEN:
      case FIN_WAIT_1:
      case FIN_WAIT_2:
      case CLOSING:
      case LAST_ACK:
      case TIME_WAIT:
        return;
      case SYN_SENT:
        return this.fail(null);
      case SYN_RECEIVED: // It waits until the handshake is over.
        return this.#queueFin();
      case ESTABLISHED:
        this.#queueFin();
        return this.enter(FIN_WAIT_1);
      case CLOSE_WAIT:
        this.#queueFin();
        return this.enter(LAST_ACK);
    }
  }

  #queueFin(): void {
    this.set(FIN_QUEUED);
    this.#sender();
    this.wantsTurn();
  }

  close(): void {
    this.tcp.host.refreshClock();
    if (this.has(OWNER_GONE)) return;
    this.set(OWNER_GONE);
    if (this.receiveQueue !== null || (this.outOfOrder?.segments ?? 0) > 0) {
      const over = this.state === TIME_WAIT || this.state === CLOSED;
      this.dropUnread();
      return over ? this.readToEnd() : this.abort(); // SHLD-3: unread data.
    }
    if (closesByReset(this)) return this.abort();
    this.end();
    startLinger(this);
    if (this.state === FIN_WAIT_2) armLife(this, this.tcp.config.finWait2Ms);
  }

  /** ABORT: RFC 9293 §3.10.5. */
  abort(): void {
    this.tcp.host.refreshClock();
    if (this.state === CLOSED) {
      this.dropUnread(); // Its end was to be told behind what nobody will read now.
      return this.readToEnd();
    }
    if (this.state !== SYN_SENT && this.state !== TIME_WAIT && !this.has(HELD)) this.sendReset();
    this.fail("ECONNABORTED");
  }

  pause(): void {
    this.set(PAUSED);
  }
  resume(): void {
    this.tcp.host.refreshClock();
    this.unset(PAUSED);
    resumeReading(this);
  }
  read(): Uint8Array | null {
    this.tcp.host.refreshClock();
    return readQueued(this);
  }

  setNoDelay(noDelay: boolean): void {
    if (noDelay) this.set(NO_DELAY);
    else this.unset(NO_DELAY);
    if (this.sender !== null) this.wantsTurn();
  }

  configure(settings: TcpSettings): void {
    this.tcp.host.refreshClock();
    changeSettings(this, settings);
  }

  info(): TcpInfo {
    return infoOf(this);
  }

  // What the stack calls.

  arrives(seg: Segment): void {
    segmentArrives(this, seg);
  }

  /** Adds what is due to `tx`; true where more is. */
  output(tx: TxBatch): boolean {
    return output(this, tx);
  }

  /** Its entry in the wheel has come. */
  onTimer(): void {
    timersExpire(this);
  }

  // What the parts of the state machine share.

  /** MUST-16: the peer's MSS or what the path takes, the smaller, less the octets of options in every segment. */
  updateSendMss(): void {
    const options = this.has(TIMESTAMPS) ? 12 : 0;
    this.sendMss = Math.max(1, Math.min(this.peerMss, this.mtu - 20 - TCP_HEADER) - options);
  }

  /** Writes the state, and does what comes with it. The only place that does. */
  enter(state: TcpState): void {
    const { counters } = this.tcp;
    const from = this.state;
    if (state === from && state !== TIME_WAIT) return;
    if (from === ESTABLISHED || from === CLOSE_WAIT) {
      if (state !== CLOSE_WAIT) counters.currEstab--;
    } else if (state === ESTABLISHED) counters.currEstab++;
    this.state = state;
    switch (state) {
      case SYN_SENT:
        counters.activeOpens++;
        return;
      case SYN_RECEIVED:
        if (this.has(PASSIVE)) counters.passiveOpens++;
        return;
      case LISTEN:
        return assert(false, "a connection never listens");
      case ESTABLISHED:
        this.keepAlive?.start(this);
        return;
      case FIN_WAIT_1:
      case CLOSE_WAIT:
      case CLOSING:
      case LAST_ACK:
        return;
      case FIN_WAIT_2:
        if (this.has(OWNER_GONE)) armLife(this, this.tcp.config.finWait2Ms);
        return;
      case TIME_WAIT:
        return this.#linger(from);
      case CLOSED:
        return this.#release();
    }
  }

  /** TIME-WAIT, entered or started anew: RFC 9293 MUST-13. Nothing but the four-tuple and its numbers is kept. */
  #linger(from: TcpState): void {
    this.unset(RTO_ARMED);
    if (from === TIME_WAIT || this.tcp.host.lingers(this)) {
      armLife(this, 2 * this.tcp.config.mslMs);
      if (from !== TIME_WAIT) this.#tellClose(null);
      return;
    }
    this.tcp.counters.timeWaitOverflows++;
    this.#tellClose(null);
    this.enter(CLOSED);
  }

  #release(): void {
    this.unset(RTO_ARMED | ACK_ARMED | LIFE_ARMED | ACK_NOW | SYN_DUE | PROBE_DUE);
    this.acksDue = 0;
    if (this.sender !== null) this.tcp.giveBackSender(this.sender);
    if (this.controller !== null) this.tcp.giveBackController(this.controller, this.congestion);
    this.sender = null;
    this.controller = null;
    this.retain(0);
    this.tcp.host.released(this);
  }

  /** Ends the connection now; `failure` null where that is no fault. */
  fail(failure: TcpFailure | null): void {
    const { counters } = this.tcp;
    if (this.state === CLOSED) return;
    if (this.state === SYN_SENT || this.state === SYN_RECEIVED) counters.attemptFails++;
    else if (failure === "ECONNRESET") counters.estabResets++;
    const { listener } = this;
    this.listener = null;
    listener?.forget(this);
    this.enter(CLOSED);
    try {
      this.#tellClose(failure);
    } finally {
      this.dropUnread();
    }
  }

  /** Closed in order by both sides: its four-tuple is free; what was received can still be read. */
  closedInOrder(): void {
    this.enter(CLOSED);
    this.#tellClose(null);
  }

  #tellClose(failure: TcpFailure | null): void {
    if (this.has(CLOSE_TOLD)) return;
    if (failure === null && (this.receiveQueue !== null || this.has(NOTIFY))) {
      this.set(CLOSE_DUE);
      return;
    }
    this.set(CLOSE_TOLD);
    this.unset(CLOSE_DUE);
    const { handler } = this;
    this.handler = SILENT_HANDLER;
    handler.close?.(this, failure);
  }

  /** All that was received has been taken. */
  readToEnd(): void {
    if (this.has(CLOSE_DUE)) this.#tellClose(null);
  }

  /** The batch is through: the owner may read, and learns of the close behind what it has read. */
  notifyOwner(): void {
    this.unset(NOTIFY);
    if (!this.has(END_TOLD)) {
      if (this.has(FIN_RECEIVED)) this.set(END_TOLD);
      this.handler.readable?.(this);
    }
    if (this.receiveQueue === null) this.readToEnd();
  }

  /** Gives back what nobody will read any more. */
  dropUnread(): void {
    if (this.receiveQueue !== null) this.unset(FIN_RECEIVED); // Not all that came before it was taken.
    this.dropReceiveQueue();
    this.dropOutOfOrder();
  }

  dropReceiveQueue(): void {
    this.receiveQueue?.release();
    this.receiveQueue = null;
  }

  dropOutOfOrder(): void {
    this.outOfOrder?.release();
    this.outOfOrder = null;
  }

  /** An error that does not end the connection; told once until there is progress. RFC 9293 MUST-47, MUST-56. */
  tellSoftly(failure: TcpFailure): void {
    if (this.has(SOFT_TOLD) || this.settings?.softErrors === false) return;
    this.set(SOFT_TOLD);
    this.handler.softError?.(this, failure);
  }

  wantsTurn(): void {
    this.tcp.host.ready(this);
  }
  ackNow(): void {
    this.set(ACK_NOW);
    this.wantsTurn();
  }
  /** One more ACK that must not be merged with another: a duplicate for a segment out of order. */
  ackEach(): void {
    this.acksDue = Math.min(this.acksDue + 1, ACKS_DUE_MAX);
    this.wantsTurn();
  }
  /** RFC 5961 §3 to §5 and §7. */
  challenge(): void {
    const answers = this.#suspectAnswers();
    if (answers.challenges >= this.tcp.config.challengeAcksPerSecond) {
      this.tcp.counters.challengeAcksSuppressed++;
      return;
    }
    answers.challenges++;
    this.tcp.counters.challengeAcks++;
    this.ackEach();
  }
  /**
   * Text came that lies outside the window: its sender has missed an ACK, or is no peer at all. So many are answered one by
   * one that any honest peer gets on, and then one a delayed ACK's time for all.
   */
  ackStale(): void {
    const answers = this.#suspectAnswers();
    if (answers.staleAcks < this.tcp.config.staleAcksPerSecond) {
      answers.staleAcks++;
      this.ackEach();
    } else if (!this.has(ACK_ARMED)) {
      this.tcp.counters.staleAcksDelayed++;
      armDelayedAck(this, this.tcp.config.delayedAckMs);
    }
  }
  /** Of this second. */
  #suspectAnswers(): SuspectAnswers {
    return (this.suspectAnswers ??= new SuspectAnswers()).at(this.tcp.clock.nowUs);
  }
  sendReset(): void {
    this.tcp.host.reset(this, this.sndNxt, this.rcvNxt, RST | ACK);
  }
}
