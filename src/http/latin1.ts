import { Buffer } from "node:buffer";

/** Reads octets as latin1. Keeps one Buffer over the memory it read last, since one slab holds request after request. */
export class Latin1Reader {
  #of: Uint8Array | null = null;
  #view: Buffer = Buffer.alloc(0);

  read(bytes: Uint8Array, at: number, end: number): string {
    if (end - at === 1) return String.fromCharCode(bytes[at]);
    if (bytes !== this.#of) {
      this.#of = bytes;
      this.#view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    }
    return this.#view.toString("latin1", at, end);
  }
}
