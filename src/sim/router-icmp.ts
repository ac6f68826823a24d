import type { Address } from "../base/address.ts";
import type { Clock } from "../base/clock.ts";
import { Frame } from "../base/frame.ts";
import type { Random } from "../base/random.ts";
import { ERROR_LIMITS, ErrorLimiter } from "../icmp/error-limiter.ts";
import { ERROR_DATAGRAM_MAX } from "../icmp/icmp.ts";
import { ICMP_HEADER, isIcmpQuery, sealIcmp } from "../wire/icmp.ts";
import { type Datagram, DEFAULT_TTL, emitIpv4, IPV4_HEADER, PROTOCOL_ICMP } from "../wire/ipv4.ts";
import { HEADER_MIN } from "./datagram-fields.ts";

// Read first: RFC 1812 §4.3.2 (which errors, how long, how many), §4.3.2.7 (about what none is sent).

/** ICMP type and code, and the second row of the message. */
export interface RouterError {
  readonly type: number;
  readonly code: number;
  readonly rest: number;
}

/** The errors that a router reports: rate-limited, and never about what must not be answered. */
export class RouterIcmp {
  readonly #limiter: ErrorLimiter;

  constructor(clock: Clock, random: Random) {
    this.#limiter = new ErrorLimiter(clock, random, ERROR_LIMITS);
  }

  /** The datagram that tells the sender of `about`, or null where none may be sent. */
  errorAbout(about: Datagram, reporter: Address, error: RouterError): Uint8Array | null {
    if (!mayBeAnswered(about) || !this.#limiter.take(about.source)) return null;
    const quoted = Math.min(ERROR_DATAGRAM_MAX - IPV4_HEADER - ICMP_HEADER, about.end - about.at);
    const message = Frame.ofSize(ICMP_HEADER + quoted);
    message.bytes.set(about.frame.bytes.subarray(about.at, about.at + quoted), ICMP_HEADER);
    sealIcmp(message, error.type, error.code, error.rest);
    const datagram = Frame.ofSize(HEADER_MIN + message.bytes.length);
    datagram.bytes.set(message.bytes, HEADER_MIN);
    const { length } = datagram.bytes;
    emitIpv4(datagram, 0, length, 0, 0, 0, DEFAULT_TTL, PROTOCOL_ICMP, reporter, about.source);
    return datagram.bytes;
  }
}

/** RFC 1812 §4.3.2.7: not about an ICMP error, a later fragment, or anything from or to many. */
function mayBeAnswered(about: Datagram): boolean {
  if (about.fragmentOffset > 0 || about.source >>> 28 >= 14 || about.destination >>> 28 >= 14) return false;
  if (about.source >>> 24 === 0 || about.source >>> 24 === 127) return false;
  if (about.protocol !== PROTOCOL_ICMP) return true;
  return about.end > about.payloadAt && isIcmpQuery(about.frame.bytes[about.payloadAt]);
}
