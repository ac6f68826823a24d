import type { Address } from "../base/address.ts";

/** One cut between two groups of addresses. */
export interface Cut {
  readonly from: ReadonlySet<Address>;
  readonly to: ReadonlySet<Address>;
}

/** Which hosts cannot reach which others now. */
export class Partitions {
  readonly #cuts = new Set<Cut>();

  add(cut: Cut): void {
    this.#cuts.add(cut);
  }

  remove(cut: Cut): void {
    this.#cuts.delete(cut);
  }

  clear(): void {
    this.#cuts.clear();
  }

  get any(): boolean {
    return this.#cuts.size > 0;
  }

  /** Whether nothing may get from `source` to `destination`. */
  separate(source: Address, destination: Address): boolean {
    for (const { from, to } of this.#cuts) if (from.has(source) && to.has(destination)) return true;
    return false;
  }
}
