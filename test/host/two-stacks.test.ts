import { once } from "node:events";
import { createHash, randomBytes } from "node:crypto";
import { afterEach, expect, test } from "vitest";
import { impaired } from "../../src/device/impaired.ts";
import { memoryPair } from "../../src/device/memory.ts";
import { Stack } from "../../src/host/stack.ts";
import { EventLoopTimebase } from "../../src/stack/event-loop-timebase.ts";

const timebase = new EventLoopTimebase();
const open: Stack[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((stack) => stack.close({ deadlineMs: 0 })));
});

async function pair(offload: boolean, faults: object | null = null): Promise<[Stack, Stack]> {
  const [left, right] = memoryPair({ timebase, offload });
  const device = faults === null ? right : impaired(right, { timebase, seed: 7, ...faults });
  const a = await Stack.open({ device: left, address: "198.18.0.1/24", strict: true });
  const b = await Stack.open({ device, address: "198.18.0.2/24", strict: true });
  open.push(a, b);
  return [a, b];
}

async function echo(client: Stack, server: Stack, host: string, octets: number): Promise<void> {
  const listening = server.net.createServer((socket) => socket.pipe(socket));
  listening.listen(7);
  await once(listening, "listening");
  const socket = client.net.connect({ host, port: 7 });
  await once(socket, "connect");
  const sent = createHash("sha256");
  const got = createHash("sha256");
  let received = 0;
  socket.on("data", (chunk: Buffer) => {
    received += chunk.length;
    got.update(chunk);
  });
  const ended = once(socket, "end");
  for (let left = octets; left > 0;) {
    const chunk = randomBytes(Math.min(left, 100_000));
    sent.update(chunk);
    left -= chunk.length;
    if (!socket.write(chunk)) await once(socket, "drain");
  }
  socket.end();
  await ended;
  expect(received).toBe(octets);
  expect(got.digest("hex")).toBe(sent.digest("hex"));
}

test.each([false, true])("a stream comes back as it was sent, offload %s", async (offload) => {
  const [a, b] = await pair(offload);
  await echo(a, b, "198.18.0.2", 5_000_000);
  const { retransSegs, tailLossProbes } = a.stats().tcp;
  expect(retransSegs).toBeLessThanOrEqual(tailLossProbes); // Both ends share one busy thread: a probe may come early.
});

test("RFC 1122 §3.2.1.3(g): a stack talks to itself over its loopback", async () => {
  const [a] = await pair(true);
  await echo(a, a, "127.0.0.1", 1_000_000);
});

test("loss, reordering, duplication and corruption do not harm the stream", async () => {
  const [a, b] = await pair(true, { loss: 0.02, reorder: 0.01, duplicate: 0.01, corrupt: 0.001 });
  await echo(a, b, "198.18.0.2", 2_000_000);
  expect(a.stats().tcp["retransSegs"]).toBeGreaterThan(0);
});
