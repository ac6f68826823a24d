import { Frame } from "../base/frame.ts";
import type { Seq } from "../base/seq.ts";

/** Control bits, RFC 9293 §3.1. */
export const FIN = 0x01,
  SYN = 0x02,
  RST = 0x04,
  PSH = 0x08,
  ACK = 0x10,
  URG = 0x20,
  ECE = 0x40,
  CWR = 0x80;

/** SACK blocks that fit 40 octets of options: four, or three beside timestamps. RFC 2018 §3. */
export const SACK_BLOCKS_MAX = 4;

const NO_FRAME = Frame.ofSize(0);

/**
 * One legal TCP segment: a reused record that `parseSegment` fills and `emitSegment` writes.
 *
 * Units:  octets; `window` as on the wire (unscaled); `tsVal` and `tsEcr` in the sender's ticks.
 * Shape:  text is `frame.bytes[textAt, textAt + textLength)`. Absent options: `mss` 0, `windowScale` -1.
 *         SACK block `i` is [sackEdges[2i], sackEdges[2i + 1]).
 * Owner:  the frame is lent; the record is dead when the caller returns.
 */
export class Segment {
  srcPort = 0;
  dstPort = 0;
  seq = 0 as Seq;
  ack = 0 as Seq;
  flags = 0;
  window = 0;
  urgentPointer = 0;
  mss = 0;
  windowScale = -1;
  sackPermitted = false;
  hasTimestamps = false;
  tsVal = 0;
  tsEcr = 0;
  sackCount = 0;
  readonly sackEdges = new Int32Array(SACK_BLOCKS_MAX * 2);
  frame = NO_FRAME;
  textAt = 0;
  textLength = 0;
  /** The ECN field of the IP header that it came in: RFC 3168 §5. */
  ecn = 0;
  /** The sender's segment size where this is a super-segment, else 0. */
  gsoSize = 0;

  get syn(): boolean {
    return (this.flags & SYN) !== 0;
  }
  get fin(): boolean {
    return (this.flags & FIN) !== 0;
  }
  get rst(): boolean {
    return (this.flags & RST) !== 0;
  }
  get acks(): boolean {
    return (this.flags & ACK) !== 0;
  }
  /** SEG.LEN, RFC 9293 §3.3.1: text, plus one for SYN and one for FIN. */
  get len(): number {
    return this.textLength + ((this.flags >> 1) & 1) + (this.flags & 1);
  }

  clearOptions(): void {
    this.mss = 0;
    this.windowScale = -1;
    this.sackPermitted = false;
    this.hasTimestamps = false;
    this.sackCount = 0;
  }

  /** Octets that its options take on the wire, padding included: a multiple of 4. */
  get optionsLength(): number {
    return (
      (this.mss > 0 ? 4 : 0) +
      (this.hasTimestamps ? 12 : this.sackPermitted ? 4 : 0) +
      (this.windowScale >= 0 ? 4 : 0) +
      (this.sackCount > 0 ? 4 + this.sackCount * 8 : 0)
    );
  }
}
