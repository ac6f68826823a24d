import { expect, test } from "vitest";
import { ANY_ADDRESS } from "../../src/base/address.ts";
import type { TcpHandler } from "../../src/tcp/handler.ts";
import { ACK, HOST_TEXT, Square, SYN } from "./crowd.ts";

const SYNS = 200_000;
const BURST = 1000;
/** The honest client's path, there and back. */
const RTT_MS = 10;
const echo: TcpHandler = {
  data: (socket, octets, start, end) => void socket.sendCopy(octets.subarray(start, end)),
};

test(
  "issue 3, RFC 4987 §3.6: while 200,000 SYNs come, honest clients are accepted within one round trip and the cookie's check; nothing is kept for a SYN",
  { timeout: 120_000 },
  async () => {
    const square = new Square();
    const { core, crowd, timebase } = square;
    const accepted: number[] = [];
    const accept = (socket: { remotePort: number; handler: TcpHandler }): void => {
      accepted.push(socket.remotePort);
      socket.handler = echo;
    };
    core.tcp.listen({ address: ANY_ADDRESS, port: 80, backlog: 256, handler: { accept } });
    let honest = 0;
    const waits: number[] = [];
    for (let syn = 0; syn < SYNS; syn += BURST) {
      for (let i = 0; i < BURST; i++) crowd.inject(crowd.stranger(syn + i), syn + i, 0, SYN, 65_535, 0, 0);
      if (syn % (20 * BURST) === 0) {
        honest++;
        const startMs = timebase.nowUs() / 1000;
        const socket = square.client.tcp.connect({
          address: HOST_TEXT,
          port: 80,
          handler: {
            open: () => socket.sendCopy(Uint8Array.of(7)),
            data: () => waits.push(timebase.nowUs() / 1000 - startMs),
          },
        });
      }
      timebase.advance(2);
      expect(core.tcp.size).toBeLessThanOrEqual(256 + honest);
      expect(core.memory.used).toBeLessThan(100 * honest + 1000);
    }
    timebase.advance(100);
    expect(accepted).toHaveLength(honest);
    // One round trip for the handshake, one for the echo: nobody had to send a SYN twice.
    expect(waits).toHaveLength(honest);
    for (const wait of waits) expect(wait).toBeLessThan(2 * RTT_MS + 3);
    expect(core.tcpCounters.synCookiesSent).toBeGreaterThan(SYNS / 2);
    expect(core.tcpCounters.synCookiesReceived).toBeGreaterThanOrEqual(honest - 1);
    await square.end();
    expect([core.tcp.size, core.memory.used]).toEqual([0, 0]);
  },
);

test("RFC 4987 §3.6: 200,000 ACKs that guess at cookies open nothing", { timeout: 60_000 }, async () => {
  const square = new Square();
  const { core, crowd, timebase } = square;
  core.tcp.listen({ address: ANY_ADDRESS, port: 80, backlog: 1, handler: { accept: () => expect.unreachable() } });
  for (let i = 0; i < 3; i++) crowd.inject(crowd.stranger(i), i, 0, SYN, 65_535, 0, 0);
  timebase.advance(1);
  for (let guess = 0; guess < SYNS; guess += BURST) {
    for (let i = 0; i < BURST; i++) {
      crowd.inject(crowd.stranger(100 + i), 1, (0x9e37_79b9 * (guess + i)) >>> 0, ACK, 65_535, 0, 0);
    }
    timebase.advance(1);
  }
  expect(core.tcpCounters.synCookiesFailed).toBe(SYNS);
  await square.end();
});
