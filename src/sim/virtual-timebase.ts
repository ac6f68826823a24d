import { assert } from "../base/assert.ts";
import type { Timebase, Wakeup } from "../base/timebase.ts";
import { EventQueue, type SimEvent } from "./event-queue.ts";

/** Events in one turn at most, so that the process stays responsive. */
const EVENTS_PER_TURN = 8192;
/**
 * Turns that are asked for at once. Node runs all ticks and microtasks between two immediates of one batch, as it does
 * between two batches; but only between batches does it poll for input, which costs several microseconds.
 */
const TURNS_PER_BATCH = 64;
/** Batches without an event after which nothing more will happen: a program's own immediates have had their turn. */
const EMPTY_BATCHES_MAX = 3;
/** Events at one instant: more means that somebody asks to be woken for ever without time passing. */
const EVENTS_AT_ONE_INSTANT_MAX = 1_000_000;

/** What the world does beside its events. */
export interface TimeWatcher {
  /** Time is about to pass to `toUs`: everything of the present instant has happened. */
  passing(toUs: number): void;
  /** Nothing is left to happen, and nobody outside is waited for. */
  idle(): void;
  /** Something threw while an event happened. */
  threw(error: unknown): void;
}

/**
 * The time of a simulated world, in whole microseconds, and the loop that lets it pass.
 *
 * Promises, ticks and streams run on the real event loop, so the loop must stop for them. The rule is exact: an event
 * that may have run code of the application says so by `touched`, and before anything else happens the loop waits for
 * one `setImmediate`, behind which all ticks and microtasks have run. All other events (datagrams on links, segments
 * that only the stack sees) follow each other without leaving the loop. A program's own `setImmediate` runs behind at
 * most `TURNS_PER_BATCH` such turns.
 */
export class VirtualTimebase implements Timebase {
  readonly #queue = new EventQueue();
  readonly #watcher: TimeWatcher;
  #nowUs = 0;
  #atThisInstant = 0;
  #touched = true;
  #outside = 0;
  #running = false;
  /** Turns that were asked for and have not come. */
  #asked = 0;
  #emptyBatches = 0;
  #events = 0;
  #drains = 0;

  constructor(watcher: TimeWatcher) {
    this.#watcher = watcher;
  }

  nowUs(): number {
    return this.#nowUs;
  }

  /** Events that have happened, and how often the loop has waited for the application. */
  get events(): number {
    return this.#events;
  }
  get drains(): number {
    return this.#drains;
  }

  at(atUs: number, act: () => void): SimEvent {
    return this.#queue.push(Math.max(atUs, this.#nowUs), act);
  }

  /** A place in the order of what happens at one instant, for an event that is placed later. */
  nextOrder(): number {
    return this.#queue.nextOrder();
  }

  /** Has `event`, which is over or new, happen at `atUs`. */
  place(event: SimEvent, atUs: number, order: number, act: () => void): void {
    this.#queue.place(event, atUs, order, act);
  }

  cancel(event: SimEvent): void {
    this.#queue.cancel(event);
  }

  after(delayMs: number, wake: () => void): Wakeup {
    const event = this.at(this.#nowUs + Math.ceil(Math.max(0, delayMs) * 1000), () => {
      this.touched();
      wake();
    });
    return {
      cancel: () => {
        this.#queue.cancel(event);
      },
      ref: () => undefined,
      unref: () => undefined,
    };
  }

  soon(wake: () => void): void {
    this.at(this.#nowUs, () => {
      this.touched();
      wake();
    });
  }

  /** Code of the application may have run: its ticks and microtasks come before the next event. */
  touched(): void {
    this.#touched = true;
  }

  /** Time stands still while something outside of the simulation (a file, a thread) is waited for. */
  async outside<T>(work: Promise<T>): Promise<T> {
    this.#outside++;
    try {
      return await work;
    } finally {
      this.#outside--;
      this.#schedule();
    }
  }

  /** Lets time pass from now on, as long as there is something to happen. */
  start(): void {
    this.#running = true;
    this.#schedule();
  }

  stop(): void {
    this.#running = false;
  }

  #schedule(): void {
    if (this.#asked > 0 || !this.#running) return;
    this.#asked = TURNS_PER_BATCH;
    for (let turn = 0; turn < TURNS_PER_BATCH; turn++) setImmediate(this.#turn);
  }

  readonly #turn = (): void => {
    this.#asked--;
    this.#touched = false;
    if (!this.#running || this.#outside > 0) return;
    this.#drains++;
    try {
      for (let left = EVENTS_PER_TURN; left > 0 && this.#step(); left--);
      if (this.#emptyBatches === EMPTY_BATCHES_MAX) return this.#watcher.idle();
    } catch (error) {
      this.#watcher.threw(error);
    }
    this.#schedule();
  };

  /** Lets the next event happen; false where there is none, or the application comes first. */
  #step(): boolean {
    const event = this.#queue.shift();
    if (event === null) {
      if (this.#asked === 0) this.#emptyBatches++;
      return false;
    }
    this.#emptyBatches = 0;
    if (event.atUs > this.#nowUs) {
      this.#watcher.passing(event.atUs);
      this.#nowUs = event.atUs;
      this.#atThisInstant = 0;
    }
    this.#events++;
    this.#atThisInstant++;
    assert(this.#atThisInstant <= EVENTS_AT_ONE_INSTANT_MAX, "time passes between events");
    const { act } = event;
    event.act = null;
    act?.();
    return !this.#touched;
  }
}
