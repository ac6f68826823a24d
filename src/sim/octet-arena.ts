import { Frame } from "../base/frame.ts";
import { Fifo } from "../device/fifo.ts";

const CHUNK_OCTETS = 1 << 18;
/** Full chunks that are remembered for a second use at most; others are left to the collector. */
const SPENT_MAX = 256;

/** A chunk of the arena, or the memory of one datagram alone. */
export class Chunk extends Frame {
  /** Links, interfaces and captures that hold a datagram of it: each one more when it takes a datagram in, one less when it lets go. */
  holds = 0;

  static override ofSize(octets: number): Chunk {
    return new Chunk(new Uint8Array(octets));
  }
}

/**
 * Memory for datagrams, cut from large chunks. A chunk is used again once nobody holds a datagram of it, which is looked at
 * when the next is needed: what has just been taken must be on a link by then.
 */
export class OctetArena {
  /** What was taken last lies at `frame.bytes[at, …)`. */
  frame = Chunk.ofSize(CHUNK_OCTETS);
  at = 0;
  #used = 0;
  readonly #spent = new Fifo<Chunk>();

  take(octets: number): void {
    if (this.#used + octets > this.frame.bytes.length) this.#change(octets);
    this.at = this.#used;
    this.#used += octets;
  }

  #change(octets: number): void {
    this.#spent.push(this.frame);
    const free = octets <= CHUNK_OCTETS && this.#spent.peek()?.holds === 0 ? this.#spent.shift() : undefined;
    if (this.#spent.length > SPENT_MAX) this.#spent.shift();
    this.frame = free ?? Chunk.ofSize(Math.max(CHUNK_OCTETS, octets));
    this.#used = 0;
  }
}
