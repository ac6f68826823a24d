/**
 * The one time that the cores see: monotonic microseconds, written by the driver once per batch.
 * A Float64Array cell holds it, so that writing it allocates nothing.
 */
export class Clock {
  readonly #cell = new Float64Array(1);

  /** Monotonic, in microseconds. */
  get nowUs(): number {
    return this.#cell[0];
  }
  set nowUs(us: number) {
    this.#cell[0] = us;
  }
  /** Whole milliseconds of `nowUs`, as int32: it wraps after 24.8 days, so compare by signed difference only. */
  get nowMs(): number {
    return (this.#cell[0] / 1000) | 0;
  }
}
