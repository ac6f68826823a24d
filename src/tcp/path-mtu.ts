/**
 * The path's MTU, as far as segments must fit it: what routers tell (RFC 1191), and what their silence tells (RFC 8899 §3,
 * RFC 4821 §7.7: black holes). It only ever falls: the link's own MTU is what a connection begins with.
 */
import { type Seq, seqAdd, seqGe, seqLt } from "../base/seq.ts";
import type { TcpConnection } from "./connection.ts";

/** Below this nobody is believed: RFC 879's default datagram, which practically every path carries. */
export const PATH_MTU_MIN = 576;
/** RFC 8899 §5.1.2: what nearly every path carries; where a black hole is tried first. */
const BASE_PATH_MTU = 1200;
/** Expirations of one full segment's timer before its size is suspected: RFC 8899 §5.1.2, MAX_PROBES. */
const BLACK_HOLE_EXPIRATIONS = 3;

/** Fragmentation needed: RFC 1191 §3 and §6.4. What was too large is sent again at once, in smaller segments. */
export function pathMtuLowered(c: TcpConnection, quoted: Seq, mtu: number): void {
  const inFlight = seqGe(quoted, c.sndUna) && seqLt(quoted, c.sndNxt); // RFC 5927 §7.2.
  if (!inFlight || !lower(c, Math.max(mtu, PATH_MTU_MIN)) || c.sender === null) return;
  c.sender.markUnsent(quoted);
  c.wantsTurn();
}

/** The timer expires once more. Full segments that vanish again and again, and no ICMP: smaller ones are tried. */
export function suspectBlackHole(c: TcpConnection): void {
  const { sender } = c;
  if (sender === null || c.expirations + 1 < BLACK_HOLE_EXPIRATIONS || c.flightSize < c.sendMss) return;
  const full = seqLt(seqAdd(c.sndUna, c.sendMss - 1), sender.queue.end);
  if (full && lower(c, c.mtu > BASE_PATH_MTU ? BASE_PATH_MTU : PATH_MTU_MIN)) c.tcp.counters.blackHoles++;
}

function lower(c: TcpConnection, mtu: number): boolean {
  if (mtu >= c.mtu) return false;
  c.mtu = mtu;
  c.updateSendMss();
  return true;
}
