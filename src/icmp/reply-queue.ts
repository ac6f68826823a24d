import type { Outgoing } from "../wire/ipv4.ts";

/** What waits to be sent, by link and in order; at most `messagesMax` messages of `octetsMax` octets over all links. */
export class ReplyQueue {
  readonly #byLink = new Map<number, Outgoing[]>();
  readonly #messagesMax: number;
  readonly #octetsMax: number;
  #messages = 0;
  #octets = 0;

  constructor(messagesMax: number, octetsMax: number) {
    this.#messagesMax = messagesMax;
    this.#octetsMax = octetsMax;
  }

  hasRoomFor(octets: number): boolean {
    return this.#messages < this.#messagesMax && this.#octets + octets <= this.#octetsMax;
  }

  /** Precondition: `hasRoomFor` its octets. */
  push(outgoing: Outgoing): void {
    const waiting = this.#byLink.get(outgoing.link);
    if (waiting === undefined) this.#byLink.set(outgoing.link, [outgoing]);
    else waiting.push(outgoing);
    this.#messages++;
    this.#octets += outgoing.bytes.length;
  }

  /** The oldest for `link`, or null. */
  front(link: number): Outgoing | null {
    return this.#byLink.get(link)?.[0] ?? null;
  }

  /** Takes the oldest for `link` off. */
  shift(link: number): void {
    const gone = this.#byLink.get(link)?.shift();
    if (gone === undefined) return;
    this.#messages--;
    this.#octets -= gone.bytes.length;
  }
}
