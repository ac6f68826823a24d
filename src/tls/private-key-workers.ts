import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";

import type { Timebase } from "../base/timebase.ts";
import { operate, type PrivateOperation } from "./private-operation.ts";

/** Operations that are done in place in one turn of the event loop: a handshake that comes alone pays for no other thread. */
export const IN_PLACE_PER_TURN = 1;
/** Operations that wait for one worker; where all have as many, the next ones are done in place. */
export const WAITING_PER_WORKER_MAX = 8;

/** Threads at most, unless the application says otherwise; one processor is left to the event loop. */
export const WORKERS_MAX = 2;
export const workersByDefault = (): number => Math.min(WORKERS_MAX, availableParallelism() - 1);

/** Is called once, at once or later; null where the key could not be used. The octets are the callee's. */
export type PrivateResult = (octets: Buffer | null) => void;

/** Who does what needs a private key. */
export interface PrivateKeys {
  run(operation: PrivateOperation, done: PrivateResult): void;
}

function attempt(operation: PrivateOperation): Buffer | null {
  try {
    return operate(operation);
  } catch {
    return null;
  }
}

export const IN_PLACE: PrivateKeys = {
  run: (operation, done) => {
    done(attempt(operation));
  },
};

/**
 * What a worker runs. It is text because the path of a file of its own would be another one in `dist`, in tests and in
 * bundles. What it answers is copied on the way, and wiped here.
 */
export const WORKER_SOURCE = `
const { parentPort } = require("node:worker_threads");
const { privateDecrypt, sign } = require("node:crypto");
parentPort.on("message", ({ number, operation: { kind, key, hash, input } }) => {
  let octets = null;
  try {
    octets = kind === "decrypt" ? privateDecrypt(key, input) : sign(hash, input, key);
  } catch {}
  parentPort.postMessage({ number, octets });
  octets?.fill(0);
});
`;

interface Waiting {
  readonly operation: PrivateOperation;
  readonly done: PrivateResult;
}

/** One thread, and what it has not answered yet. */
class KeyWorker {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #next = 0;
  #online = false;

  constructor(source: string, lost: (worker: KeyWorker) => void) {
    this.#worker = new Worker(source, { eval: true, execArgv: [], env: {}, name: "private-key" });
    this.#worker.unref();
    this.#worker.on("online", () => (this.#online = true));
    this.#worker.on("message", (answer: { number: number; octets: Uint8Array | null }) => this.#answered(answer));
    this.#worker.on("error", () => {
      // "exit" follows.
    });
    this.#worker.on("exit", () => {
      lost(this);
      this.close();
    });
  }

  /** It has started, and more may be given to it. */
  get hasRoom(): boolean {
    return this.#online && this.#waiting.size < WAITING_PER_WORKER_MAX;
  }
  get load(): number {
    return this.#waiting.size;
  }

  take(operation: PrivateOperation, done: PrivateResult): void {
    const number = this.#next++;
    this.#waiting.set(number, { operation, done });
    // A copy: of a view, all the memory that it is a view of would go along.
    const input = new Uint8Array(operation.input);
    this.#worker.postMessage({ number, operation: { ...operation, input } });
  }

  /** Ends the thread; what it has not answered is done in place. */
  close(): void {
    const left = [...this.#waiting.values()];
    this.#waiting.clear();
    void this.#worker.terminate();
    for (const { operation, done } of left) done(attempt(operation));
  }

  #answered({ number, octets }: { number: number; octets: Uint8Array | null }): void {
    const waiting = this.#waiting.get(number);
    if (waiting === undefined) return; // Done in place meanwhile.
    this.#waiting.delete(number);
    waiting.done(octets === null ? null : Buffer.from(octets.buffer, octets.byteOffset, octets.length));
  }
}

export interface PrivateKeyWorkersOptions {
  /** Threads at most; none are made before they are needed. */
  readonly workers: number;
  /** Tells turns of the event loop apart. */
  readonly timebase: Timebase;
  /** What they run. */
  readonly source?: string;
}

/**
 * Worker threads for private operations, which take some 250 us with RSA-2048 and which Node does nowhere else: while one
 * is at work the event loop stands still. They are used when handshakes queue up, that is when more than `IN_PLACE_PER_TURN` ask in
 * one turn. Which thread does an operation depends on how many there are and never on what is in it.
 *
 * A worker that dies is not replaced, and what it was given is done in place. Workers keep no process alive.
 */
export class PrivateKeyWorkers implements PrivateKeys {
  readonly #options: PrivateKeyWorkersOptions;
  readonly #workers = new Set<KeyWorker>();
  /** Threads that may still be made. */
  #left: number;
  #inThisTurn = 0;

  constructor(options: PrivateKeyWorkersOptions) {
    this.#options = options;
    this.#left = options.workers;
  }

  /** Threads that there are. */
  get size(): number {
    return this.#workers.size;
  }

  run(operation: PrivateOperation, done: PrivateResult): void {
    if (this.#inThisTurn === 0) this.#options.timebase.soon(() => (this.#inThisTurn = 0));
    this.#inThisTurn++;
    const worker = this.#inThisTurn > IN_PLACE_PER_TURN ? this.#choose() : null;
    if (worker === null) done(attempt(operation));
    else worker.take(operation, done);
  }

  /** Ends the threads; from now on everything is done in place. */
  close(): void {
    this.#left = 0;
    for (const worker of this.#workers) worker.close();
    this.#workers.clear();
  }

  /** The one with the least to do; null where none has room. Makes another one where all are busy: it helps once it has started. */
  #choose(): KeyWorker | null {
    let least: KeyWorker | null = null;
    for (const worker of this.#workers) {
      if (worker.hasRoom && worker.load < (least?.load ?? Infinity)) least = worker;
    }
    if (this.#left > 0 && (least === null || least.load > 0)) {
      this.#left--;
      this.#workers.add(new KeyWorker(this.#options.source ?? WORKER_SOURCE, (lost) => this.#workers.delete(lost)));
    }
    return least;
  }
}
