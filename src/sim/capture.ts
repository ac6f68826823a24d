import { enhancedPacket, type Direction, interfaceDescription, PACKET_AT, sectionHeader } from "../device/pcapng.ts";
import type { SimDatagram } from "./sim-datagram.ts";

/** Octets of datagrams that a run keeps for its capture at most, unless asked for otherwise; the oldest give way. */
export const CAPTURE_OCTETS_MAX = 8 << 20;
/** Records between two tidyings of the list. */
const SPENT_MAX = 4096;
/** Where an Enhanced Packet Block names its interface: right behind type and length. draft-ietf-opsawg-pcapng §4.3. */
const INTERFACE_AT = 8;

interface CapturedDatagram {
  readonly atUs: number;
  readonly interfaceId: number;
  readonly direction: Direction;
  readonly datagram: SimDatagram;
  readonly comment: string | undefined;
}

/**
 * The newest datagrams of all links, one interface for each end of a link. A datagram appears as "outbound" where it
 * enters a link, with a comment where something happens to it there, and as "inbound" where it leaves the link.
 * Owner: datagrams are kept, not copied: nobody writes to one once it is on a link.
 */
export class Capture {
  readonly #octetsMax: number;
  readonly #interfaces: string[] = [];
  #records: CapturedDatagram[] = [];
  #first = 0;
  #octets = 0;

  constructor(octetsMax: number) {
    this.#octetsMax = octetsMax;
  }

  addInterface(name: string): number {
    return this.#interfaces.push(name) - 1;
  }

  record(atUs: number, interfaceId: number, direction: Direction, datagram: SimDatagram, comment?: string): void {
    if (this.#octetsMax === 0) return;
    this.#records.push({ atUs, interfaceId, direction, datagram, comment });
    this.#octets += datagram.length;
    while (this.#octets > this.#octetsMax) this.#octets -= this.#records[this.#first++].datagram.length;
    if (this.#first <= SPENT_MAX || this.#first * 2 < this.#records.length) return;
    this.#records = this.#records.slice(this.#first);
    this.#first = 0;
  }

  /** The whole capture as a pcapng file; times are virtual, since 1970. */
  toPcapng(): Uint8Array {
    const blocks = [sectionHeader("fourtuple sim"), ...this.#interfaces.map((name) => interfaceDescription(name))];
    for (let i = this.#first; i < this.#records.length; i++) blocks.push(blockOf(this.#records[i]));
    const file = new Uint8Array(blocks.reduce((sum, block) => sum + block.length, 0));
    let at = 0;
    for (const block of blocks) {
      file.set(block, at);
      at += block.length;
    }
    return file;
  }
}

function blockOf({ atUs, interfaceId, direction, datagram, comment }: CapturedDatagram): Uint8Array {
  const bytes = datagram.finished();
  const note = comment === undefined ? { epochUs: atUs, direction } : { epochUs: atUs, direction, comment };
  const block = enhancedPacket(bytes.length, note);
  new DataView(block.buffer, block.byteOffset).setUint32(INTERFACE_AT, interfaceId, true);
  block.set(bytes, PACKET_AT);
  return block;
}
