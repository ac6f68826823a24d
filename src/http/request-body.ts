import { Buffer } from "node:buffer";

import type { BodySink } from "./body-flow.ts";
import { HttpUsageError } from "./errors.ts";
import { HttpError } from "./http-error.ts";

/** Octets that an iteration holds before it makes the client wait. */
export const ITERATION_HIGH_WATER = 65_536;

/** Where a body comes from: the connection, for as long as the request is the current one. */
export interface BodySource {
  /** Starts the flow to `sink`; a body that is over is told at once. */
  attach(sink: BodySink): void;
  pause(): void;
  resume(): void;
  /** Whatever is left is thrown away. */
  discard(): void;
}

/**
 * The content of a request, without its transfer coding. It can be read once, in one of four ways; octets wait in the
 * client, not here, until somebody reads. What is left unread when the response is done is thrown away.
 */
export class RequestBody implements AsyncIterable<Uint8Array> {
  /** Octets announced by Content-Length (0 where there is no body), or `null` for chunked. */
  readonly length: number | null;
  readonly #source: BodySource;
  readonly #collectedMax: number;
  #used = false;

  constructor(source: BodySource, length: number | null, collectedMax: number) {
    this.#source = source;
    this.length = length;
    this.#collectedMax = collectedMax;
  }

  /** The fast way: octets are lent to `sink` where they lie. */
  read(sink: BodySink): void {
    if (this.#used) throw new HttpUsageError("ERR_HTTP_BODY_USED", "the body is being read already");
    this.#used = true;
    if (this.length === 0) sink.end();
    else this.#source.attach(sink);
  }

  /** While a `sink` reads: it gets no more `data` until `resume`. */
  pause(): void {
    this.#source.pause();
  }

  resume(): void {
    this.#source.resume();
  }

  /** All octets, in memory of their own. Rejects with an `HttpError` of 413 beyond `max` octets. */
  bytes(max = this.#collectedMax): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const tooLarge = (): void => {
        reject(new HttpError(413));
      };
      if (this.length !== null && this.length > max) {
        tooLarge();
        return;
      }
      const pieces: Buffer[] = [];
      let length = 0;
      this.read({
        data: (octets, start, end) => {
          length += end - start;
          if (length <= max) pieces.push(copy(octets, start, end));
          else {
            pieces.length = 0;
            tooLarge();
            this.#source.discard();
          }
        },
        end: () => {
          resolve(Buffer.concat(pieces));
        },
        error: reject,
      });
    });
  }

  /** All of it as UTF-8. */
  async text(max = this.#collectedMax): Promise<string> {
    return new TextDecoder().decode(await this.bytes(max));
  }

  /** Copies of the octets as they come; at most `ITERATION_HIGH_WATER` and one delivery wait for the loop. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, void> {
    const pieces: Uint8Array[] = [];
    let held = 0;
    let over = false;
    let failure: Error | null = null;
    let wake: (() => void) | null = null;
    const awaken = (): void => {
      wake?.();
      wake = null;
    };
    this.read({
      data: (octets, start, end) => {
        pieces.push(copy(octets, start, end));
        held += end - start;
        if (held >= ITERATION_HIGH_WATER) this.#source.pause();
        awaken();
      },
      end: () => {
        over = true;
        awaken();
      },
      error: (error) => {
        failure = error;
        awaken();
      },
    });
    const state = (): { over: boolean; failure: Error | null } => ({ over, failure });
    try {
      for (;;) {
        const piece = pieces.shift();
        if (piece !== undefined) {
          held -= piece.length;
          yield piece;
        } else {
          const now = state();
          if (now.failure !== null) throw now.failure;
          if (now.over) return;
          const woken = new Promise<void>((resolve) => {
            wake = resolve;
          });
          this.#source.resume();
          await woken;
        }
      }
    } finally {
      this.#source.discard();
    }
  }
}

const copy = (octets: Uint8Array, start: number, end: number): Buffer => Buffer.from(octets.subarray(start, end));
