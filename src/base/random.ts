/** Where randomness comes from: the driver hands cores one of these; the simulator hands them a seeded one. */
export interface Random {
  /** The next 32 random bits, as an int32. */
  nextInt32(): number;
}

/** Uniform in [0, bound), for 0 < bound <= 2^31. Rejects the tail, so no value is likelier than another. */
export function randomBelow(random: Random, bound: number): number {
  const limit = 0x1_0000_0000 - (0x1_0000_0000 % bound);
  for (;;) {
    const value = random.nextInt32() >>> 0;
    if (value < limit) return value % bound;
  }
}

/** Uniform in [0, 1) with 32 bits of resolution. */
export const randomUnit = (random: Random): number => (random.nextInt32() >>> 0) / 0x1_0000_0000;

/** sfc32 (Chris Doty-Humphrey, PractRand): small, fast, seeded; for simulation and tests, never for secrets. */
export class SeededRandom implements Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number) {
    this.#a = seed | 0;
    this.#b = Math.floor(seed / 0x1_0000_0000) | 0;
    this.#c = 0x9e37_79b9 | 0;
    for (let i = 0; i < 12; i++) this.nextInt32();
  }

  nextInt32(): number {
    const out = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + out) | 0;
    return out;
  }
}
