/**
 * SYN cookies: a SYN-ACK that holds all that must be known of its SYN, for times when there is no place for more half-open
 * connections. RFC 4987 §3.6 and Appendix A. The options do not fit the sequence number; they go into the timestamp that
 * the peer echoes, as Linux has it.
 *
 *  ISS        | minute:5 | MSS:3 | keyed hash: 24 |
 *  timestamp  | time: 26                 | ECN:1 | SACK:1 | window scale: 4 |
 */
import type { Clock } from "../base/clock.ts";
import { type Seq, seqAdd, seqDiff, toSeq } from "../base/seq.ts";
import { type SipKey, sipHash24 } from "../base/siphash.ts";
import type { FourTuple } from "../tcp/context.ts";
import { ACK, CWR, ECE, type Segment, SYN } from "../wire/segment.ts";

/** A cookie is good for this and the next of these periods: RFC 4987 Appendix A asks for one or two minutes. */
const PERIOD_US = 64_000_000;
const PERIODS_VALID = 2;
/** So long after the last one was sent, no cookie can come back. */
export const COOKIE_LIFE_US = PERIOD_US * PERIODS_VALID;
/** What three bits can say of the peer's MSS: the largest of these that it reaches. Common ones, as Linux picks them. */
const MSS_TABLE = [536, 1024, 1220, 1300, 1400, 1440, 1460, 8960] as const;
const NO_SCALE = 15;
const SCALE_BITS = 0xf,
  SACK_BIT = 0x10,
  ECN_BIT = 0x20,
  OPTION_BITS = 0x3f;

export class SynCookies {
  readonly #clock: Clock;
  readonly #key: SipKey;
  readonly #words = new Int32Array(5);
  readonly #hash = new Int32Array(2);

  constructor(clock: Clock, key: SipKey) {
    this.#clock = clock;
    this.#key = key;
  }

  /** The ISS of the SYN-ACK that answers `syn`. */
  issFor(tuple: FourTuple, syn: Segment): Seq {
    let index = 0;
    while (index + 1 < MSS_TABLE.length && MSS_TABLE[index + 1] <= syn.mss) index++;
    return this.#cookie(tuple, syn.seq, this.#period, index);
  }

  /** The timestamp of that SYN-ACK: at most `now`, its lowest bits the options of `syn`. */
  timestampFor(now: number, syn: Segment): number {
    const ecn = (syn.flags & (ECE | CWR)) === (ECE | CWR) ? ECN_BIT : 0;
    const scale = syn.windowScale < 0 ? NO_SCALE : syn.windowScale;
    const options = scale | (syn.sackPermitted ? SACK_BIT : 0) | ecn;
    const stamped = (now & ~OPTION_BITS) | options;
    return ((stamped - now) | 0) > 0 ? (stamped - OPTION_BITS - 1) | 0 : stamped;
  }

  /**
   * Whether `ack` answers a cookie of ours; then `syn` becomes the SYN that it answered, as far as that is known.
   * Precondition: `ack` has ACK and neither SYN nor RST.
   */
  restore(tuple: FourTuple, ack: Segment, syn: Segment): boolean {
    const cookie = seqAdd(ack.ack, -1);
    const made = cookie >>> 27;
    const index = (cookie >>> 24) & 7;
    const peerIss = seqAdd(ack.seq, -1);
    const age = (this.#period - made) & 31;
    if (age >= PERIODS_VALID || seqDiff(cookie, this.#cookie(tuple, peerIss, made, index)) !== 0) return false;
    syn.clearOptions();
    syn.flags = SYN;
    syn.seq = peerIss;
    syn.ack = toSeq(0);
    syn.window = ack.window;
    syn.mss = MSS_TABLE[index];
    if (!ack.hasTimestamps) return true;
    syn.hasTimestamps = true;
    syn.tsVal = ack.tsVal;
    syn.sackPermitted = (ack.tsEcr & SACK_BIT) !== 0;
    if ((ack.tsEcr & SCALE_BITS) !== NO_SCALE) syn.windowScale = ack.tsEcr & SCALE_BITS;
    if ((ack.tsEcr & ECN_BIT) !== 0) syn.flags |= ECE | CWR;
    return true;
  }

  get #period(): number {
    return Math.floor(this.#clock.nowUs / PERIOD_US) & 31;
  }

  #cookie(tuple: FourTuple, peerIss: Seq, period: number, index: number): Seq {
    const top = (period << 3) | index;
    this.#words[0] = tuple.local;
    this.#words[1] = tuple.remote;
    this.#words[2] = (tuple.localPort << 16) | tuple.remotePort;
    this.#words[3] = peerIss;
    this.#words[4] = top;
    sipHash24(this.#key, this.#words, 5, this.#hash);
    return toSeq((top << 24) | (this.#hash[0] & 0xff_ffff));
  }
}

/**
 * Flags of the SYN-ACK: it agrees to ECN where the SYN asked, this host takes part (RFC 3168 §6.1.1), and the timestamp
 * will remember it: a host that forgot would leave the peer's CE marks unechoed.
 */
export const cookieFlags = (syn: Segment, ecn: boolean): number =>
  ecn && syn.hasTimestamps && (syn.flags & (ECE | CWR)) === (ECE | CWR) ? SYN | ACK | ECE : SYN | ACK;
