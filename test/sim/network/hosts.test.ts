import { once } from "node:events";
import { expect, test } from "vitest";
import { simulate } from "../../../src/sim/index.ts";
import { connected, echo, echoOn, octetsOf, pairOf, QUIET } from "./worlds.ts";

test("a partition lets nothing through until it heals; the connection goes on then", async () => {
  const sent = octetsOf(100_000);
  const { value, faults } = await simulate({ ...QUIET, seed: 1 }, async (sim) => {
    const { a, b } = await pairOf(sim, { delayMs: 5, rateBitsPerSecond: 1e7 });
    echoOn(b);
    const echoed = echo(a, b, sent);
    await sim.sleep(30);
    const partition = sim.partition([a], [b]);
    let over = false;
    void echoed.then(() => {
      over = true;
    });
    await sim.sleep(2000);
    const overWhileCut = over;
    partition.heal();
    return { overWhileCut, same: (await echoed).equals(sent) };
  });
  expect(value).toEqual({ overWhileCut: false, same: true });
  expect(faults["partition"]).toBeGreaterThan(0);
});

test("a paused host does nothing while time passes; afterwards it does what was due", async () => {
  const { value } = await simulate({ ...QUIET, seed: 1 }, async (sim) => {
    const { a, b } = await pairOf(sim, { delayMs: 1 });
    echoOn(b);
    const socket = await connected(a, b);
    const slept = b.sleep(100).then(() => sim.nowMs);
    b.pause();
    socket.write("still there?");
    sim.at(700, () => b.resume());
    await once(socket, "data");
    const answeredMs = sim.nowMs;
    socket.destroy();
    return { answeredMs, slept: await slept };
  });
  expect(value.slept).toBe(700);
  // Answered at once, and one delay back.
  expect(value.answeredMs).toBe(701);
});

test("a host that has crashed says nothing; its peer learns of it within R2", async () => {
  const { value, faults } = await simulate({ ...QUIET, seed: 1 }, async (sim) => {
    const { a, b } = await pairOf(sim, { delayMs: 1 });
    echoOn(b);
    const socket = await connected(a, b);
    b.crash();
    const beganMs = sim.nowMs;
    socket.write("anybody?");
    const [error] = (await once(socket, "error")) as [{ code: string }];
    return { code: error.code, afterMs: sim.nowMs - beganMs };
  });
  expect(value.code).toBe("ETIMEDOUT");
  // RFC 9293 SHLD-11: at least 100 s; and the back-off that was running.
  expect(value.afterMs).toBeGreaterThan(100_000);
  expect(value.afterMs).toBeLessThan(241_000);
  expect(faults["host-down"]).toBeGreaterThan(0);
});

test("a host that starts again remembers nothing: old segments are reset, new connections work", async () => {
  const { value } = await simulate({ ...QUIET, seed: 1 }, async (sim) => {
    const { a, b } = await pairOf(sim, { delayMs: 1 });
    echoOn(b);
    const socket = await connected(a, b);
    b.crash();
    await b.start();
    echoOn(b);
    socket.write("do you know me?");
    const [error] = (await once(socket, "error")) as [{ code: string }];
    const again = await echo(a, b, Buffer.from("hello"));
    return { code: error.code, again: again.toString() };
  });
  expect(value).toEqual({ code: "ECONNRESET", again: "hello" });
});

test("RFC 7323 §5.4 and int32 clocks: a connection lives through the wrap of its hosts' clocks", async () => {
  const sent = octetsOf(100_000);
  const { value } = await simulate({ ...QUIET, seed: 1 }, async (sim) => {
    const a = await sim.host("a", { address: "10.0.0.1/24", clockMs: 2 ** 31 - 200 });
    const b = await sim.host("b", { address: "10.0.0.2/24", clockMs: 2 ** 32 - 300 });
    sim.link(a, b, { delayMs: 20, loss: 0.03, rateBitsPerSecond: 2e6 });
    echoOn(b);
    return { same: (await echo(a, b, sent)).equals(sent), ms: sim.nowMs };
  });
  expect(value.same).toBe(true);
  expect(value.ms).toBeGreaterThan(300);
});

test.each(["none", "checksum", "segments"] as const)(
  "a stream passes with offload %s on both sides",
  async (offload) => {
    const sent = octetsOf(80_000);
    const { value } = await simulate({ ...QUIET, seed: 1 }, async (sim) => {
      const a = await sim.host("a", { address: "10.0.0.1/24", offload });
      const b = await sim.host("b", { address: "10.0.0.2/24", offload });
      sim.link(a, b, { delayMs: 2, corrupt: 0.05 });
      echoOn(b);
      const same = (await echo(a, b, sent)).equals(sent);
      return { same, errors: (a.stack.stats().tcp["inErrs"] ?? 0) + (b.stack.stats().tcp["inErrs"] ?? 0) };
    });
    expect(value.same).toBe(true);
    expect(value.errors).toBeGreaterThan(0);
  },
);

test("a socket that a program leaves open at its end is closed without a word", async () => {
  const { value } = await simulate({ ...QUIET, seed: 1 }, async (sim) => {
    const { a, b } = await pairOf(sim);
    b.net.createServer({ allowHalfOpen: true }, (socket) => socket.resume()).listen(7);
    await connected(a, b);
    return "left open";
  });
  expect(value).toBe("left open");
});
