/** How often suspect segments of one connection were answered in a second of the clock: RFC 5961 §7. Few connections have any. */
export class SuspectAnswers {
  /** Challenge ACKs. */
  challenges = 0;
  /** ACKs of text outside the window. */
  staleAcks = 0;
  #second = 0;

  /** Counts begin anew with every second. */
  at(nowUs: number): this {
    const second = Math.floor(nowUs / 1_000_000);
    if (second === this.#second) return this;
    this.#second = second;
    this.challenges = this.staleAcks = 0;
    return this;
  }
}
