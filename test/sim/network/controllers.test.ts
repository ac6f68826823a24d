import { once } from "node:events";
import { expect, test } from "vitest";
import type { CongestionAlgorithm, RateSample, TcpSocket } from "../../../src/index.ts";
import { simulate } from "../../../src/sim/index.ts";
import { pairOf, QUIET } from "./worlds.ts";

const RATE = 10e6;

interface Watched extends CongestionAlgorithm {
  readonly samples: RateSample[];
  readonly events: string[];
  made: number;
}

/** A fixed window, and a note of all that the controller was told. */
function watched(cwnd: number, pacingRate = 0): Watched {
  const algorithm: Watched = {
    name: "watched",
    samples: [],
    events: [],
    made: 0,
    create: () => {
      algorithm.made++;
      return {
        reset: () => undefined,
        acknowledged: (window, sample) => {
          const { ...copy } = sample;
          algorithm.samples.push(copy);
          window.cwnd = cwnd;
          window.pacingRate = pacingRate;
        },
        lost: () => void algorithm.events.push("lost"),
        recovered: () => void algorithm.events.push("recovered"),
        timedOut: () => void algorithm.events.push("timedOut"),
      };
    },
  };
  return algorithm;
}

/** The server sends; who of the two has the controller is for the caller to say. Returns the octets of ten seconds. */
function download(
  algorithm: CongestionAlgorithm,
  loss: number,
  api: "net" | "tcp",
  octets = Infinity,
): Promise<number> {
  const run = simulate({ seed: 5, ...QUIET }, async (sim) => {
    const { a, b } = await pairOf(sim, { rateBitsPerSecond: RATE, delayMs: 20, queueOctets: 60_000, back: { loss } });
    const settings = { congestion: algorithm };
    let left = octets;
    const pump = (write: (chunk: Uint8Array) => boolean): void => {
      for (let more = true; more && left > 0;) {
        const chunk = new Uint8Array(Math.min(left, 10_000));
        left -= chunk.length;
        more = write(chunk);
      }
    };
    const drain = (socket: TcpSocket): void => pump((chunk) => socket.send(chunk));
    if (api === "tcp") b.tcp.listen({ port: 7, settings, handler: { drain }, accept: drain });
    else {
      const server = b.net.createServer({ settings }, (socket) => {
        const fill = (): void => pump((chunk) => socket.write(chunk));
        socket.on("drain", fill).on("error", () => undefined);
        fill();
      });
      server.listen(7);
    }
    const socket = a.net.connect({ host: b.address, port: 7 });
    let received = 0;
    socket.on("data", (chunk: Buffer) => (received += chunk.length));
    await once(socket, "connect");
    await sim.sleep(10_000);
    socket.resetAndDestroy();
    return received;
  });
  return run.then(({ value }) => value);
}

test.each(["net", "tcp"] as const)(
  "design.md §5: a congestion controller per socket, of every connection of a server (%s)",
  async (api) => {
    const algorithm = watched(100_000, 500_000);
    const octets = await download(algorithm, 0, api);
    expect(algorithm.made).toBe(1);
    // It sets the rate: 500,000 octets a second, of 1,250,000.
    expect(octets / 10).toBeGreaterThan(450_000);
    expect(octets / 10).toBeLessThan(510_000);
  },
);

test("draft-cheng-iccrg-delivery-rate-estimation: the samples say what the path delivers, and no more", async () => {
  const algorithm = watched(90_000);
  await download(algorithm, 0, "tcp");
  const settled = algorithm.samples.slice(algorithm.samples.length >> 1);
  const rates = settled.filter(({ intervalUs }) => intervalUs > 0).map((s) => (s.delivered * 8e6) / s.intervalUs);
  expect(rates.length).toBeGreaterThan(1000);
  const median = rates.toSorted((x, y) => x - y)[rates.length >> 1];
  expect(median / RATE).toBeGreaterThan(0.93);
  expect(Math.max(...rates) / RATE).toBeLessThan(1.01);
  expect(settled.every(({ isAppLimited, inRecovery }) => !isAppLimited && !inRecovery)).toBe(true);
  expect(settled.every(({ inFlight }) => inFlight <= 90_000)).toBe(true);
});

test("losses are in the samples, in octets, and recovery is left to the controller: its window stays", async () => {
  const algorithm = watched(40_000);
  const octets = await download(algorithm, 0.01, "tcp");
  const lost = algorithm.samples.reduce((sum, { lostOctets }) => sum + lostOctets, 0);
  expect(lost / octets).toBeGreaterThan(0.005);
  expect(lost / octets).toBeLessThan(0.02);
  expect(algorithm.samples.some(({ inRecovery }) => inRecovery)).toBe(true);
  expect(algorithm.events.filter((event) => event === "recovered").length).toBeGreaterThan(5);
  expect(octets / 10).toBeGreaterThan(800_000); // 40,000 octets in each 40 ms, if a loss took nothing of it.
});
