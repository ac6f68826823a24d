/** What `configure` changes of a connection that lives already. */
import type { TcpConnection } from "./connection.ts";
import { KeepAlive, type KeepAliveOptions, livesByKeepAlive } from "./keep-alive.ts";
import { backedOffRtoMs } from "./rtt.ts";
import { checkSettings, type TcpSettings } from "./settings.ts";
import { RTO_ARMED, TIMER_IS_PROBE, TIMER_IS_REORDERING } from "./tcb.ts";
import { armRto } from "./timers.ts";

/** What is left out or undefined stays as it is. Errors: `RangeError` where a value cannot be; nothing has changed then. */
export function changeSettings(c: TcpConnection, wishes: TcpSettings): void {
  checkSettings(wishes);
  const given: TcpSettings = Object.fromEntries(Object.entries(wishes).filter(([, value]) => value !== undefined));
  const userTimeoutMs = c.settings?.userTimeoutMs ?? 0;
  if (given.congestion !== undefined) dropController(c);
  c.settings = { ...c.settings, ...given };
  if (given.noDelay !== undefined) c.setNoDelay(given.noDelay);
  if (given.congestion !== undefined) takeController(c);
  if (given.pacing !== undefined && c.sender !== null) c.wantsTurn();
  if (given.keepAlive !== undefined) useKeepAlive(c, given.keepAlive);
  if (given.userTimeoutMs !== undefined) useUserTimeout(c, userTimeoutMs, given.userTimeoutMs);
}

function dropController(c: TcpConnection): void {
  if (c.controller !== null) c.tcp.giveBackController(c.controller, c.congestion);
  c.pacingRate = 0;
  c.controller = null;
}

function takeController(c: TcpConnection): void {
  if (c.sender === null) return;
  c.controller = c.tcp.takeController(c.congestion);
  c.sender.serves(c.controller);
}

function useKeepAlive(c: TcpConnection, wish: boolean | KeepAliveOptions): void {
  if (livesByKeepAlive(c)) c.keepAlive?.stop(c);
  c.keepAlive = wish === false ? null : new KeepAlive(wish === true ? {} : wish, c.tcp.clock.nowMs);
  if (livesByKeepAlive(c)) c.keepAlive?.start(c);
}

/** It counts for what waits already, too: the timer runs until then and no longer. Probes' timers are short anyway. */
function useUserTimeout(c: TcpConnection, before: number, now: number): void {
  if (now === before || !c.has(RTO_ARMED) || c.has(TIMER_IS_PROBE | TIMER_IS_REORDERING)) return;
  const leftMs = Math.max(0, (c.rtoAtMs - c.tcp.clock.nowMs) | 0);
  const isShorter = before === 0 || (now > 0 && now < before);
  armRto(c, isShorter ? Math.min(leftMs, backedOffRtoMs(c)) : backedOffRtoMs(c));
}
