import { once } from "node:events";
import { expect, test } from "vitest";
import { simulate } from "../../../src/sim/index.ts";
import { pairOf, QUIET } from "./worlds.ts";

const OCTETS = 200_000;

interface Seen {
  readonly failed: boolean;
  readonly atMs: number;
  /** What the other side's program had by then, and whether it saw an error. */
  readonly received: number;
  readonly error: string;
}

/** Writes, destroys the socket and waits for "close". With `cutAtMs` the link goes down then. */
async function close(lingerMs: number | undefined, cutAtMs: number): Promise<Seen> {
  const { value } = await simulate({ seed: 3, ...QUIET }, async (sim) => {
    const { a, b, link } = await pairOf(sim, { rateBitsPerSecond: 10e6, delayMs: 20 });
    let received = 0;
    let error = "";
    const server = b.net.createServer({ allowHalfOpen: true }, (socket) => {
      socket.on("data", (chunk: Buffer) => (received += chunk.length));
      socket.on("error", (thrown: Error & { code: string }) => (error = thrown.code));
      socket.on("end", () => socket.end());
    });
    server.listen(7);
    const settings = lingerMs === undefined ? {} : { lingerMs };
    const socket = a.net.connect({ host: b.address, port: 7, settings });
    await once(socket, "connect");
    await new Promise((written) => socket.write(Buffer.alloc(OCTETS), written));
    if (cutAtMs > 0) sim.at(cutAtMs, () => link.down());
    socket.destroy();
    const [failed] = (await once(socket, "close")) as [boolean];
    const seen = { failed, atMs: sim.nowMs, received, error };
    if (cutAtMs > 0) link.up();
    await sim.sleep(1000);
    return { ...seen, error };
  });
  return value;
}

test("SO_LINGER: with lingerMs, close comes when the peer has acknowledged everything", async () => {
  expect(await close(10_000, 0)).toMatchObject({ failed: false, received: OCTETS, error: "" });
});

test("SO_LINGER: without it, close comes at once, and the octets follow by themselves", async () => {
  const { failed, received, error } = await close(undefined, 0);
  expect([failed, error]).toEqual([false, ""]);
  expect(received).toBeLessThan(OCTETS);
});

test("SO_LINGER: what is not acknowledged in time is given up, and close says so", async () => {
  const { failed, atMs, received } = await close(2000, 150);
  expect(failed).toBe(true);
  expect(received).toBeLessThan(OCTETS);
  expect(atMs).toBeGreaterThan(2000);
  expect(atMs).toBeLessThan(2200);
});

test("RFC 9293 §3.10.5: with lingerMs 0, close resets", async () => {
  const { failed, error } = await close(0, 0);
  expect([failed, error]).toEqual([false, "ECONNRESET"]);
});
