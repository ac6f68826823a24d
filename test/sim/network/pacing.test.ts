import { expect, test } from "vitest";
import type { TcpSocket } from "../../../src/index.ts";
import { type SimulationReport, simulate } from "../../../src/sim/index.ts";
import { pairOf, QUIET } from "./worlds.ts";

/** 100 Mbit/s and 40 ms: the product is 500,000 octets. */
const RATE = 100e6,
  DELAY_MS = 20,
  PRODUCT = 500_000;

interface Seen {
  readonly received: number;
  readonly faults: SimulationReport["faults"];
}

/** Sends as much as it can, `octets` at most, for `seconds`. */
async function bulk(pacing: boolean, queueOctets: number, seconds: number, octets = Infinity): Promise<Seen> {
  const { value, faults } = await simulate({ seed: 1, ...QUIET }, async (sim) => {
    const { a, b } = await pairOf(sim, { rateBitsPerSecond: RATE, delayMs: DELAY_MS, queueOctets });
    let received = 0;
    let left = octets;
    b.tcp.listen({ port: 7, handler: { data: (_, _octets, start, end) => void (received += end - start) } });
    const pump = (socket: TcpSocket): void => {
      for (let more = true; more && left > 0;) {
        const chunk = new Uint8Array(Math.min(left, 1 << 16));
        left -= chunk.length;
        more = socket.send(chunk);
      }
    };
    const socket = a.tcp.connect({ address: b.address, port: 7, handler: { open: pump, drain: pump } });
    socket.configure({ pacing });
    await sim.sleep(seconds * 1000);
    socket.abort();
    return received;
  });
  return { received: value, faults };
}

test("design.md §4 (pacing): a queue of one product loses nothing by it, and does not overflow in slow start", async () => {
  const [unpaced, paced] = [await bulk(false, PRODUCT, 4), await bulk(true, PRODUCT, 4)];
  expect(paced.received).toBeGreaterThan(0.98 * unpaced.received);
  expect((paced.received * 8) / 4).toBeGreaterThan(0.85 * RATE);
  expect(paced.faults["queue-drop"] ?? 0).toBe(0);
});

test("design.md §4 (pacing): a shallow queue is no limit any more", async () => {
  const [unpaced, paced] = [await bulk(false, PRODUCT / 8, 4), await bulk(true, PRODUCT / 8, 4)];
  expect(paced.received).toBeGreaterThan(1.5 * unpaced.received);
});

test("design.md §4 (pacing): nothing of what the path can carry overflows a shallow queue", async () => {
  const octets = PRODUCT;
  const [unpaced, paced] = [await bulk(false, PRODUCT / 8, 3, octets), await bulk(true, PRODUCT / 8, 3, octets)];
  expect([unpaced.received, paced.received]).toEqual([octets, octets]);
  expect(unpaced.faults["queue-drop"]).toBeGreaterThan(10);
  expect(paced.faults["queue-drop"] ?? 0).toBe(0);
});
