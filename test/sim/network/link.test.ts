import { once } from "node:events";
import { expect, test } from "vitest";
import { SeededRandom } from "../../../src/base/random.ts";
import { simulate } from "../../../src/sim/index.ts";
import { LossModel } from "../../../src/sim/loss-model.ts";
import { connected, echo, echoOn, octetsOf, pairOf, QUIET } from "./worlds.ts";

test("a handshake takes one round trip of the propagation delay, each direction its own", async () => {
  const { value } = await simulate({ ...QUIET, seed: 1 }, async (sim) => {
    const { a, b } = await pairOf(sim, { delayMs: 30, back: { delayMs: 12 } });
    echoOn(b);
    await connected(a, b);
    return sim.nowMs;
  });
  expect(value).toBe(42);
});

test("a bulk transfer fills a link of given rate: octets of datagram by time", async () => {
  const { value } = await simulate({ ...QUIET, seed: 1 }, async (sim) => {
    const { a, b, link } = await pairOf(sim, { rateBitsPerSecond: 8e6, delayMs: 5, queueOctets: 100_000 });
    b.net.createServer((socket) => socket.resume()).listen(9);
    const socket = await connected(a, b, 9);
    socket.write(Buffer.alloc(4_000_000));
    await sim.sleep(500);
    const [fromMs, from] = [sim.nowMs, link.there.deliveredOctets];
    await sim.sleep(1000);
    const bitsPerMs = ((link.there.deliveredOctets - from) * 8) / (sim.nowMs - fromMs);
    socket.resetAndDestroy();
    return bitsPerMs;
  });
  // 8,000 bits in a millisecond, one datagram of 12,000 bits more or less at each end of the second.
  expect(value).toBeGreaterThan(8000 - 24);
  expect(value).toBeLessThan(8000 + 24);
});

test("what does not fit into the queue is dropped from its tail, and the queue never grows beyond its bound", async () => {
  const { value, faults } = await simulate({ ...QUIET, seed: 1 }, async (sim) => {
    const { a, b, link } = await pairOf(sim, { rateBitsPerSecond: 1e6, queueOctets: 6000 });
    let most = 0;
    sim.invariant(() => {
      most = Math.max(most, link.there.queuedOctets);
    });
    echoOn(b);
    await echo(a, b, octetsOf(100_000));
    return most;
  });
  expect(faults["queue-drop"]).toBeGreaterThan(0);
  expect(value).toBeGreaterThan(0);
  expect(value).toBeLessThanOrEqual(6000);
});

test("Bernoulli: the share of datagrams lost is the probability", () => {
  const model = new LossModel(0.05, new SeededRandom(1));
  let lost = 0;
  for (let i = 0; i < 100_000; i++) if (model.loses()) lost++;
  expect(lost / 100_000).toBeCloseTo(0.05, 2);
});

test("Gilbert-Elliott: share and mean length of bursts follow from the transitions", () => {
  const model = new LossModel({ toBad: 0.01, toGood: 0.25 }, new SeededRandom(1));
  let [lost, bursts, before] = [0, 0, false];
  for (let i = 0; i < 400_000; i++) {
    const loses = model.loses();
    if (loses) lost++;
    if (loses && !before) bursts++;
    before = loses;
  }
  expect(lost / 400_000).toBeCloseTo(0.01 / 0.26, 2);
  expect(lost / bursts).toBeCloseTo(4, 0);
});

test("jitter never changes the order, reordering does", async () => {
  const run = async (options: { jitterMs?: number; reorder?: number }) => {
    const { faults } = await simulate({ ...QUIET, seed: 9 }, async (sim) => {
      const { a, b } = await pairOf(sim, { delayMs: 2, ...options });
      echoOn(b);
      await echo(a, b, octetsOf(100_000));
    });
    return faults;
  };
  expect(await run({ jitterMs: 50 })).not.toHaveProperty("reorder");
  expect((await run({ reorder: 0.1 }))["reorder"]).toBeGreaterThan(0);
});

test("a link that is down loses everything, what is on its way as well", async () => {
  const { value, faults } = await simulate({ ...QUIET, seed: 1 }, async (sim) => {
    const { a, b, link } = await pairOf(sim, { delayMs: 100 });
    echoOn(b);
    const socket = a.net.connect({ host: b.address, port: 7 });
    await sim.sleep(50);
    link.down();
    await sim.sleep(500);
    link.up();
    await once(socket, "connect");
    socket.destroy();
    return sim.nowMs;
  });
  expect(faults["link-down"]).toBe(1);
  // RFC 6298 (2.1): the SYN goes again after a second.
  expect(value).toBe(1200);
});

test("an interceptor sees every datagram and decides", async () => {
  const { value, faults } = await simulate({ ...QUIET, seed: 1 }, async (sim) => {
    const { a, b, link } = await pairOf(sim, { delayMs: 1 });
    let seen = 0;
    link.back.intercept = () => (++seen === 1 ? "drop" : "pass");
    echoOn(b);
    await connected(a, b);
    return seen;
  });
  expect(value).toBeGreaterThan(1);
  expect(faults["intercept"]).toBe(1);
});

test("a datagram that is longer than the link takes is lost in silence", async () => {
  const { faults } = await simulate({ ...QUIET, seed: 1 }, async (sim) => {
    const { a, b } = await pairOf(sim, { mtu: 1000 });
    echoOn(b);
    const socket = await connected(a, b);
    socket.write(Buffer.alloc(1400));
    await sim.sleep(1000);
    socket.resetAndDestroy();
  });
  expect(faults["too-long"]).toBeGreaterThan(0);
});
