import { BURST_CODE } from "./four-tuple-burst-code.ts";
import type { Burst } from "./four-tuple-burst.ts";
import type { FourTupleHash } from "./four-tuple-hash.ts";
import { type FourTupleMemory, SECRET_AT } from "./four-tuple-memory.ts";

/** What is used of WebAssembly here: neither Node's nor the browser's types are needed. */
declare const WebAssembly:
  | {
      Module: new (code: Uint8Array) => object;
      Instance: new (module: object, imports: object) => { readonly exports: Exports };
    }
  | undefined;
/** `base` in octets. */
interface Exports {
  readonly findBurst: (count: number, shift: number, base: number, highWater: number) => void;
  readonly findOne: (
    local: number,
    remote: number,
    ports: number,
    shift: number,
    base: number,
    highWater: number,
  ) => number;
}

const octetsOf = (hex: string): Uint8Array =>
  Uint8Array.from({ length: hex.length / 2 }, (_, i) => parseInt(hex.slice(2 * i, 2 * i + 2), 16));

/** Look-ups by WebAssembly with SIMD: `four-tuple-burst.wat`. They find what `PlainBurst` and the index find. */
export class FastBurst implements Burst {
  readonly #base: number;
  readonly #findBurst: Exports["findBurst"];
  readonly #findOne: Exports["findOne"];

  /** Users call `over`. */
  constructor(base: number, { findBurst, findOne }: Exports) {
    this.#base = base * 4;
    this.#findBurst = findBurst;
    this.#findOne = findOne;
  }

  /** Null where there is no WebAssembly, or none with SIMD. */
  static over(memory: FourTupleMemory, hash: FourTupleHash): FastBurst | null {
    const { imported } = memory;
    if (imported === null || typeof WebAssembly === "undefined") return null;
    try {
      const module = new WebAssembly.Module(octetsOf(BURST_CODE));
      const { exports } = new WebAssembly.Instance(module, { table: { memory: imported } });
      hash.copySecret(memory.words, SECRET_AT);
      return new FastBurst(memory.base, exports);
    } catch {
      return null; // A page's policy may forbid code that is made at run time.
    }
  }

  /** @hot */
  find(count: number, shift: number, highWater: number): void {
    this.#findBurst(count, shift, this.#base, highWater);
  }

  /** The id of one key, or -1. @hot */
  findOne(local: number, remote: number, ports: number, shift: number, highWater: number): number {
    return this.#findOne(local, remote, ports, shift, this.#base, highWater);
  }
}
