/** Octets of a WebAssembly page, the unit in which memory grows. */
const PAGE_OCTETS = 65_536;
const WORDS_PER_PAGE = PAGE_OCTETS / 4;

/** What is used of WebAssembly here: a memory that grows in place. It needs neither Node's nor the browser's types. */
interface PagedMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}
declare const WebAssembly: { Memory: new (shape: { initial: number; maximum: number }) => PagedMemory } | undefined;

/** A memory that reserves address space for `maximum` pages, or null where there is no WebAssembly or no such space. */
function reserve(maximum: number): PagedMemory | null {
  try {
    return typeof WebAssembly === "undefined" ? null : new WebAssembly.Memory({ initial: 1, maximum });
  } catch {
    return null; // A process with a limit on its address space (RLIMIT_AS) may be refused.
  }
}

/**
 * Zeroed int32 words that grow without being copied: address space is reserved once, pages come into being when they
 * are first touched. It starts on a page, so rows of 16 words are cache lines.
 *
 * A WebAssembly memory is used for it (no WebAssembly code): its views are of fixed length, which V8 reads faster than those
 * of a resizable ArrayBuffer, and need no second step as chunks do. Where none can be had, growth doubles and copies.
 *
 * Owner: whoever made it. `words` is another view after each growth; the former is empty then, so never keep one.
 */
export class GrowableWords {
  /** The view over all words that exist now. */
  words: Int32Array;
  readonly #memory: PagedMemory | null;
  readonly #wordsMax: number;

  /** `wordsMax` is a promise: `growTo` is never asked for more. At most 2^30. */
  constructor(wordsMax: number) {
    this.#wordsMax = wordsMax;
    this.#memory = reserve(Math.ceil(wordsMax / WORDS_PER_PAGE));
    this.words = this.#memory === null ? new Int32Array(WORDS_PER_PAGE) : new Int32Array(this.#memory.buffer);
  }

  /** The memory itself, for WebAssembly code to import; null where there is none. */
  get memory(): object | null {
    return this.#memory;
  }

  /** Makes `words` at least `length` long; a quarter is added at least, so that growth stays rare. */
  growTo(length: number): void {
    const now = this.words.length;
    if (length <= now) return;
    const wanted = Math.max(length, Math.min(this.#wordsMax, Math.ceil(now * 1.25)));
    if (this.#memory !== null) {
      this.#memory.grow(Math.ceil((wanted - now) / WORDS_PER_PAGE));
      this.words = new Int32Array(this.#memory.buffer);
      return;
    }
    const larger = new Int32Array(Math.max(wanted, Math.min(this.#wordsMax, now * 2)));
    larger.set(this.words);
    this.words = larger;
  }
}
