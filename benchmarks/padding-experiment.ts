import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";

import { SeededRandom } from "../src/base/random.ts";
import type { Bench } from "./harness.ts";
import type { Timed, Verdict } from "./welch.ts";

export const MODULUS_OCTETS = 256;
export const PRE_MASTER_AT = MODULUS_OCTETS - 48;
export const VERSION = 0x0303;
/** Inputs that are made ahead of being measured. */
const BATCH = 500;
/** Samples that are thrown away: in them the engine compiles what is measured. */
const WARM_UP = 3000;

/** What can be wrong with a block of the right length, and of what kind it must look the same as none. */
export const DEFECTS: readonly (readonly [name: string, spoil: (block: Buffer) => void])[] = [
  ["first octet", (block) => (block[0] = 1)],
  ["block type", (block) => (block[1] = 1)],
  ["zero at the beginning of the padding", (block) => (block[2] = 0)],
  ["zero at the end of the padding", (block) => (block[PRE_MASTER_AT - 2] = 0)],
  ["no zero behind the padding", (block) => (block[PRE_MASTER_AT - 1] = 7)],
  ["nothing in its place", (block) => block.set(nonZeroOctets(MODULUS_OCTETS - 1), 1)],
  ["version", (block) => (block[PRE_MASTER_AT + 1] = 2)],
];

function nonZeroOctets(length: number): Buffer {
  const octets = randomBytes(length);
  for (let at = 0; at < length; at++) octets[at] = Math.max(1, octets[at]);
  return octets;
}

export function goodBlock(): Buffer {
  const block = nonZeroOctets(MODULUS_OCTETS);
  block[0] = 0;
  block[1] = 2;
  block[PRE_MASTER_AT - 1] = 0;
  block.set(randomBytes(48), PRE_MASTER_AT);
  block.writeUInt16BE(VERSION, PRE_MASTER_AT);
  return block;
}

interface Input {
  readonly octets: Buffer;
  /** Of `DEFECTS`; -1 for none. */
  readonly defect: number;
}
export interface Sample extends Timed {
  readonly defect: number;
}

/** Nanoseconds that an input took. */
export type Measured = (octets: Buffer) => number | Promise<number>;

/** As many valid inputs as others, in random order. */
export class Experiment {
  readonly #random = new SeededRandom(1);
  readonly #make: (block: Buffer) => Buffer;
  readonly #measured: Measured;

  /** `make` turns a block into what is measured. */
  constructor(make: (block: Buffer) => Buffer, measured: Measured) {
    this.#make = make;
    this.#measured = measured;
  }

  async run(count: number): Promise<Sample[]> {
    const samples: Sample[] = [];
    for (let at = count > WARM_UP ? -WARM_UP : 0; at < count; at += BATCH) {
      const inputs = Array.from({ length: Math.min(BATCH, count - at) }, () => this.#input());
      for (const { octets, defect } of inputs) {
        const ns = await this.#measured(octets);
        if (at >= 0) samples.push({ ns, second: defect >= 0, defect });
      }
    }
    return samples;
  }

  #input(): Input {
    const block = goodBlock();
    const bits = this.#random.nextInt32() >>> 0;
    const defect = (bits & 1) === 0 ? -1 : (bits >>> 1) % DEFECTS.length;
    if (defect >= 0) DEFECTS[defect][1](block);
    return { octets: this.#make(block), defect };
  }
}

export function tell(bench: Bench, name: string, { t, tMost, percentile, medians }: Verdict): void {
  bench.figure(`${name}: Welch's t`, t, "");
  bench.figure(`${name}: t furthest from 0 of all crops`, tMost, `(below percentile ${percentile.toFixed(1)})`);
  bench.figure(`${name}: median of valid less that of invalid`, medians[0] - medians[1], "ns");
}
