/** SEND: RFC 9293 §3.10.2. What the owner writes is queued, and it is told when to wait. */
import { QUEUE_MIN } from "../base/memory-budget.ts";
import { seqAdd } from "../base/seq.ts";
import type { TcpConnection } from "./connection.ts";
import type { Sender } from "./sender.ts";
import { CLOSE_WAIT, ESTABLISHED, SYN_SENT } from "./states.ts";
import { DRAIN_DUE, FIN_QUEUED } from "./tcb.ts";
import { markUrgent } from "./urgent.ts";

export function send(c: TcpConnection, octets: Uint8Array, start: number, end: number): boolean {
  if (!(start >= 0 && start <= end && end <= octets.length))
    throw new RangeError(`no part of ${String(octets.length)} octets: [${String(start)}, ${String(end)})`);
  if (!accepts(c, end - start)) return false;
  senderOf(c).queue.push(octets, start, end - start);
  return queued(c, end - start);
}

export function sendUrgent(c: TcpConnection, octets: Uint8Array): boolean {
  if (!accepts(c, octets.length)) return false;
  const { queue } = senderOf(c);
  queue.push(octets, 0, octets.length);
  markUrgent(c, queue.end);
  return queued(c, octets.length);
}

export function sendCopy(c: TcpConnection, octets: Uint8Array): boolean {
  if (!accepts(c, octets.length)) return false;
  const { arena } = c.tcp;
  const { queue } = senderOf(c);
  arena.copy(octets);
  if (queue.continues(arena.chunk, arena.at)) queue.extend(octets.length);
  else queue.push(arena.chunk, arena.at, octets.length);
  return queued(c, octets.length);
}

function accepts(c: TcpConnection, octets: number): boolean {
  c.tcp.host.refreshClock();
  if (c.has(FIN_QUEUED) || octets === 0) return false;
  if (c.state < SYN_SENT || c.state > CLOSE_WAIT) return false;
  return !c.has(DRAIN_DUE) || bearsMore(c, octets);
}

/** Its owner goes on although it was asked to wait: false where that was too much, and the connection is gone. */
function bearsMore(c: TcpConnection, octets: number): boolean {
  const { config, counters, memory } = c.tcp;
  const held = c.sender === null ? 0 : c.sender.queue.charge;
  if (held + octets <= config.sendQueueMax && octets <= Math.max(QUEUE_MIN - held, memory.freeToSend)) {
    return true;
  }
  counters.sendQueueOverflows++;
  c.sendReset();
  c.fail("ENOBUFS");
  return false;
}

/** The sending side, made when the first octet or the FIN is queued. */
export function senderOf(c: TcpConnection): Sender {
  c.controller ??= c.tcp.takeController(c.congestion);
  if (c.sender !== null) return c.sender;
  c.sender = c.tcp.takeSender(c.state < ESTABLISHED ? seqAdd(c.iss, 1) : c.sndNxt);
  c.sender.serves(c.controller);
  return c.sender;
}

function queued(c: TcpConnection, octets: number): boolean {
  c.countWritten(octets);
  c.wantsTurn();
  if (c.sendRoom > 0) return true;
  c.set(DRAIN_DUE);
  return false;
}
