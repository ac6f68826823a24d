/** Cancelled events that may lie in the heap before it is swept, if they outnumber the others. */
const CANCELLED_MAX = 1024;

/** Something that happens at one instant of virtual time, unless it is cancelled before. Its owner may have it happen again. */
export class SimEvent {
  atUs = 0;
  /** Tells events of the same instant apart: the lower happens first. */
  order = 0;
  /** Null while it is not going to happen: it was cancelled, or has happened. */
  act: (() => void) | null = null;
}

const precedes = (a: SimEvent, b: SimEvent): boolean => a.atUs < b.atUs || (a.atUs === b.atUs && a.order < b.order);

/** Events by time, then by order: a binary heap. A cancelled event stays until it comes up or until many of them lie there. */
export class EventQueue {
  #heap: SimEvent[] = [];
  #orders = 0;
  #cancelled = 0;

  /** Events that are still to happen. */
  get length(): number {
    return this.#heap.length - this.#cancelled;
  }

  /** A place in the order of events at one instant, behind all that were given before. */
  nextOrder(): number {
    return this.#orders++;
  }

  push(atUs: number, act: () => void): SimEvent {
    const event = new SimEvent();
    this.place(event, atUs, this.nextOrder(), act);
    return event;
  }

  /** Has `event` happen at `atUs`. Precondition: it has happened, or is new (a cancelled one may still lie in the heap). */
  place(event: SimEvent, atUs: number, order: number, act: () => void): void {
    event.atUs = atUs;
    event.order = order;
    event.act = act;
    this.#heap.push(event);
    this.#rise(this.#heap.length - 1);
  }

  /** Nothing happens where it has happened, or was cancelled, already. */
  cancel(event: SimEvent): void {
    if (event.act === null) return;
    event.act = null;
    this.#cancelled++;
    if (this.#cancelled > CANCELLED_MAX && this.#cancelled * 2 > this.#heap.length) this.#sweep();
  }

  /** Takes the event that happens next, or null. Its `act` is the caller's to run and to clear. */
  shift(): SimEvent | null {
    for (;;) {
      const event = this.#pop();
      if (event?.act !== null) return event ?? null;
      this.#cancelled--;
    }
  }

  #pop(): SimEvent | null {
    const heap = this.#heap;
    if (heap.length === 0) return null;
    const first = heap[0];
    const last = heap.pop();
    if (heap.length > 0 && last !== undefined) {
      heap[0] = last;
      this.#sink(0);
    }
    return first;
  }

  #sweep(): void {
    this.#heap = this.#heap.filter((event) => event.act !== null);
    this.#cancelled = 0;
    for (let at = (this.#heap.length >>> 1) - 1; at >= 0; at--) this.#sink(at);
  }

  #rise(from: number): void {
    const heap = this.#heap;
    const event = heap[from];
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (precedes(heap[parent], event)) break;
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = event;
  }

  #sink(from: number): void {
    const heap = this.#heap;
    const event = heap[from];
    let at = from;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && precedes(heap[child + 1], heap[child])) child++;
      if (precedes(event, heap[child])) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = event;
  }
}
