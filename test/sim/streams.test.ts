import { once } from "node:events";
import { expect, test } from "vitest";
import { randomBelow, SeededRandom } from "../../src/base/random.ts";
import { impaired } from "../../src/device/impaired.ts";
import { memoryPair } from "../../src/device/memory.ts";
import { Stack } from "../../src/host/stack.ts";
import type { Socket } from "../../src/sockets/socket.ts";
import { VirtualTimebase } from "../support/virtual-timebase.ts";
import { KnownStream } from "./app.ts";
import { seedGroups } from "./seeds.ts";

interface Side {
  received: number;
  same: boolean;
  ended: boolean;
  error: string | null;
  closed: boolean;
}

/** Writes `octets` of `sends` as the stream takes them, ends, and compares what comes with `expects`. */
function talk(socket: Socket, sends: KnownStream, octets: number, expects: KnownStream, random: SeededRandom): Side {
  const side: Side = { received: 0, same: true, ended: false, error: null, closed: false };
  socket.on("data", (chunk: Buffer) => {
    side.same &&= expects.slice(side.received, chunk.length).equals(chunk);
    side.received += chunk.length;
  });
  socket.on("end", () => (side.ended = true));
  socket.on("error", (error: NodeJS.ErrnoException) => (side.error = error.code ?? error.message));
  socket.on("close", () => (side.closed = true));
  let sent = 0;
  const write = (): void => {
    while (sent < octets) {
      const length = Math.min(1 + randomBelow(random, 20_000), octets - sent);
      const goesOn = socket.write(sends.slice(sent, length));
      sent += length;
      if (!goesOn) return void socket.once("drain", write);
    }
    socket.end();
  };
  write();
  return side;
}

/** The seeds of `network.test.ts` are of the callback API; these go through streams, where real turns of the event loop take part. */
async function simulateStreams(seed: number): Promise<void> {
  const random = new SeededRandom(seed);
  const below = (bound: number): number => randomBelow(random, bound);
  const timebase = new VirtualTimebase(1_000_000);
  const [left, device] = memoryPair({ timebase, offload: below(2) === 0 });
  const faults = {
    loss: below(60) / 1000,
    duplicate: below(30) / 1000,
    reorder: below(100) / 1000,
    corrupt: below(20) / 1000,
  };
  const right = impaired(device, { timebase, seed, ...faults, delayMs: below(50) });
  const common = { timebase, strict: true };
  const a = await Stack.open({ ...common, device: left, address: "198.18.0.1/24", random: new SeededRandom(seed + 1) });
  const b = await Stack.open({
    ...common,
    device: right,
    address: "198.18.0.2/24",
    random: new SeededRandom(seed + 2),
  });
  const [up, down] = [new KnownStream(seed), new KnownStream(seed + 1)];
  const octets = [below(200_000), below(200_000)] as const;
  let server: Side | null = null;
  const listening = b.net.createServer({ allowHalfOpen: true }, (socket) => {
    server = talk(socket, down, octets[1], up, random);
  });
  listening.listen(80);
  await once(listening, "listening");
  const socket = new a.net.Socket({ allowHalfOpen: true });
  socket.connect({ host: "198.18.0.2", port: 80 });
  const client = talk(socket, up, octets[0], down, random);
  await timebase.elapse(600_000);
  const whole = { same: true, ended: true, error: null, closed: true };
  expect(client, `seed ${String(seed)}`).toEqual({ ...whole, received: octets[1] });
  expect(server, `seed ${String(seed)}`).toEqual({ ...whole, received: octets[0] });
  for (const stack of [a, b]) expect(stack.stats().connections.all, `seed ${String(seed)}`).toBe(0);
  const closed = [a.close(), b.close()];
  await timebase.elapse(1000);
  await Promise.all(closed);
}

test.each(seedGroups(1, 100))(
  "design.md §9: streams over a bad link give what was written, both ways, and close: seeds %i to %i",
  async (first, last) => {
    for (let seed = first; seed <= last; seed++) await simulateStreams(seed);
  },
);
