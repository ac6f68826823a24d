import { enhancedPacket, type Direction, interfaceDescription, PACKET_AT, sectionHeader } from "../device/pcapng.ts";
import type { Chunk } from "./octet-arena.ts";
import { SimDatagram } from "./sim-datagram.ts";

/** Octets of datagrams that a run keeps for its capture at most, unless asked for otherwise; the oldest give way. */
export const CAPTURE_OCTETS_MAX = 8 << 20;
/** Records at first; a power of two, as all that follow. */
const PLACES_MIN = 256;
/** What stands in a record beside its time: interface, direction, whether the checksum is vouched for, and where its octets lie. */
const INTERFACE = 0,
  INBOUND = 1,
  VOUCHED = 2,
  AT = 3,
  LENGTH = 4,
  WORDS = 5;
/** Where an Enhanced Packet Block names its interface: right behind type and length. draft-ietf-opsawg-pcapng §4.3. */
const INTERFACE_AT = 8;

/**
 * The newest datagrams of all links, one interface for each end of a link. A datagram appears as "outbound" where it
 * enters a link, with a comment where something happens to it there, and as "inbound" where it leaves the link.
 * Owner: octets are kept, not copied: nobody writes to them once they are on a link. The records are numbers in a ring that
 * grows, so that nothing of a datagram but its memory lives on.
 */
export class Capture {
  readonly #octetsMax: number;
  readonly #interfaces: string[] = [];
  #atUs = new Float64Array(0);
  #words = new Int32Array(0);
  #frames: (Chunk | null)[] = [];
  #comments: string[] = [];
  #first = 0;
  #length = 0;
  #octets = 0;

  constructor(octetsMax: number) {
    this.#octetsMax = octetsMax;
  }

  addInterface(name: string): number {
    return this.#interfaces.push(name) - 1;
  }

  /** `comment` is "" for none. @hot */
  record(atUs: number, interfaceId: number, direction: Direction, datagram: SimDatagram, comment = ""): void {
    if (this.#octetsMax === 0) return;
    if (this.#length === this.#frames.length) this.#grow();
    const place = (this.#first + this.#length++) & (this.#frames.length - 1);
    const word = place * WORDS;
    this.#atUs[place] = atUs;
    this.#words[word + INTERFACE] = interfaceId;
    this.#words[word + INBOUND] = direction === "inbound" ? 1 : 0;
    this.#words[word + VOUCHED] = datagram.vouched ? 1 : 0;
    this.#words[word + AT] = datagram.at;
    this.#words[word + LENGTH] = datagram.length;
    datagram.frame.holds++;
    this.#frames[place] = datagram.frame;
    this.#comments[place] = comment;
    this.#octets += datagram.length;
    while (this.#octets > this.#octetsMax) this.#forgetOldest();
  }

  #forgetOldest(): void {
    this.#octets -= this.#words[this.#first * WORDS + LENGTH];
    const frame = this.#frames[this.#first];
    if (frame !== null) frame.holds--;
    this.#frames[this.#first] = null;
    this.#first = (this.#first + 1) & (this.#frames.length - 1);
    this.#length--;
  }

  /** Precondition: it is full, or new. */
  #grow(): void {
    const [before, first] = [this.#frames.length, this.#first];
    const places = Math.max(PLACES_MIN, before * 2);
    const atUs = new Float64Array(places);
    atUs.set(this.#atUs.subarray(first));
    atUs.set(this.#atUs.subarray(0, first), before - first);
    const words = new Int32Array(places * WORDS);
    words.set(this.#words.subarray(first * WORDS));
    words.set(this.#words.subarray(0, first * WORDS), (before - first) * WORDS);
    this.#atUs = atUs;
    this.#words = words;
    this.#frames = grown(this.#frames, first, places, null);
    this.#comments = grown(this.#comments, first, places, "");
    this.#first = 0;
  }

  /** The whole capture as a pcapng file; times are virtual, since 1970. */
  toPcapng(): Uint8Array {
    const blocks = [sectionHeader("fourtuple sim"), ...this.#interfaces.map((name) => interfaceDescription(name))];
    for (let i = 0; i < this.#length; i++) {
      const block = this.#blockOf((this.#first + i) & (this.#frames.length - 1));
      if (block !== null) blocks.push(block);
    }
    const file = new Uint8Array(blocks.reduce((sum, block) => sum + block.length, 0));
    let at = 0;
    for (const block of blocks) {
      file.set(block, at);
      at += block.length;
    }
    return file;
  }

  #blockOf(place: number): Uint8Array | null {
    const frame = this.#frames[place];
    if (frame === null) return null;
    const words = this.#words.subarray(place * WORDS, (place + 1) * WORDS);
    const direction = words[INBOUND] === 1 ? "inbound" : "outbound";
    const bytes = new SimDatagram(frame, words[AT], words[LENGTH], words[VOUCHED] === 1).finished();
    const note = { epochUs: this.#atUs[place], direction } as const;
    const comment = this.#comments[place];
    const block = enhancedPacket(bytes.length, comment === "" ? note : { ...note, comment });
    new DataView(block.buffer, block.byteOffset).setUint32(INTERFACE_AT, words[INTERFACE], true);
    block.set(bytes, PACKET_AT);
    return block;
  }
}

/** The items of a full ring that begins at `first`, in order, and room for more. */
function grown<T>(items: readonly T[], first: number, places: number, none: T): T[] {
  const into = new Array<T>(places).fill(none);
  for (let i = 0; i < items.length; i++) into[i] = items[(first + i) & (items.length - 1)];
  return into;
}
