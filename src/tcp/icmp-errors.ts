/**
 * ICMP errors about a connection's segments: RFC 9293 §3.9.2.2, RFC 5461 and RFC 5927. The caller has found the
 * connection by the quoted four-tuple.
 */
import { type Seq, seqGe, seqLt } from "../base/seq.ts";
import type { TcpConnection } from "./connection.ts";
import type { TcpFailure } from "./handler.ts";
import { SYN_SENT } from "./states.ts";

/** RFC 5927 §4.1: only an error that quotes what is in flight can come from the path. */
const isInFlight = (c: TcpConnection, quoted: Seq): boolean => seqGe(quoted, c.sndUna) && seqLt(quoted, c.sndNxt);

/** Unreachable, time exceeded, parameter problem. `hard` where RFC 1122 §4.2.3.9 would have the connection aborted. */
export function unreachable(c: TcpConnection, quoted: Seq, failure: TcpFailure, hard: boolean): void {
  if (!isInFlight(c, quoted)) return;
  // Departs from RFC 9293 SHLD-26 as RFC 5927 §5.2 advises: hard errors are soft once the connection is established.
  if (hard && c.state === SYN_SENT) c.fail(failure);
  else c.tellSoftly(failure);
}
