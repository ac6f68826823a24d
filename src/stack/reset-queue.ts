import type { Address } from "../base/address.ts";
import { type Seq, toSeq } from "../base/seq.ts";
import { TX_NETWORK_HEADER, type TxBatch } from "../base/tx-batch.ts";
import type { FourTuple, TcpNetwork } from "../tcp/context.ts";
import { Segment } from "../wire/segment.ts";
import { emitSegment, TCP_CHECKSUM_AT, TCP_HEADER } from "../wire/tcp.ts";

/** RSTs that wait for a link; beyond, they are dropped and counted. */
export const RESETS_WAITING_MAX = 1024;
const WORDS = 6;
const TTL = 64;

/** RSTs on their way to one link: they belong to no connection (any more). RFC 9293 §3.5.2. */
export class ResetQueue {
  readonly #words = new Int32Array(RESETS_WAITING_MAX * WORDS);
  readonly #seg = new Segment();
  #head = 0;
  #count = 0;

  get length(): number {
    return this.#count;
  }

  /** False where it is full. */
  push(tuple: FourTuple, seq: Seq, ack: Seq, flags: number): boolean {
    if (this.#count === RESETS_WAITING_MAX) return false;
    const at = ((this.#head + this.#count++) % RESETS_WAITING_MAX) * WORDS;
    this.#words[at] = tuple.local;
    this.#words[at + 1] = tuple.remote;
    this.#words[at + 2] = (tuple.localPort << 16) | tuple.remotePort;
    this.#words[at + 3] = seq;
    this.#words[at + 4] = ack;
    this.#words[at + 5] = flags;
    return true;
  }

  output(tx: TxBatch, network: TcpNetwork): void {
    for (; this.#count > 0 && tx.hasRoom(); this.#count--) {
      const at = this.#head * WORDS;
      this.#head = (this.#head + 1) % RESETS_WAITING_MAX;
      const local = this.#words[at] as Address;
      const remote = this.#words[at + 1] as Address;
      const seg = this.#seg;
      seg.srcPort = this.#words[at + 2] >>> 16;
      seg.dstPort = this.#words[at + 2] & 0xffff;
      seg.seq = toSeq(this.#words[at + 3]);
      seg.ack = toSeq(this.#words[at + 4]);
      seg.flags = this.#words[at + 5];
      const row = tx.open(TCP_HEADER);
      emitSegment(tx.head, tx.headerAt(row) + TX_NETWORK_HEADER, seg, network.pseudoSum(local, remote, TCP_HEADER));
      tx.checksumFrom[row] = TX_NETWORK_HEADER;
      tx.checksumAt[row] = TX_NETWORK_HEADER + TCP_CHECKSUM_AT;
      network.seal(tx, row, local, remote, TTL, 0);
    }
  }
}
