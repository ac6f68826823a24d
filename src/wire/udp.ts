import { sumOctets } from "../base/checksum.ts";
import type { DropReason } from "./drop-reason.ts";
import { type Datagram, pseudoHeaderSum } from "./ipv4.ts";

/*  RFC 768; four octets a row, its offset on the left.
 *   0 |          Source Port          |       Destination Port        |
 *   4 |            Length             |           Checksum            | */
const SOURCE_PORT = 0;
const DESTINATION_PORT = 2;
const LENGTH = 4;
const CHECKSUM = 6;

export const UDP_HEADER = 8;

/** One received UDP datagram: its data are the frame's `bytes[payloadAt, end)`. Filled again for each. */
export class UdpDatagram {
  sourcePort = 0;
  destinationPort = 0;
  payloadAt = 0;
  end = 0;
}

/**
 * Reads the UDP header that `datagram` carries. Octets behind Length are ignored.
 *
 * Errors: never throws. Only after "ok" is `into` meaningful.
 * Source: RFC 768; RFC 1122 §4.1.3.4 (a wrong checksum is dropped, none at all is 0).
 * @hot
 */
export function parseUdp(datagram: Datagram, into: UdpDatagram): "ok" | DropReason {
  const { frame, payloadAt: at } = datagram;
  const available = datagram.end - at;
  if (available < UDP_HEADER) return "udp-truncated";
  const length = frame.view.getUint16(at + LENGTH);
  if (length < UDP_HEADER || length > available) return "udp-length";
  if (!datagram.vouched && frame.view.getUint16(at + CHECKSUM) !== 0) {
    const pseudoSum = pseudoHeaderSum(datagram.source, datagram.destination, datagram.protocol, length);
    if (sumOctets(frame.bytes, at, at + length, pseudoSum) !== 0xffff) return "udp-checksum";
  }
  into.sourcePort = frame.view.getUint16(at + SOURCE_PORT);
  into.destinationPort = frame.view.getUint16(at + DESTINATION_PORT);
  into.payloadAt = at + UDP_HEADER;
  into.end = at + length;
  return "ok";
}
