import type { TxBatch } from "../base/tx-batch.ts";
import { TcpConnection } from "../tcp/connection.ts";
import type { TcpHandler } from "../tcp/handler.ts";
import type { TcpState } from "../tcp/states.ts";
import type { Segment } from "../wire/segment.ts";

/** Who is told of everything that happens to a watched connection. */
export interface ConnectionWatch {
  /** Called in place of a handler that its owner gives. */
  standIn(handler: TcpHandler): TcpHandler;
  /** Its owner hands octets over; then how many octets it had written before. */
  sending(): void;
  sent(octets: Uint8Array, writtenBefore: number): void;
  /** Its owner has taken a chunk by `read`. */
  taken(chunk: Uint8Array): void;
  ending(): void;
  closing(): void;
  aborting(): void;
  entered(from: TcpState, to: TcpState): void;
  arriving(seg: Segment): void;
  timing(): void;
  /** Something has happened, and is over: what must hold holds. */
  settled(): void;
}

/**
 * A connection that tells its `watch` of every event. None is made: `watchConnection` turns one of the stack's into it, so
 * that the stack runs as it is, without a hook that production would pay for. All have one shape, and the stack's own
 * methods run on it as fast as ever (own properties in front of them would make of each connection a slow dictionary).
 */
export class WatchedConnection extends TcpConnection {
  declare watch: ConnectionWatch;

  override get handler(): TcpHandler {
    return super.handler;
  }
  override set handler(handler: TcpHandler) {
    super.handler = this.watch.standIn(handler);
  }

  override send(octets: Uint8Array, start = 0, end = octets.length): boolean {
    const before = this.bytesWritten;
    this.watch.sending();
    const goesOn = super.send(octets, start, end);
    this.watch.sent(octets.subarray(start, end), before);
    return goesOn;
  }
  override sendUrgent(octets: Uint8Array): boolean {
    const before = this.bytesWritten;
    this.watch.sending();
    const goesOn = super.sendUrgent(octets);
    this.watch.sent(octets, before);
    return goesOn;
  }
  override sendCopy(octets: Uint8Array): boolean {
    const before = this.bytesWritten;
    this.watch.sending();
    const goesOn = super.sendCopy(octets);
    this.watch.sent(octets, before);
    return goesOn;
  }
  override read(): Uint8Array | null {
    const chunk = super.read();
    if (chunk !== null) this.watch.taken(chunk);
    return chunk;
  }
  override end(): void {
    this.watch.ending();
    super.end();
    this.watch.settled();
  }
  override close(): void {
    this.watch.closing();
    super.close();
    this.watch.settled();
  }
  override abort(): void {
    this.watch.aborting();
    super.abort();
    this.watch.settled();
  }

  override enter(state: TcpState): void {
    const from = this.state;
    super.enter(state);
    this.watch.entered(from, state);
  }
  override arrives(seg: Segment): void {
    this.watch.arriving(seg);
    super.arrives(seg);
    this.watch.settled();
  }
  override onTimer(): void {
    this.watch.timing();
    super.onTimer();
    this.watch.settled();
  }
  override output(tx: TxBatch): boolean {
    const more = super.output(tx);
    this.watch.settled();
    return more;
  }
}

/** From now on `watch` is told of everything that happens to `connection`. */
export function watchConnection(connection: TcpConnection, watch: ConnectionWatch): void {
  const { handler } = connection;
  Object.assign(connection, { watch });
  Object.setPrototypeOf(connection, WatchedConnection.prototype);
  connection.handler = handler;
}
