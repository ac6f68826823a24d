import { Buffer } from "node:buffer";

/**
 * One direction of one connection: what its sender's owner has sent and its receiver's owner has not yet taken, octet for
 * octet. Told from the outside, so that nothing of the stack's own book-keeping is believed.
 */
export class StreamLedger {
  /** For people: "10.0.0.1:49152 > 10.0.0.2:80". */
  readonly name: string;
  readonly #fail: (text: string) => void;
  readonly #chunks: Uint8Array[] = [];
  #first = 0;
  /** Octets of the first chunk that were taken already. */
  #taken = 0;
  sent = 0;
  received = 0;
  /** The side has reported a clean close. */
  senderClosed = false;
  receiverClosed = false;
  /** The receiver's owner has thrown away what it had not read: the two ends need not be equal. */
  discarded = false;
  /** Whether the sender was seen from its first octet on; what it sent is not known otherwise. */
  known = false;

  constructor(name: string, fail: (text: string) => void) {
    this.name = name;
    this.#fail = fail;
  }

  send(octets: Uint8Array): void {
    this.#chunks.push(Uint8Array.from(octets));
    this.sent += octets.length;
  }

  /** The receiver's owner has got `bytes[start, end)`: they must be the next of what was sent. */
  receive(bytes: Uint8Array, start: number, end: number): void {
    if (!this.known) return;
    for (let from = start; from < end;) {
      if (this.#first === this.#chunks.length) {
        const beyond = this.received + end - from;
        this.#fail(`${this.name}: ${String(beyond)} octets were received, ${String(this.sent)} were sent`);
        return;
      }
      const chunk = this.#chunks[this.#first];
      const take = Math.min(end - from, chunk.length - this.#taken);
      const expected = chunk.subarray(this.#taken, this.#taken + take);
      if (Buffer.compare(expected, bytes.subarray(from, from + take)) !== 0) {
        this.#fail(
          `${this.name}: octets ${String(this.received)} to ${String(this.received + take)} are not what was sent`,
        );
        return;
      }
      this.received += take;
      from += take;
      this.#take(take, chunk.length);
    }
  }

  #take(octets: number, chunkLength: number): void {
    this.#taken += octets;
    if (this.#taken < chunkLength) return;
    this.#taken = 0;
    this.#chunks[this.#first++] = new Uint8Array(0);
    if (this.#first < 256) return;
    this.#chunks.splice(0, this.#first);
    this.#first = 0;
  }

  /** Both sides have reported a clean close: everything has arrived. */
  checkClosed(): void {
    if (!this.known || !this.senderClosed || !this.receiverClosed || this.discarded) return;
    if (this.received === this.sent) return;
    this.#fail(
      `${this.name}: both sides report a clean close, ${String(this.sent)} octets were sent and ${String(this.received)} received`,
    );
  }
}
