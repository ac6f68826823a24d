/** OPEN, active and passive: RFC 9293 §3.10.1, and what §3.10.7.2 makes of a SYN that a listener takes. */
import { type Seq, seqAdd, seqMax } from "../base/seq.ts";
import type { Segment } from "../wire/segment.ts";
import type { TcpConnection } from "./connection.ts";
import type { TcpHandler } from "./handler.ts";
import { takeSyn } from "./handshake.ts";
import type { ListeningSocket } from "./listening-socket.ts";
import { SYN_RECEIVED, SYN_SENT, type TcpState } from "./states.ts";
import { HELD, PASSIVE, SACK_OK, SYN_DUE, type Tcb, TIMESTAMPS, WINDOW_SCALE } from "./tcb.ts";
import { armLife } from "./timers.ts";
import { windowScaleFor } from "./window.ts";

/** What a window can be without scaling: an old segment's ACK cannot reach further. */
const MAX_UNSCALED_WINDOW = 65_535;

/** Its numbers lie beyond all that `previous` used, which had the same four-tuple: RFC 9293 MAY-2, RFC 6191 §2. */
export function beginAfter(c: TcpConnection, previous: Tcb): void {
  const first = seqAdd(previous.sndNxt, MAX_UNSCALED_WINDOW + 2);
  c.sndUna = c.sndNxt = c.smallEnd = c.iss = seqMax(c.iss, first);
}

/** OPEN, active: RFC 9293 §3.10.1. */
export function openActively(c: TcpConnection, handler: TcpHandler): void {
  c.handler = handler;
  c.set(TIMESTAMPS | SACK_OK | WINDOW_SCALE);
  begin(c, SYN_SENT);
}

/** A SYN for a listener: RFC 9293 §3.10.7.2, third. `held`: its SYN-ACK waits for the listener's verdict. */
export function openPassively(c: TcpConnection, listener: ListeningSocket, held: boolean): void {
  c.listener = listener;
  c.set(held ? PASSIVE | HELD : PASSIVE);
  begin(c, SYN_RECEIVED);
  if (held) armLife(c, c.tcp.config.synR2Ms);
}

/** A SYN that a cookie has remembered, and the `iss` that it was answered with. The ACK that brought it back comes next. */
export function openByCookie(c: TcpConnection, listener: ListeningSocket, syn: Segment, iss: Seq): void {
  c.listener = listener;
  c.set(PASSIVE);
  c.enter(SYN_RECEIVED);
  c.iss = c.sndUna = c.smallEnd = iss;
  c.sndNxt = seqAdd(iss, 1);
  c.lastSentAtMs = c.progressAtMs = c.tcp.clock.nowMs;
  takeSyn(c, syn);
  if (c.has(WINDOW_SCALE)) c.rcvWscale = windowScaleFor(c.tcp.config.receiveBufferMax);
}

function begin(c: TcpConnection, state: TcpState): void {
  c.updateSendMss();
  c.enter(state);
  c.progressAtMs = c.tcp.clock.nowMs;
  c.lastSentAtMs = c.tcp.clock.nowMs;
  c.set(SYN_DUE);
  c.wantsTurn();
}
