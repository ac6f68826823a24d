import type { MemoryBudget } from "../base/memory-budget.ts";

const CHUNK_MIN = 4096;
const CHUNK_MAX = 65_536;
/** Chunks that are smaller are copied together instead of being adopted. */
const ADOPTED_MIN = 1024;
/** What a chunk costs beside its octets: measured, Node 20 on x64. */
export const CHUNK_OVERHEAD = 384;

/**
 * Octets received in order that nobody has taken yet, in chunks of its own. Small segments of a batch end up in one chunk.
 *
 * Owner: a chunk belongs to the queue until `shift` gives it away. What the chunks cost is in `memory.receive`.
 */
export class ReceiveQueue {
  readonly #memory: MemoryBudget;
  readonly #chunks: Uint8Array[] = [];
  /** `#chunks` before it were given away. */
  #first = 0;
  /** The chunk that is being filled, and how much of it is; it follows all of `#chunks`. */
  #open: Uint8Array | null = null;
  #filled = 0;
  octets = 0;
  /** Octets of memory that it holds. */
  charge = 0;

  constructor(memory: MemoryBudget) {
    this.#memory = memory;
    memory.queues++;
  }

  /** Octets that fit in what it holds already. */
  get spare(): number {
    return this.#open === null ? 0 : this.#open.length - this.#filled;
  }

  /** Copies `bytes[start, end)` behind what is there. */
  push(bytes: Uint8Array, start: number, end: number): void {
    let from = start;
    while (from < end) {
      this.#open ??= this.#newChunk(end - from);
      const take = Math.min(end - from, this.#open.length - this.#filled);
      this.#open.set(bytes.subarray(from, from + take), this.#filled);
      this.#filled += take;
      this.octets += take;
      from += take;
      if (this.#filled === this.#open.length) this.#seal();
    }
  }

  /** Takes `chunk` over, which is the caller's own; one that is small is copied. */
  adopt(chunk: Uint8Array): void {
    if (chunk.length < ADOPTED_MIN) {
      this.push(chunk, 0, chunk.length);
      return;
    }
    this.#seal();
    this.#chunks.push(chunk);
    this.octets += chunk.length;
    this.#account(cost(chunk));
  }

  /** The oldest chunk, now the caller's; null where none is left. */
  shift(): Uint8Array | null {
    if (this.#first === this.#chunks.length) this.#seal();
    if (this.#first === this.#chunks.length) return null;
    const chunk = this.#chunks[this.#first++];
    if (this.#first * 2 >= this.#chunks.length) {
      this.#chunks.splice(0, this.#first);
      this.#first = 0;
    }
    this.octets -= chunk.length;
    this.#account(-cost(chunk));
    return chunk;
  }

  /** It is empty, or nobody will take what is in it: its memory is the stack's again. */
  release(): void {
    this.#account(-this.charge);
    this.#memory.queues--;
  }

  #account(octets: number): void {
    this.charge += octets;
    this.#memory.receive += octets;
  }

  #seal(): void {
    if (this.#open === null) return;
    this.#chunks.push(this.#open.subarray(0, this.#filled));
    this.#open = null;
    this.#filled = 0;
  }

  /** A lone segment gets just its size; what follows unread segments is expected to go on, as far as there is memory. */
  #newChunk(octets: number): Uint8Array {
    const expected = this.octets === 0 ? octets : Math.min(CHUNK_MAX, Math.max(CHUNK_MIN, this.octets * 2));
    const spare = this.#memory.room(this.charge, this.octets);
    const chunk = new Uint8Array(Math.max(octets, Math.min(expected, spare)));
    this.#account(cost(chunk));
    return chunk;
  }
}

/** A chunk may be a part of a larger one: it keeps all of that alive. */
const cost = (chunk: Uint8Array): number => chunk.buffer.byteLength + CHUNK_OVERHEAD;
