/** What a connection's deadlines do when they come: RFC 9293 §3.10.8 and §3.8.3, RFC 6298 §5, RFC 8985 §6.3 and §7. */
import type { TcpConnection } from "./connection.ts";
import { livesByKeepAlive } from "./keep-alive.ts";
import { livesByLinger } from "./linger.ts";
import { suspectBlackHole } from "./path-mtu.ts";
import { reorderingEnds, timeOut } from "./recovery.ts";
import { backedOffRtoMs } from "./rtt.ts";
import { CLOSED, FIN_WAIT_2, SYN_RECEIVED, SYN_SENT, TIME_WAIT } from "./states.ts";
import {
  ACK_ARMED,
  LIFE_ARMED,
  OWNER_GONE,
  PROBE_DUE,
  RTO_ARMED,
  SYN_DUE,
  TAIL_PROBE_DUE,
  TIMER_IS_PROBE,
  TIMER_IS_REORDERING,
} from "./tcb.ts";
import { armRto, isDue, reschedule, watchLoss } from "./timers.ts";

/** Time-outs in a row after which a connection without an owner may be given up, where memory is tight. */
const BURDEN_TIME_OUTS = 2;

/** The connection's entry in the wheel has come: whatever is due is done, and the entry is set again for the rest. */
export function timersExpire(c: TcpConnection): void {
  if (isDue(c, ACK_ARMED, c.ackAtMs)) {
    c.unset(ACK_ARMED);
    c.ackNow();
  }
  if (c.sender?.pacer.isDue(c.tcp.clock.nowMs) === true) c.wantsTurn();
  try {
    if (isDue(c, RTO_ARMED, c.rtoAtMs)) {
      c.unset(RTO_ARMED);
      lossTimer(c);
    }
    if (isDue(c, LIFE_ARMED, c.lifeAtMs)) {
      c.unset(LIFE_ARMED);
      lifeEnds(c);
    }
  } finally {
    if (c.state !== CLOSED) reschedule(c); // Whatever its owner did, or threw.
  }
}

function lifeEnds(c: TcpConnection): void {
  if (c.state === TIME_WAIT) return c.enter(CLOSED);
  if (livesByLinger(c)) {
    c.tcp.counters.lingersExpired++;
    c.sendReset();
    return c.fail("ETIMEDOUT");
  }
  if (c.keepAlive !== null && livesByKeepAlive(c)) {
    if (c.keepAlive.expired(c)) return;
    c.sendReset();
    return c.fail("ETIMEDOUT");
  }
  if (c.state === FIN_WAIT_2) return c.fail(null); // Its owner has gone and the peer never closed.
  c.fail("ETIMEDOUT");
}

function lossTimer(c: TcpConnection): void {
  const { sender } = c;
  if (c.has(TIMER_IS_REORDERING) && sender !== null) {
    reorderingEnds(c, sender);
    if (!c.has(RTO_ARMED)) watchLoss(c, sender);
    return c.wantsTurn();
  }
  if (!c.has(TIMER_IS_PROBE) || sender === null) return retransmissionTimeout(c);
  c.set(TAIL_PROBE_DUE);
  armRto(c, backedOffRtoMs(c));
  c.wantsTurn();
}

/** RFC 9293 §3.10.8 and §3.8.3, RFC 6298 (5.4) to (5.7). */
function retransmissionTimeout(c: TcpConnection): void {
  const { clock, config, counters } = c.tcp;
  const opening = c.state === SYN_SENT || c.state === SYN_RECEIVED;
  const probing = c.sender !== null && !opening && (c.flightSize === 0 || c.sndWnd === 0);
  // The last probe was answered: R2 counts from the one that leaves now, whose distance may be as long as R2 (MUST-37).
  if (probing && c.expirations === 0) c.progressAtMs = clock.nowMs;
  if (((clock.nowMs - c.progressAtMs) | 0) >= r2Ms(c, opening)) return c.fail("ETIMEDOUT");
  if (isBurden(c)) {
    counters.orphansReset++;
    c.sendReset();
    return c.fail("ETIMEDOUT");
  }
  counters.rtoExpirations++;
  if (c.backoff === 0) c.sender?.queue.unshare();
  if (opening) {
    c.set(SYN_DUE);
  } else if (probing) {
    c.set(PROBE_DUE);
  } else if (c.sender !== null) {
    suspectBlackHole(c);
    timeOut(c, c.sender);
  }
  c.backoff++;
  c.expirations++;
  armRto(c, backedOffRtoMs(c));
  c.wantsTurn();
  if (c.expirations === config.r1Retransmits && !opening) c.tellSoftly("ETIMEDOUT");
}

/** Nobody owns it, its peer takes nothing, and memory is tight: as Linux does, it is not waited for any longer. */
const isBurden = (c: TcpConnection): boolean =>
  c.has(OWNER_GONE) && c.backoff >= BURDEN_TIME_OUTS && c.tcp.memory.isTight;

function r2Ms(c: TcpConnection, opening: boolean): number {
  const own = c.settings?.userTimeoutMs ?? 0;
  if (own > 0) return own;
  return opening ? c.tcp.config.synR2Ms : c.tcp.config.r2Ms;
}
