import type { Address } from "../base/address.ts";
import { type Seq, toSeq } from "../base/seq.ts";
import { TX_NETWORK_HEADER, type TxBatch } from "../base/tx-batch.ts";
import type { FourTuple, TcpNetwork } from "../tcp/context.ts";
import { Segment } from "../wire/segment.ts";
import { emitSegment, TCP_CHECKSUM_AT, TCP_HEADER } from "../wire/tcp.ts";

/** Segments that wait for a link; beyond, they are dropped and counted. */
export const STATELESS_REPLIES_MAX = 1024;
const WORDS = 11;
const TTL = 64;
/** The word of yes-or-no options, below the window scale. */
const SACK_PERMITTED = 1,
  TIMESTAMPS = 2;

/** Segments of no connection on their way to one link: RSTs (RFC 9293 §3.5.2), and SYN-ACKs that are cookies (RFC 4987 §3.6). */
export class StatelessReplies {
  readonly #words = new Int32Array(STATELESS_REPLIES_MAX * WORDS);
  readonly #seg = new Segment();
  #head = 0;
  #count = 0;

  get length(): number {
    return this.#count;
  }

  /** An RST. False where there is no room. */
  reset(tuple: FourTuple, seq: Seq, ack: Seq, flags: number): boolean {
    const seg = this.#seg;
    seg.clearOptions();
    seg.seq = seq;
    seg.ack = ack;
    seg.flags = flags;
    seg.window = 0;
    return this.push(tuple, seg);
  }

  /** Any segment without text: its numbers, flags, window and options. False where there is no room. */
  push(tuple: FourTuple, seg: Segment): boolean {
    if (this.#count === STATELESS_REPLIES_MAX) return false;
    const words = this.#words;
    const at = ((this.#head + this.#count++) % STATELESS_REPLIES_MAX) * WORDS;
    words[at] = tuple.local;
    words[at + 1] = tuple.remote;
    words[at + 2] = (tuple.localPort << 16) | tuple.remotePort;
    words[at + 3] = seg.seq;
    words[at + 4] = seg.ack;
    words[at + 5] = seg.flags;
    words[at + 6] = seg.window;
    words[at + 7] = seg.mss;
    words[at + 8] =
      (seg.windowScale << 2) | (seg.hasTimestamps ? TIMESTAMPS : 0) | (seg.sackPermitted ? SACK_PERMITTED : 0);
    words[at + 9] = seg.tsVal;
    words[at + 10] = seg.tsEcr;
    return true;
  }

  /** Returns how many segments were added. */
  output(tx: TxBatch, network: TcpNetwork): number {
    const before = this.#count;
    for (; this.#count > 0 && tx.hasRoom(); this.#count--) {
      const at = this.#head * WORDS;
      this.#head = (this.#head + 1) % STATELESS_REPLIES_MAX;
      const local = this.#words[at] as Address;
      const remote = this.#words[at + 1] as Address;
      const seg = this.#read(at);
      const row = tx.open(TCP_HEADER + seg.optionsLength);
      const pseudoSum = network.pseudoSum(local, remote, TCP_HEADER + seg.optionsLength);
      emitSegment(tx.head, tx.headerAt(row) + TX_NETWORK_HEADER, seg, pseudoSum);
      tx.checksumFrom[row] = TX_NETWORK_HEADER;
      tx.checksumAt[row] = TX_NETWORK_HEADER + TCP_CHECKSUM_AT;
      network.seal(tx, row, local, remote, TTL, 0);
    }
    return before - this.#count;
  }

  #read(at: number): Segment {
    const words = this.#words;
    const seg = this.#seg;
    seg.clearOptions();
    seg.srcPort = words[at + 2] >>> 16;
    seg.dstPort = words[at + 2] & 0xffff;
    seg.seq = toSeq(words[at + 3]);
    seg.ack = toSeq(words[at + 4]);
    seg.flags = words[at + 5];
    seg.window = words[at + 6];
    seg.mss = words[at + 7];
    seg.windowScale = words[at + 8] >> 2;
    seg.hasTimestamps = (words[at + 8] & TIMESTAMPS) !== 0;
    seg.sackPermitted = (words[at + 8] & SACK_PERMITTED) !== 0;
    seg.tsVal = words[at + 9];
    seg.tsEcr = words[at + 10];
    return seg;
  }
}
