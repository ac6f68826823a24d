/** A wake-up that was asked for. */
export interface Wakeup {
  cancel(): void;
  /** Whether it keeps the process alive (in virtual time: nothing). */
  ref(): void;
  unref(): void;
}

/** Where time passes: the event loop's clock and timers, or the simulator's. Only drivers, devices and sockets hold one. */
export interface Timebase {
  /** Monotonic, in microseconds. */
  nowUs(): number;
  /** Calls `wake` once, `delayMs` (fractions allowed) from now at the earliest. */
  after(delayMs: number, wake: () => void): Wakeup;
  /** Calls `wake` once the running turn, its ticks and microtasks included, has ended, and before time passes. */
  soon(wake: () => void): void;
}
