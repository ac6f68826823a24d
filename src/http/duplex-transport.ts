import type { Duplex } from "node:stream";

import type { Transport, TransportHandler } from "./transport.ts";

/** A stream that may be a socket: what is missing is left out. */
export type DuplexLike = Duplex & {
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  readonly resetAndDestroy?: () => unknown;
  readonly setNoDelay?: (noDelay: boolean) => unknown;
};

/** A stream in the shape of the callback API. Addresses that it does not tell are "" and 0. */
export class DuplexTransport implements Transport {
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly #stream: DuplexLike;

  constructor(stream: DuplexLike) {
    this.#stream = stream;
    this.localAddress = stream.localAddress ?? "";
    this.localPort = stream.localPort ?? 0;
    this.remoteAddress = stream.remoteAddress ?? "";
    this.remotePort = stream.remotePort ?? 0;
  }

  get queuedOctets(): number {
    return this.#stream.writableLength;
  }
  send(octets: Uint8Array, start = 0, end = octets.length): boolean {
    return this.#stream.writable && this.#stream.write(octets.subarray(start, end));
  }
  end(): void {
    this.#stream.end();
  }
  abort(): void {
    if (this.#stream.resetAndDestroy === undefined) this.#stream.destroy();
    else this.#stream.resetAndDestroy();
  }
  pause(): void {
    this.#stream.pause();
  }
  resume(): void {
    this.#stream.resume();
  }
}

/** Joins `stream` to the handler that `accept` gives for it. */
export function serveDuplex(stream: DuplexLike, accept: (transport: Transport) => TransportHandler): void {
  const transport = new DuplexTransport(stream);
  // Otherwise the stream would end by itself with the client's FIN, and drop the responses that are still in work.
  stream.allowHalfOpen = true;
  stream.setNoDelay?.(true); // A response is one write; it waits for nothing.
  const handler = accept(transport);
  let failure: string | null = null;
  stream.on("data", (chunk: Uint8Array) => {
    handler.data(transport, chunk, 0, chunk.length);
  });
  stream.on("drain", () => {
    handler.drain(transport);
  });
  stream.on("end", () => {
    handler.end(transport);
  });
  stream.on("error", (error: NodeJS.ErrnoException) => {
    failure = error.code ?? error.message;
  });
  stream.on("close", () => {
    handler.close(transport, failure);
  });
}
