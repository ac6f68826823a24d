import { assert } from "../base/assert.ts";
import { type Random, randomUnit } from "../base/random.ts";

/**
 * Loss in bursts: a link that is either good or bad, and changes between the two with every datagram. Probabilities.
 * Bursts last `1 / toGood` datagrams on average; the share of datagrams lost is
 * `(toBad * lossBad + toGood * lossGood) / (toBad + toGood)`.
 * Source: Gilbert, "Capacity of a burst-noise channel", BSTJ 1960; Elliott, BSTJ 1963.
 */
export interface GilbertElliott {
  /** From good to bad. */
  readonly toBad: number;
  /** From bad to good. */
  readonly toGood: number;
  /** Loss while the link is bad; 1 unless given. */
  readonly lossBad?: number;
  /** Loss while it is good; 0 unless given. */
  readonly lossGood?: number;
}

/** A probability for each datagram alone (Bernoulli), or bursts. */
export type Loss = number | GilbertElliott;

export const checkProbability = (p: number): void => {
  assert(p >= 0 && p <= 1, "a probability lies in [0, 1]");
};

/** Decides for one datagram after the other whether it is lost. */
export class LossModel {
  readonly isBursty: boolean;
  readonly #random: Random;
  readonly #toBad: number;
  readonly #toGood: number;
  readonly #lossBad: number;
  readonly #lossGood: number;
  #bad = false;

  constructor(loss: Loss, random: Random) {
    const model = typeof loss === "number" ? { toBad: 0, toGood: 1, lossGood: loss } : loss;
    this.isBursty = typeof loss !== "number";
    this.#random = random;
    this.#toBad = model.toBad;
    this.#toGood = model.toGood;
    this.#lossBad = model.lossBad ?? 1;
    this.#lossGood = model.lossGood ?? 0;
    for (const p of [this.#toBad, this.#toGood, this.#lossBad, this.#lossGood]) checkProbability(p);
  }

  loses(): boolean {
    if (this.isBursty) this.#bad = randomUnit(this.#random) < (this.#bad ? 1 - this.#toGood : this.#toBad);
    const p = this.#bad ? this.#lossBad : this.#lossGood;
    return p > 0 && randomUnit(this.#random) < p;
  }
}
