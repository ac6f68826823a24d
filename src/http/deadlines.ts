import type { Timebase, Wakeup } from "../base/timebase.ts";

/** What a connection is waiting for, and so which timeout runs. `NO_TIMEOUT`: for the application, which has no limit. */
export const NO_TIMEOUT = 0, KEEP_ALIVE = 1, HEADERS = 2, REQUEST = 3, WRITE = 4, LINGER = 5; // prettier-ignore
export type TimeoutKind = 0 | 1 | 2 | 3 | 4 | 5;

/** A connection as the queues see it. They alone write these fields. */
export interface Waiting<Self> {
  timeoutKind: TimeoutKind;
  deadlineUs: number;
  earlier: Self | null;
  later: Self | null;
  /** Its deadline has passed; it stands in the queue of `NO_TIMEOUT` now. */
  expired(kind: TimeoutKind): void;
}

/** A timeout may take so much longer than it says: what starts it again within this time is not worth moving in the queue. */
export const SLACK_MS = 50;

/** A queue in the order of deadlines: all of one kind wait equally long, so the newest goes to the back. */
interface Queue<W> {
  readonly timeoutUs: number;
  first: W | null;
  last: W | null;
}

/**
 * The deadlines of all connections of a server with one wake-up: to (re)arm is to move to the back of a queue, O(1), no timer touched.
 * Every connection stands in exactly one queue, so these are the list of connections as well.
 */
export class Deadlines<W extends Waiting<W>> {
  readonly #timebase: Timebase;
  readonly #queues: readonly Queue<W>[];
  #wakeup: Wakeup | null = null;
  #wakeupAtUs = Infinity;
  size = 0;

  /** `timeoutsMs[kind]`, for each `TimeoutKind`; `Infinity` for never. */
  constructor(timebase: Timebase, timeoutsMs: readonly number[]) {
    this.#timebase = timebase;
    this.#queues = timeoutsMs.map((ms) => ({ timeoutUs: ms * 1000, first: null, last: null }));
  }

  /** How many kinds of timeout there are: 0 to `kinds - 1`. */
  get kinds(): number {
    return this.#queues.length;
  }

  add(waiting: W, kind: TimeoutKind, nowUs: number): void {
    this.size++;
    this.#append(waiting, kind, nowUs);
  }

  remove(waiting: W): void {
    this.size--;
    this.#unlink(waiting);
    if (this.size === 0) this.#disarm();
  }

  /** Starts the timeout `kind` at `nowUs`, in place of the one that ran. @hot */
  restart(waiting: W, kind: TimeoutKind, nowUs: number): void {
    if (kind === waiting.timeoutKind && nowUs + this.#queues[kind].timeoutUs <= waiting.deadlineUs) return;
    this.#unlink(waiting);
    this.#append(waiting, kind, nowUs);
  }

  /** Calls `visit` for each connection of `kind`; it may move or remove the one that it is given. */
  forEach(kind: number, visit: (waiting: W) => void): void {
    const last = this.#queues[kind].last;
    for (let at = this.#queues[kind].first; at !== null;) {
      const next: W | null = at === last ? null : at.later;
      visit(at);
      at = next;
    }
  }

  #append(waiting: W, kind: TimeoutKind, nowUs: number): void {
    const queue = this.#queues[kind];
    waiting.timeoutKind = kind;
    waiting.deadlineUs = nowUs + queue.timeoutUs + SLACK_MS * 1000;
    waiting.earlier = queue.last;
    waiting.later = null;
    if (queue.last === null) queue.first = waiting;
    else queue.last.later = waiting;
    queue.last = waiting;
    if (waiting.deadlineUs < this.#wakeupAtUs) this.#arm(waiting.deadlineUs, nowUs);
  }

  #unlink(waiting: W): void {
    const queue = this.#queues[waiting.timeoutKind];
    if (waiting.earlier === null) queue.first = waiting.later;
    else waiting.earlier.later = waiting.later;
    if (waiting.later === null) queue.last = waiting.earlier;
    else waiting.later.earlier = waiting.earlier;
    waiting.earlier = null;
    waiting.later = null;
  }

  #arm(atUs: number, nowUs: number): void {
    this.#wakeup?.cancel();
    this.#wakeupAtUs = atUs;
    this.#wakeup = this.#timebase.after(Math.max(0, atUs - nowUs) / 1000, () => {
      this.#wake();
    });
    this.#wakeup.unref();
  }

  #disarm(): void {
    this.#wakeup?.cancel();
    this.#wakeup = null;
    this.#wakeupAtUs = Infinity;
  }

  #wake(): void {
    this.#wakeup = null;
    this.#wakeupAtUs = Infinity;
    const nowUs = this.#timebase.nowUs();
    let nextUs = Infinity;
    this.#queues.forEach((queue, kind) => {
      let first = queue.first;
      for (let left = this.size; left > 0 && first !== null && first.deadlineUs <= nowUs; left--) {
        this.restart(first, NO_TIMEOUT, nowUs);
        first.expired(kind as TimeoutKind);
        first = queue.first;
      }
      if (first !== null) nextUs = Math.min(nextUs, first.deadlineUs);
    });
    if (nextUs < this.#wakeupAtUs) this.#arm(nextUs, nowUs);
  }
}
