import { completeDatagram } from "../device/offload.ts";
import type { OctetArena } from "./octet-arena.ts";

/**
 * A datagram on its way. Nobody writes to its octets once it is on a link: who changes one makes another.
 *
 * Checksum: where `vouched`, the transport checksum was left to the interface, as with hardware: the field holds no more
 *           than the sum over the pseudo-header, and is finished (`finished`) only where somebody looks at it.
 */
export class SimDatagram {
  readonly bytes: Uint8Array;
  readonly vouched: boolean;

  constructor(bytes: Uint8Array, vouched: boolean) {
    this.bytes = bytes;
    this.vouched = vouched;
  }

  get length(): number {
    return this.bytes.length;
  }

  /** Another with the same octets, which the caller may still change. */
  copy(arena: OctetArena): SimDatagram {
    return new SimDatagram(arena.copy(this.bytes), this.vouched);
  }

  /** Its octets with every checksum in place. */
  finished(): Uint8Array {
    if (!this.vouched) return this.bytes;
    const bytes = this.bytes.slice();
    completeDatagram(bytes, 0, bytes.length);
    return bytes;
  }
}
