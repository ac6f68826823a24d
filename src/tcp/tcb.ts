import { type Seq, seqAdd, seqDiff, seqGt } from "../base/seq.ts";
import type { Address } from "../base/address.ts";
import { type CongestionAlgorithm, type CongestionController, SSTHRESH_INFINITE } from "./congestion/controller.ts";
import type { FourTuple, TcpContext } from "./context.ts";
import type { ReceiveQueue } from "./receive-queue.ts";
import { WithSeldom } from "./seldom.ts";
import type { Sender } from "./sender.ts";
import { CLOSED, type TcpState } from "./states.ts";

/** Yes-or-no facts of a connection, one bit each in `Tcb.bits`. */
export const TIMESTAMPS = 1 << 0, // Both sides sent the option: RFC 7323 §3.2.
  SACK_OK = 1 << 1, // Both sides sent SACK-permitted: RFC 2018 §2.
  PASSIVE = 1 << 2, // It was opened by a listener: RFC 9293 MUST-11.
  NO_DELAY = 1 << 3,
  SYN_DUE = 1 << 4, // SYN or SYN-ACK is to be sent (again).
  HELD = 1 << 5, // The SYN waits for its listener's verdict.
  FIN_QUEUED = 1 << 6, // Our FIN follows the last octet queued.
  FIN_SENT = 1 << 7,
  FIN_RECEIVED = 1 << 8, // The peer's FIN is in order: RCV.NXT is behind it.
  ACK_NOW = 1 << 9, // One ACK for all that came in this batch.
  PROBE_DUE = 1 << 10, // A zero-window probe is to be sent.
  PAUSED = 1 << 11, // The owner wants no `data` for now.
  OWNER_GONE = 1 << 12, // The owner has called `close`.
  DRAIN_DUE = 1 << 13, // `send` has returned false.
  READY = 1 << 14, // On the stack's ready list.
  NOTIFY = 1 << 15, // On the stack's list for `readable`.
  END_TOLD = 1 << 16,
  CLOSE_DUE = 1 << 17, // `handler.close` waits until everything was taken.
  CLOSE_TOLD = 1 << 18,
  SYN_RETRANSMITTED = 1 << 19, // RFC 6298 (5.7), RFC 5681 §3.1.
  TS_RECENT_VALID = 1 << 20,
  RTO_ARMED = 1 << 21,
  ACK_ARMED = 1 << 22,
  LIFE_ARMED = 1 << 23,
  WHEEL_ARMED = 1 << 24,
  SOFT_TOLD = 1 << 25,
  TIMER_IS_PROBE = 1 << 28, // The retransmission timer stands at a tail loss probe (RFC 8985 §7.2), or
  TIMER_IS_REORDERING = 1 << 29, // at the end of RACK's reordering window (§6.3), before the RTO itself.
  TAIL_PROBE_DUE = 1 << 30,
  KEEP_ALIVE_DUE = 1 << 31,
  LINGERS = 1 << 27, // Counted among those in TIME-WAIT.
  WINDOW_SCALE = 1 << 26; // Both sides sent the option: RFC 7323 §2.2.

/** RFC 9293 MUST-15. */
const PEER_MSS_DEFAULT = 536;

/** Octets of a 30-bit counter: beyond, the high word counts on, and both stay small integers. */
const LOW_LIMIT = 0x4000_0000;

/**
 * One connection's variables, RFC 9293 §3.3.1, under the RFC's names. What an idle connection does not need is null.
 * Every field is an int32 or a reference, so that none is boxed.
 */
export class Tcb extends WithSeldom implements FourTuple {
  readonly tcp: TcpContext;
  /** Its record's number in the demultiplexing table and the timer wheel; -1 once released. */
  id: number;
  /** The link that its route names, as it was when the connection was made. */
  readonly path: TcpPath;
  /** The largest datagram that goes all the way. */
  mtu: number;
  readonly local: Address;
  readonly remote: Address;
  /** Local and remote, 16 bits each. */
  readonly #ports: number;

  state: TcpState = CLOSED;
  bits = 0;
  /** Of RFC 3168; see `ecn.ts`. */
  ecn = 0;

  iss = 0 as Seq;
  sndUna = 0 as Seq;
  sndNxt = 0 as Seq;
  sndWnd = 0;
  sndWl1 = 0 as Seq;
  sndWl2 = 0 as Seq;
  /** The largest window that the peer ever offered: RFC 9293 §3.8.6.2.1, RFC 5961 §5.2. */
  maxSndWnd = 0;
  /** The end of the last segment sent that was smaller than the MSS. */
  smallEnd = 0 as Seq;

  irs = 0 as Seq;
  rcvNxt = 0 as Seq;
  /** The right edge of the window that we have offered: RCV.NXT + RCV.WND. It never moves left (SHLD-14). */
  rcvAdv = 0 as Seq;
  /** RCV.NXT as last acknowledged. */
  lastAckSent = 0 as Seq;
  /** Octets, as autotuning has it now. */
  rcvBuffer: number;
  /** Pure ACKs owed one by one: duplicates and challenges are never merged. */
  acksDue = 0;

  /** The peer's MSS, and the window scales, ours in the lowest four bits. */
  #agreed = PEER_MSS_DEFAULT << 8;
  /** Text of a full-sized segment as sent now: RFC 9293 MUST-16. */
  sendMss = PEER_MSS_DEFAULT;
  /** The largest text seen in one segment of the peer's, for RFC 5681's "every second full-sized segment". */
  rcvMss = PEER_MSS_DEFAULT;

  /** RFC 7323 §3.2 and §5. */
  tsOffset = 0;
  tsRecent = 0;
  /** When TS.Recent was taken: seconds of the clock. */
  tsRecentAtS = 0;

  /** RFC 5681 §2; octets. */
  cwnd = 0;
  ssthresh = SSTHRESH_INFINITE;

  /** RFC 6298 §2; 0 before the first sample. */
  srttUs = 0;
  rttvarUs = 0;
  /** The least round-trip time seen, for RACK; 0 before the first sample. */
  minRttUs = 0;
  rtoMs: number;
  /** How often the RTO is doubled now: until a new measurement, RFC 6298 (5.5) and §5's last note. */
  backoff = 0;
  /** Expirations in a row without progress. */
  expirations = 0;
  /** When something was last acknowledged, or when the first of what is outstanding was sent: the start of R2. */
  progressAtMs = 0;
  lastSentAtMs = 0;

  /** Deadlines, each meaningful where its bit says so: int32 ms of the clock. */
  rtoAtMs = 0;
  ackAtMs = 0;
  lifeAtMs = 0;
  wheelAtMs = 0;

  sender: Sender | null = null;
  /** There while `sender` is, and from the first congestion event on. */
  controller: CongestionController | null = null;
  receiveQueue: ReceiveQueue | null = null;

  bytesReadLow = 0;
  bytesReadHigh = 0;
  bytesWrittenLow = 0;
  bytesWrittenHigh = 0;

  constructor(tcp: TcpContext, id: number, path: TcpPath, tuple: FourTuple) {
    super();
    this.tcp = tcp;
    this.id = id;
    this.path = path;
    this.mtu = path.mtu;
    this.local = tuple.local;
    this.remote = tuple.remote;
    this.#ports = (tuple.localPort << 16) | tuple.remotePort;
    this.rtoMs = tcp.config.rtoMsInitial;
    this.rcvBuffer = tcp.config.receiveBuffer;
  }

  get localPort(): number {
    return this.#ports >>> 16;
  }
  get remotePort(): number {
    return this.#ports & 0xffff;
  }

  has(bit: number): boolean {
    return (this.bits & bit) !== 0;
  }
  set(bits: number): void {
    this.bits |= bits;
  }
  unset(bits: number): void {
    this.bits &= ~bits;
  }

  /** Octets that it may hold although memory is tight. */
  get rcvEarned(): number {
    return this.tuning === null ? 0 : this.tuning.earned;
  }
  /** RCV.WND: what is left of the window that was offered. */
  get rcvWnd(): number {
    return seqDiff(this.rcvAdv, this.rcvNxt);
  }
  get flightSize(): number {
    return seqDiff(this.sndNxt, this.sndUna);
  }
  /** Octets queued from which on `send` asks its caller to wait: what network and peer take at once, twice, and a base. */
  get sendHighWater(): number {
    const { config, memory } = this.tcp;
    const moving = Math.min(2 * Math.min(this.cwnd, this.sndWnd), config.sendHighWaterMax);
    return Math.min(Math.max(config.sendHighWater, moving), memory.shareToSend(moving));
  }
  /** Octets queued behind SND.NXT. */
  get notSent(): number {
    return this.sender === null ? 0 : Math.max(0, seqDiff(this.sender.queue.end, this.sndNxt));
  }

  /** The peer's MSS option, or the default of RFC 9293 MUST-15. */
  get peerMss(): number {
    return this.#agreed >>> 8;
  }
  set peerMss(octets: number) {
    this.#agreed = (octets << 8) | (this.#agreed & 0xff);
  }
  /** RFC 7323 §2.3: of the windows that the peer offers, and of ours. */
  get sndWscale(): number {
    return (this.#agreed >>> 4) & 0xf;
  }
  set sndWscale(shift: number) {
    this.#agreed = (this.#agreed & ~0xf0) | (shift << 4);
  }
  get rcvWscale(): number {
    return this.#agreed & 0xf;
  }
  set rcvWscale(shift: number) {
    this.#agreed = (this.#agreed & ~0xf) | shift;
  }
  get congestion(): CongestionAlgorithm {
    return this.settings?.congestion ?? this.tcp.config.congestion;
  }

  countRead(octets: number): void {
    this.bytesReadLow += octets;
    if (this.bytesReadLow >= LOW_LIMIT) {
      this.bytesReadLow -= LOW_LIMIT;
      this.bytesReadHigh++;
    }
  }
  countWritten(octets: number): void {
    this.bytesWrittenLow += octets;
    if (this.bytesWrittenLow >= LOW_LIMIT) {
      this.bytesWrittenLow -= LOW_LIMIT;
      this.bytesWrittenHigh++;
    }
  }
  get bytesRead(): number {
    return this.bytesReadHigh * LOW_LIMIT + this.bytesReadLow;
  }
  get bytesWritten(): number {
    return this.bytesWrittenHigh * LOW_LIMIT + this.bytesWrittenLow;
  }

  /** Moves SND.UNA; precondition: SND.UNA < ack <= SND.NXT. */
  advanceUna(ack: Seq): void {
    this.sndUna = ack;
    if (seqGt(ack, this.smallEnd)) this.smallEnd = ack;
  }

  /** Moves RCV.NXT over `octets` in order. */
  advanceRcvNxt(octets: number): void {
    this.rcvNxt = seqAdd(this.rcvNxt, octets);
  }
}

/** Where a connection's segments go: fixed when it is made. */
export interface TcpPath {
  readonly link: number;
  readonly mtu: number;
  /** The largest datagram that the link's device cuts itself; 0 where it takes none above `mtu`. */
  readonly segmentMax: number;
}
