/** Places of a queue that has held nothing yet; a power of two, as all that follow. */
const PLACES_MIN = 16;

/** First in, first out, in a ring that grows. Whoever fills it bounds it. */
export class Fifo<T> {
  #items: (T | undefined)[] = [];
  #first = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(item: T): void {
    if (this.#length === this.#items.length) this.#grow();
    this.#items[(this.#first + this.#length) & (this.#items.length - 1)] = item;
    this.#length++;
  }

  /** The oldest, or `undefined` where there is none. */
  peek(): T | undefined {
    return this.#items[this.#first];
  }

  shift(): T | undefined {
    if (this.#length === 0) return undefined;
    const item = this.#items[this.#first];
    this.#items[this.#first] = undefined;
    this.#first = (this.#first + 1) & (this.#items.length - 1);
    this.#length--;
    return item;
  }

  clear(): void {
    this.#items = [];
    this.#first = 0;
    this.#length = 0;
  }

  #grow(): void {
    const items = new Array<T | undefined>(Math.max(PLACES_MIN, this.#items.length * 2)).fill(undefined);
    for (let i = 0; i < this.#length; i++) items[i] = this.#items[(this.#first + i) & (this.#items.length - 1)];
    this.#items = items;
    this.#first = 0;
  }
}
