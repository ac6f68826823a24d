import { copyOctets } from "../base/copy-octets.ts";
import { completeDatagram } from "../device/offload.ts";
import { Chunk, type OctetArena } from "./octet-arena.ts";

/**
 * A datagram on its way: `frame.bytes[at, at + length)`. Nobody writes to its octets once it is on a link: who changes one
 * makes another.
 *
 * Checksum: where `vouched`, the transport checksum was left to the interface, as with hardware: the field holds no more
 *           than the sum over the pseudo-header, and is finished (`finished`) only where somebody looks at it.
 */
export class SimDatagram {
  readonly frame: Chunk;
  readonly at: number;
  readonly length: number;
  readonly vouched: boolean;

  constructor(frame: Chunk, at: number, length: number, vouched: boolean) {
    this.frame = frame;
    this.at = at;
    this.length = length;
    this.vouched = vouched;
  }

  /** Takes `bytes` over; they are complete. */
  static of(bytes: Uint8Array): SimDatagram {
    return new SimDatagram(new Chunk(bytes), 0, bytes.length, false);
  }

  /** Another with the same octets, which the caller may still change. */
  copy(arena: OctetArena): SimDatagram {
    arena.take(this.length);
    const { frame, at } = arena;
    copyOctets(this.frame.bytes, this.at, this.length, frame.bytes, at);
    return new SimDatagram(frame, at, this.length, this.vouched);
  }

  /** A copy of its octets with every checksum in place. */
  finished(): Uint8Array {
    const bytes = this.frame.bytes.slice(this.at, this.at + this.length);
    if (this.vouched) completeDatagram(bytes, 0, bytes.length);
    return bytes;
  }
}
