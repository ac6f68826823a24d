/**
 * What `churn.test.ts` runs in a process of its own, with `--expose-gc`: connections that are opened, used and closed in every
 * way, and what they leave behind. Argument: how many.
 */
import { ANY_ADDRESS } from "../../src/base/address.ts";
import type { TcpSocket } from "../../src/tcp/handler.ts";
import { ACK, FIN, type HostilePeer, RST, Square, SYN } from "./crowd.ts";

const WAVE = 2500;
/** Waves after which the engine and the tables have the size that they keep. */
const WARM_WAVES = 8;
/** Longer than TIME-WAIT. */
const REST_MS = 70_000;
const [count = 100_000] = process.argv.slice(2).map(Number);
const square = new Square();
const { core, crowd, timebase } = square;
let open: TcpSocket[] = [];
core.tcp.listen({
  address: ANY_ADDRESS,
  port: 80,
  backlog: WAVE,
  handler: {
    accept: (socket) => {
      open.push(socket);
      socket.handler = {
        data: (_, octets, start, end) => void socket.sendCopy(octets.subarray(start, end)),
        end: () => socket.end(),
      };
    },
  },
});

/** Text that is read and echoed, text beyond a hole, and then an end of one of five kinds. */
function wave(number: number): void {
  const peers = Array.from({ length: WAVE }, (_, i) => crowd.newcomer((number % 4) * WAVE + i));
  open = [];
  for (const peer of peers) peer.send(SYN);
  timebase.advance(1);
  for (const peer of peers) {
    peer.send(ACK, { length: 500 });
    peer.next += 500;
    peer.send(ACK, { seq: 1000, length: 100 });
  }
  timebase.advance(1);
  open.forEach((socket, i) => {
    if (i % 5 === 0) socket.end();
    else if (i % 5 === 1) socket.abort();
    else if (i % 5 === 2) socket.pause();
  });
  timebase.advance(1);
  for (const [i, peer] of peers.entries()) leave(peer, i % 3);
  timebase.advance(REST_MS);
  for (const socket of open) socket.close();
  open = [];
  timebase.advance(5 * REST_MS);
}

function leave(peer: HostilePeer, way: number): void {
  if (way === 0) peer.send(RST | ACK);
  else if (way === 1) peer.send(FIN | ACK);
  // The third kind is never heard of again.
}

function memory(): { heap: number; external: number } {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return { heap: heapUsed, external: external + arrayBuffers };
}

const waves = count / WAVE;
for (let number = 0; number < WARM_WAVES; number++) wave(number);
const before = memory();
for (let number = WARM_WAVES; number < waves; number++) wave(number);
const after = memory();
process.stdout.write(
  JSON.stringify({
    opened: core.tcpCounters.passiveOpens,
    connections: core.tcp.size,
    used: core.memory.used,
    queues: core.memory.queues,
    currEstab: core.tcpCounters.currEstab,
    timers: core.nextDelayMs() === Infinity ? 0 : 1,
    grown: { heap: after.heap - before.heap, external: after.external - before.external },
  }),
);
await square.end();
