/**
 * The TCP segment on the wire: RFC 9293 §3.1 and §3.2; options of RFC 7323 §2 and §3 and RFC 2018 §2 and §3.
 */
import { sumOctets } from "../base/checksum.ts";
import type { Frame } from "../base/frame.ts";
import { toSeq } from "../base/seq.ts";
import { SACK_BLOCKS_MAX, type Segment } from "./segment.ts";

/*  RFC 9293 §3.1 Figure 1; four octets a row, its offset on the left.
 *   0 |          Source Port          |       Destination Port        |
 *   4 |                        Sequence Number                        |
 *   8 |                     Acknowledgment Number                     |
 *  12 | Offset | Rsrvd | CWR ... FIN  |            Window             |
 *  16 |           Checksum            |        Urgent Pointer         | */
const SRC_PORT = 0,
  DST_PORT = 2,
  SEQ = 4,
  ACK_NUMBER = 8,
  DATA_OFFSET = 12,
  FLAGS = 13,
  WINDOW = 14,
  URGENT = 18;
export const TCP_CHECKSUM_AT = 16;
export const TCP_HEADER = 20;

/** Option kinds: RFC 9293 §3.2, RFC 7323 §2.2 and §3.2, RFC 2018 §2 and §3. */
const EOL = 0,
  NOP = 1,
  MSS = 2,
  WINDOW_SCALE = 3,
  SACK_PERMITTED = 4,
  SACK = 5,
  TIMESTAMPS = 8;

/** RFC 7323 §2.3: a larger shift count is taken as 14. */
export const WINDOW_SCALE_MAX = 14;

export type TcpDropReason = "tcp-truncated" | "tcp-header-length" | "tcp-checksum" | "tcp-port-zero";

/**
 * Reads the TCP segment at `frame.bytes[at, end)`; checks lengths, checksum and options once for all who follow.
 *
 * Units:  octets; `pseudoSum` is the folded sum over the pseudo-header, -1 where the device vouches for the checksum.
 * Shape:  header, options, text; `into.textAt` points into the frame, no copy.
 * Errors: never throws. "ok", or the reason to count; only after "ok" is `into` meaningful. An option with an illegal
 *         length ends the reading of options; what stood before it counts, and so does the segment.
 * Source: RFC 9293 §3.1 MUST-3 (checksum), MUST-4, MUST-5, MUST-6 (unknown options), MUST-7 (their lengths), MUST-64.
 * @hot
 */
export function parseSegment(
  frame: Frame,
  at: number,
  end: number,
  pseudoSum: number,
  into: Segment,
): "ok" | TcpDropReason {
  if (end - at < TCP_HEADER) return "tcp-truncated";
  const view = frame.view;
  const headerLength = (frame.bytes[at + DATA_OFFSET] >> 4) * 4;
  if (headerLength < TCP_HEADER || headerLength > end - at) return "tcp-header-length";
  if (pseudoSum >= 0 && sumOctets(frame.bytes, at, end, pseudoSum) !== 0xffff) return "tcp-checksum";
  into.srcPort = view.getUint16(at + SRC_PORT);
  into.dstPort = view.getUint16(at + DST_PORT);
  if (into.srcPort === 0 || into.dstPort === 0) return "tcp-port-zero";
  into.seq = toSeq(view.getInt32(at + SEQ));
  into.ack = toSeq(view.getInt32(at + ACK_NUMBER));
  into.flags = frame.bytes[at + FLAGS];
  into.window = view.getUint16(at + WINDOW);
  into.urgentPointer = view.getUint16(at + URGENT);
  into.frame = frame;
  into.textAt = at + headerLength;
  into.textLength = end - into.textAt;
  into.clearOptions();
  if (headerLength > TCP_HEADER) parseOptions(frame, at + TCP_HEADER, into.textAt, into);
  return "ok";
}

/** RFC 9293 §3.2. Timestamps alone behind two NOPs, by far the most common, are read without a loop. */
function parseOptions(frame: Frame, from: number, end: number, into: Segment): void {
  const { bytes, view } = frame;
  if (end - from === 12 && view.getInt32(from) === ((NOP << 24) | (NOP << 16) | (TIMESTAMPS << 8) | 10)) {
    into.hasTimestamps = true;
    into.tsVal = view.getInt32(from + 4);
    into.tsEcr = view.getInt32(from + 8);
    return;
  }
  for (let i = from; i < end;) {
    const kind = bytes[i];
    if (kind === EOL) return;
    if (kind === NOP) {
      i++;
      continue;
    }
    if (i + 1 >= end) return;
    const length = bytes[i + 1];
    if (length < 2 || i + length > end) return;
    readOption(frame, i, kind, length, into);
    i += length;
  }
}

/** An option of a known kind with another length than its own is ignored like one of an unknown kind. */
function readOption(frame: Frame, at: number, kind: number, length: number, into: Segment): void {
  const view = frame.view;
  if (kind === TIMESTAMPS && length === 10) {
    into.hasTimestamps = true;
    into.tsVal = view.getInt32(at + 2);
    into.tsEcr = view.getInt32(at + 6);
  } else if (kind === SACK && length >= 10 && (length - 2) % 8 === 0) {
    into.sackCount = Math.min((length - 2) / 8, SACK_BLOCKS_MAX);
    for (let edge = 0; edge < into.sackCount * 2; edge++) into.sackEdges[edge] = view.getInt32(at + 2 + edge * 4);
  } else if (kind === MSS && length === 4) {
    into.mss = view.getUint16(at + 2);
  } else if (kind === WINDOW_SCALE && length === 3) {
    into.windowScale = Math.min(frame.bytes[at + 2], WINDOW_SCALE_MAX);
  } else if (kind === SACK_PERMITTED && length === 2) {
    into.sackPermitted = true;
  }
}

/**
 * Writes `seg`'s header and options to `frame.bytes[at, …)` with `pseudoSum` in the checksum field, for the device
 * (or `completeChecksum`) to finish over header and text.
 *
 * Units:  octets; returns the header's length, `TCP_HEADER + seg.optionsLength`.
 * Source: RFC 9293 §3.1; order and padding of options as RFC 7323 Appendix A and RFC 2018 §4 show them.
 * @hot
 */
export function emitSegment(frame: Frame, at: number, seg: Segment, pseudoSum: number): number {
  const view = frame.view;
  const optionsLength = seg.optionsLength;
  view.setUint16(at + SRC_PORT, seg.srcPort);
  view.setUint16(at + DST_PORT, seg.dstPort);
  view.setInt32(at + SEQ, seg.seq);
  view.setInt32(at + ACK_NUMBER, seg.ack);
  view.setUint16(at + DATA_OFFSET, ((TCP_HEADER + optionsLength) << 10) | seg.flags);
  view.setUint16(at + WINDOW, seg.window);
  view.setUint16(at + TCP_CHECKSUM_AT, pseudoSum);
  view.setUint16(at + URGENT, seg.urgentPointer);
  if (optionsLength > 0) emitOptions(view, at + TCP_HEADER, seg);
  return TCP_HEADER + optionsLength;
}

function emitOptions(view: DataView, from: number, seg: Segment): void {
  let i = from;
  if (seg.mss > 0) {
    view.setInt32(i, (MSS << 24) | (4 << 16) | seg.mss);
    i += 4;
  }
  if (seg.hasTimestamps) {
    const lead = seg.sackPermitted ? (SACK_PERMITTED << 24) | (2 << 16) : (NOP << 24) | (NOP << 16);
    view.setInt32(i, lead | (TIMESTAMPS << 8) | 10);
    view.setInt32(i + 4, seg.tsVal);
    view.setInt32(i + 8, seg.tsEcr);
    i += 12;
  } else if (seg.sackPermitted) {
    view.setInt32(i, (NOP << 24) | (NOP << 16) | (SACK_PERMITTED << 8) | 2);
    i += 4;
  }
  if (seg.windowScale >= 0) {
    view.setInt32(i, (NOP << 24) | (WINDOW_SCALE << 16) | (3 << 8) | seg.windowScale);
    i += 4;
  }
  if (seg.sackCount > 0) {
    view.setInt32(i, (NOP << 24) | (NOP << 16) | (SACK << 8) | (2 + seg.sackCount * 8));
    i += 4;
    for (let edge = 0; edge < seg.sackCount * 2; edge++, i += 4) view.setInt32(i, seg.sackEdges[edge]);
  }
}
