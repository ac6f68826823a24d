import { BURST_CODE } from "./four-tuple-burst-code.ts";
import type { Burst } from "./four-tuple-burst.ts";
import type { FourTupleHash } from "./four-tuple-hash.ts";
import { type FourTupleMemory, NOBODY_AT, SECRET_AT } from "./four-tuple-memory.ts";
import { HASH } from "./four-tuple-record.ts";

/** What is used of WebAssembly here: neither Node's nor the browser's types are needed. */
declare const WebAssembly:
  | {
      Module: new (code: Uint8Array) => object;
      Instance: new (module: object, imports: object) => { readonly exports: Exports };
    }
  | undefined;
interface Exports {
  readonly findBurst: (count: number) => void;
  readonly findOne: (local: number, remote: number, ports: number) => number;
}

const octetsOf = (hex: string): Uint8Array =>
  Uint8Array.from({ length: hex.length / 2 }, (_, i) => parseInt(hex.slice(2 * i, 2 * i + 2), 16));

/** Look-ups by WebAssembly with SIMD: `four-tuple-burst.wat`. They find what `PlainBurst` and the index find. */
export class FastBurst implements Burst {
  readonly #findBurst: Exports["findBurst"];
  readonly #findOne: Exports["findOne"];

  /** Users call `over`. */
  constructor({ findBurst, findOne }: Exports) {
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
      memory.words[NOBODY_AT + HASH] = ~hash.of(0, 0, 0);
      return new FastBurst(exports);
    } catch {
      return null; // A page's policy may forbid code that is made at run time.
    }
  }

  /** @hot */
  find(count: number): void {
    this.#findBurst(count);
  }
  /** The id of one key, or -1. @hot */
  findOne(local: number, remote: number, ports: number): number {
    return this.#findOne(local, remote, ports);
  }
}
