/** Places at first; a power of two, as all that follow. */
const PLACES_MIN = 16;

/** Numbers, first in, first out, in a ring that grows and allocates nothing otherwise. Whoever fills it bounds it. */
export class NumberQueue {
  #numbers = new Float64Array(PLACES_MIN);
  #first = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(number: number): void {
    if (this.#length === this.#numbers.length) this.#grow();
    this.#numbers[(this.#first + this.#length) & (this.#numbers.length - 1)] = number;
    this.#length++;
  }

  /** The one in `place`, the oldest in 0. Precondition: it is there. */
  peek(place = 0): number {
    return this.#numbers[(this.#first + place) & (this.#numbers.length - 1)];
  }

  /** Takes the oldest. Precondition: there is one. */
  shift(): number {
    const number = this.#numbers[this.#first];
    this.#first = (this.#first + 1) & (this.#numbers.length - 1);
    this.#length--;
    return number;
  }

  #grow(): void {
    const numbers = new Float64Array(this.#numbers.length * 2);
    numbers.set(this.#numbers.subarray(this.#first));
    numbers.set(this.#numbers.subarray(0, this.#first), this.#numbers.length - this.#first);
    this.#numbers = numbers;
    this.#first = 0;
  }
}
