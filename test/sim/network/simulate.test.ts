import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, get, type IncomingMessage } from "node:http";
import { expect, test } from "vitest";
import { simulate, SimulationFailure } from "../../../src/sim/index.ts";
import { connected, echo, echoOn, octetsOf, pairOf, QUIET, rejectionOf } from "./worlds.ts";

const FAULTY = { delayMs: 5, jitterMs: 3, loss: 0.03, duplicate: 0.03, reorder: 0.03, corrupt: 0.02 } as const;

async function captureOf(seed: number): Promise<string> {
  let hash = "";
  const onCapture = (pcapng: Uint8Array): void => {
    hash = createHash("sha256").update(pcapng).digest("hex");
  };
  await simulate({ ...QUIET, seed, onCapture }, async (sim) => {
    const { a, b } = await pairOf(sim, { ...FAULTY, rateBitsPerSecond: 5e6 });
    echoOn(b);
    await Promise.all([echo(a, b, octetsOf(60_000)), echo(a, b, octetsOf(500))]);
  });
  return hash;
}

test("the same seed gives the same capture, octet for octet, another seed another", async () => {
  const [first, again, other] = [await captureOf(11), await captureOf(11), await captureOf(12)];
  expect(again).toBe(first);
  expect(other).not.toBe(first);
});

test("a stream comes back as it was sent through every fault of a link", async () => {
  const sent = octetsOf(100_000);
  const { value, faults } = await simulate({ ...QUIET, seed: 3 }, async (sim) => {
    const { a, b } = await pairOf(sim, FAULTY);
    echoOn(b);
    return echo(a, b, sent);
  });
  expect(value.equals(sent)).toBe(true);
  for (const fault of ["loss", "duplicate", "reorder", "corrupt", "jitter"]) expect(faults[fault]).toBeGreaterThan(0);
});

test("an hour of virtual time is an addition", async () => {
  const { virtualMs } = await simulate({ ...QUIET, seed: 1 }, async (sim) => {
    await sim.sleep(3_600_000);
  });
  expect(virtualMs).toBe(3_600_000);
});

test("promises and ticks of a program run before time passes", async () => {
  const { value } = await simulate({ ...QUIET, seed: 1 }, async (sim) => {
    const moments: number[] = [];
    for (let i = 0; i < 100; i++) {
      await new Promise<void>((resolve) => {
        process.nextTick(resolve);
      });
      await Promise.resolve();
      moments.push(sim.nowMs);
    }
    const timer = sim.sleep(0.001).then(() => moments.push(sim.nowMs));
    for (let i = 0; i < 100; i++) await Promise.resolve();
    moments.push(sim.nowMs);
    await timer;
    return moments;
  });
  expect(value).toEqual([...new Array<number>(101).fill(0), 0.001]);
});

test("a program written for node:http runs unchanged", async () => {
  const { value } = await simulate({ ...QUIET, seed: 5 }, async (sim) => {
    const { a, b } = await pairOf(sim, { delayMs: 20, loss: 0.02 });
    const http = createServer((request, response) => response.end(`you asked for ${request.url ?? ""}`));
    b.net.createServer((socket) => http.emit("connection", socket)).listen(80);
    const createConnection = (): never => a.net.connect({ host: b.address, port: 80 }) as never;
    const bodies: string[] = [];
    for (const path of ["/one", "/two"]) {
      const [response] = (await once(get({ path, createConnection }), "response")) as [IncomingMessage];
      let body = "";
      for await (const chunk of response) body += String(chunk);
      bodies.push(body);
    }
    http.closeAllConnections();
    return bodies;
  });
  expect(value).toEqual(["you asked for /one", "you asked for /two"]);
});

test("a program that waits for what will never come fails, with the seed and how to run it again", async () => {
  const error = await rejectionOf(
    simulate({ ...QUIET, seed: 77, replay: "run it --seed 77" }, async (sim) => {
      await sim.sleep(250);
      await new Promise(() => undefined);
    }),
  );
  expect(error).toBeInstanceOf(SimulationFailure);
  expect(error).toMatchObject({ seed: 77, virtualMs: 250, replay: "run it --seed 77" });
  expect((error as Error).message).toContain("again: run it --seed 77");
});

test("a program that does not end within its limit fails", async () => {
  const error = await rejectionOf(
    simulate({ ...QUIET, seed: 1, limitMs: 1000 }, async (sim) => {
      for (;;) await sim.sleep(300);
    }),
  );
  expect((error as Error).message).toContain("has not ended within 1000 ms");
});

test("what a program throws is the cause of the failure", async () => {
  const cause = new Error("mine");
  const error = await rejectionOf(
    simulate({ ...QUIET, seed: 1 }, () => {
      throw cause;
    }),
  );
  expect((error as Error).cause).toBe(cause);
});

test("time stands still for what is outside of the simulation", async () => {
  const { value } = await simulate({ ...QUIET, seed: 1 }, async (sim) => {
    const timer = sim.sleep(1).then(() => "timer");
    const outside = sim.outside(
      new Promise<string>((resolve) => {
        setImmediate(() => setImmediate(() => resolve("outside")));
      }),
    );
    return [await Promise.race([timer, outside]), sim.nowMs, await timer];
  });
  expect(value).toEqual(["outside", 0, "timer"]);
});

test("an idle connection costs no events", async () => {
  const { events } = await simulate({ ...QUIET, seed: 1 }, async (sim) => {
    const { a, b } = await pairOf(sim);
    echoOn(b);
    const socket = await connected(a, b);
    await sim.sleep(3_600_000);
    socket.end();
    socket.resume();
    await once(socket, "close");
  });
  expect(events).toBeLessThan(200);
});

test("what a callback program sends as a part of a buffer, by a copy or urgently is seen as such", async () => {
  const { value } = await simulate({ ...QUIET, seed: 1 }, async (sim) => {
    const { a, b } = await pairOf(sim);
    const got: Buffer[] = [];
    let urgent = 0;
    b.tcp.listen({
      port: 7,
      handler: {
        data: (_connection, octets, start, end) => got.push(Buffer.from(octets.slice(start, end))),
        urgent: () => urgent++,
      },
    });
    const connection = a.tcp.connect({ address: b.address, port: 7, handler: {} });
    await sim.sleep(10);
    connection.send(Buffer.from("a part of it"), 2, 6);
    connection.sendCopy(Buffer.from(", a copy"));
    connection.sendUrgent(Buffer.from(", now"));
    await sim.sleep(100);
    connection.abort();
    return { got: Buffer.concat(got).toString(), urgent };
  });
  expect(value).toEqual({ got: "part, a copy, now", urgent: 1 });
});
