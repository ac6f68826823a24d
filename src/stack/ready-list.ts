import type { TxBatch } from "../base/tx-batch.ts";
import type { TcpConnection } from "../tcp/connection.ts";
import { READY } from "../tcp/tcb.ts";

const SIZE_INITIAL = 64;

/** The connections of one link that have something to send, served in turn, so that none can fill the output alone. */
export class ReadyList {
  /** A ring; its size is a power of two. */
  #ring = new Array<TcpConnection | null>(SIZE_INITIAL).fill(null);
  #head = 0;
  #count = 0;

  get length(): number {
    return this.#count;
  }

  /** Puts `connection` last in the row; nothing happens where it is in it. */
  add(connection: TcpConnection): void {
    if (connection.has(READY)) return;
    connection.set(READY);
    if (this.#count === this.#ring.length) this.#grow();
    this.#ring[(this.#head + this.#count++) & (this.#ring.length - 1)] = connection;
  }

  /** Lets each in turn fill `tx`, until it is full or nobody wants more. */
  serve(tx: TxBatch): void {
    while (this.#count > 0 && tx.hasRoom()) {
      const connection = this.#ring[this.#head];
      this.#ring[this.#head] = null;
      this.#head = (this.#head + 1) & (this.#ring.length - 1);
      this.#count--;
      if (connection === null) continue;
      connection.unset(READY);
      if (connection.output(tx)) this.add(connection);
    }
  }

  #grow(): void {
    const size = this.#ring.length;
    const ring = new Array<TcpConnection | null>(size * 2).fill(null);
    for (let i = 0; i < size; i++) ring[i] = this.#ring[(this.#head + i) & (size - 1)];
    this.#ring = ring;
    this.#head = 0;
  }
}
