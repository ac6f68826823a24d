import type { BodyDecoder } from "./body-decoder.ts";

/** Who reads the content of a request. Calls come in order; the last one is `end` or `error`. */
export interface BodySink {
  /** `octets[start, end)` are lent: copy what must stay. */
  data(octets: Uint8Array, start: number, end: number): void;
  end(): void;
  error(error: Error): void;
}

/** The content of one request on its way from the connection to its reader. */
export class BodyFlow {
  readonly decoder: BodyDecoder;
  sink: BodySink | null = null;
  paused = false;
  /** Nobody will read it: it is thrown away. */
  discarding = false;
  discarded = 0;
  /** What its reader threw: the rest is thrown away, so that the framing is kept. */
  thrown: { readonly error: unknown } | null = null;
  /** 100 (Continue) is owed before the client sends anything. */
  owesContinue: boolean;

  constructor(decoder: BodyDecoder, owesContinue: boolean) {
    this.decoder = decoder;
    this.owesContinue = owesContinue;
  }

  /** Whether octets must wait. */
  get blocked(): boolean {
    return !this.discarding && (this.sink === null || this.paused);
  }

  /** Hands on what `bytes[at, end)` holds of the content, and returns where it stopped: blocked, done, failed, or at `end`. */
  feed(bytes: Uint8Array, at: number, end: number): number {
    const decoder = this.decoder;
    let i = at;
    while (i < end && !decoder.done && decoder.failure === null && !this.blocked) {
      i = decoder.feed(bytes, i, end);
      if (decoder.dataEnd === decoder.dataAt) continue;
      if (this.discarding) this.discarded += decoder.dataEnd - decoder.dataAt;
      else this.#handOn(bytes, decoder.dataAt, decoder.dataEnd);
    }
    return i;
  }

  #handOn(bytes: Uint8Array, start: number, end: number): void {
    try {
      this.sink?.data(bytes, start, end);
    } catch (error) {
      this.sink = null;
      this.discarding = true;
      this.thrown = { error };
    }
  }
}
