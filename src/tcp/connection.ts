import { formatAddress } from "../base/address.ts";
import { seqDiff } from "../base/seq.ts";
import type { TxBatch } from "../base/tx-batch.ts";
import { ACK, RST, type Segment } from "../wire/segment.ts";
import { TCP_HEADER } from "../wire/tcp.ts";
import { abort, close, end } from "./close-call.ts";
import type { FourTuple, TcpContext } from "./context.ts";
import { SILENT_HANDLER, type TcpFailure, type TcpHandler, type TcpSocket } from "./handler.ts";
import { infoOf, type TcpInfo } from "./info.ts";
import type { ListeningSocket } from "./listening-socket.ts";
import { output } from "./output.ts";
import { readQueued, resumeReading } from "./receive.ts";
import { segmentArrives } from "./segment-arrives.ts";
import { send, sendCopy, sendUrgent } from "./send-call.ts";
import type { TcpSettings } from "./settings.ts";
import { changeSettings } from "./settings-change.ts";
import { enter, fail } from "./state-change.ts";
import { CLOSED, stateName, type TcpState, type TcpStateName } from "./states.ts";
import { SuspectAnswers } from "./suspect-answers.ts";
import {
  ACK_ARMED,
  ACK_NOW,
  FIN_RECEIVED,
  NO_DELAY,
  PAUSED,
  SOFT_TOLD,
  SYN_RETRANSMITTED,
  Tcb,
  TIMESTAMPS,
  type TcpPath,
} from "./tcb.ts";
import { timersExpire } from "./timeouts.ts";
import { armDelayedAck } from "./timers.ts";
import { urgentAhead } from "./urgent.ts";

/** Duplicate ACKs that wait for the device at most: more tell the peer nothing. */
const ACKS_DUE_MAX = 64;

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

  // What its owner calls: RFC 9293 §3.10.2 to §3.10.5.

  send(octets: Uint8Array, start = 0, end = octets.length): boolean {
    return send(this, octets, start, end);
  }
  sendUrgent(octets: Uint8Array): boolean {
    return sendUrgent(this, octets);
  }
  sendCopy(octets: Uint8Array): boolean {
    return sendCopy(this, octets);
  }
  end(): void {
    end(this);
  }
  close(): void {
    close(this);
  }
  abort(): void {
    abort(this);
  }

  get urgentAhead(): number {
    return urgentAhead(this);
  }

  get sendRoom(): number {
    return Math.max(0, this.sendHighWater - this.queuedOctets);
  }

  retain(octets: number): void {
    const kept = this.state === CLOSED ? 0 : octets;
    this.tcp.memory.receive += kept - this.retained;
    this.retained = kept;
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

  /** Writes the state, and does what comes with it. */
  enter(state: TcpState): void {
    enter(this, state);
  }

  /** Ends the connection now; `failure` null where that is no fault. */
  fail(failure: TcpFailure | null): void {
    fail(this, failure);
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
