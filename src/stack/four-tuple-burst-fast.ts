import { BURST_CODE } from "./four-tuple-burst-code.ts";
import type { Burst } from "./four-tuple-burst.ts";
import type { FourTupleHash } from "./four-tuple-hash.ts";
import { BURST, FOUND_AT, type FourTupleMemory, KEYS_AT, SECRET_AT } from "./four-tuple-memory.ts";

/** What is used of WebAssembly here: neither Node's nor the browser's types are needed. */
declare const WebAssembly:
  | {
      Module: new (code: Uint8Array) => object;
      Instance: new (module: object, imports: object) => { readonly exports: { readonly find: Find } };
    }
  | undefined;
/** `base` in octets. Works on the burst that stands in the memory. */
type Find = (count: number, shift: number, base: number, highWater: number) => void;

const KEY_WORDS = 3;

const octetsOf = (hex: string): Uint8Array =>
  Uint8Array.from({ length: hex.length / 2 }, (_, i) => parseInt(hex.slice(2 * i, 2 * i + 2), 16));

/** A burst by WebAssembly with SIMD: `four-tuple-burst.wat`. It finds what `PlainBurst` finds. */
export class FastBurst implements Burst {
  readonly #memory: FourTupleMemory;
  readonly #find: Find;

  /** Users call `over`. */
  constructor(memory: FourTupleMemory, find: Find) {
    this.#memory = memory;
    this.#find = find;
  }

  /** Null where there is no WebAssembly, or none with SIMD. */
  static over(memory: FourTupleMemory, hash: FourTupleHash): FastBurst | null {
    const { imported } = memory;
    if (imported === null || typeof WebAssembly === "undefined") return null;
    try {
      const module = new WebAssembly.Module(octetsOf(BURST_CODE));
      const { find } = new WebAssembly.Instance(module, { table: { memory: imported } }).exports;
      hash.copySecret(memory.words, SECRET_AT);
      return new FastBurst(memory, find);
    } catch {
      return null; // A page's policy may forbid code that is made at run time.
    }
  }

  /** @hot */
  find(keys: Int32Array, from: number, count: number, shift: number, highWater: number, out: Int32Array): void {
    const { base, words } = this.#memory;
    if (from === 0 && keys.length === BURST * KEY_WORDS) words.set(keys, KEYS_AT);
    else for (let i = 0; i < count * KEY_WORDS; i++) words[KEYS_AT + i] = keys[from * KEY_WORDS + i];
    this.#find(count, shift, base * 4, highWater);
    for (let i = 0; i < count; i++) out[from + i] = words[FOUND_AT + i];
  }
}
