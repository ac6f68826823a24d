import { Buffer } from "node:buffer";

/** Octets that a ledger has room for at first; a power of two, as all that follow. */
const OCTETS_MIN = 4096;

/**
 * One direction of one connection: what its sender's owner has sent and its receiver's owner has not yet taken, octet for
 * octet. Told from the outside, so that nothing of the stack's own book-keeping is believed.
 */
export class StreamLedger {
  /** For people: "10.0.0.1:49152 > 10.0.0.2:80". */
  readonly name: string;
  readonly #fail: (text: string) => void;
  /** A ring: octet `n` of the stream lies at `n` modulo its length. Bounded by the stacks' buffers. */
  #ring = Buffer.alloc(0);
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
    if (!this.known) return;
    const waiting = this.sent - this.received;
    if (waiting + octets.length > this.#ring.length) this.#grow(waiting + octets.length);
    const at = this.sent & (this.#ring.length - 1);
    const first = Math.min(octets.length, this.#ring.length - at);
    this.#ring.set(first === octets.length ? octets : octets.subarray(0, first), at);
    if (first < octets.length) this.#ring.set(octets.subarray(first), 0);
    this.sent += octets.length;
  }

  /** The receiver's owner has got `bytes[start, end)`: they must be the next of what was sent. */
  receive(bytes: Uint8Array, start: number, end: number): void {
    if (!this.known) return;
    if (this.received + end - start > this.sent) {
      const beyond = this.received + end - start;
      this.#fail(`${this.name}: ${String(beyond)} octets were received, ${String(this.sent)} were sent`);
      return;
    }
    for (let from = start; from < end;) {
      const at = this.received & (this.#ring.length - 1);
      const take = Math.min(end - from, this.#ring.length - at);
      if (this.#ring.compare(bytes, from, from + take, at, at + take) !== 0) {
        this.#fail(
          `${this.name}: octets ${String(this.received)} to ${String(this.received + take)} are not what was sent`,
        );
        return;
      }
      this.received += take;
      from += take;
    }
  }

  #grow(octets: number): void {
    let length = Math.max(OCTETS_MIN, this.#ring.length);
    while (length < octets) length *= 2;
    const ring = Buffer.alloc(length);
    for (let n = this.received; n < this.sent;) {
      const at = n & (this.#ring.length - 1);
      const to = n & (length - 1);
      const take = Math.min(this.sent - n, this.#ring.length - at, length - to);
      ring.set(this.#ring.subarray(at, at + take), to);
      n += take;
    }
    this.#ring = ring;
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
