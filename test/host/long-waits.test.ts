import { expect, test } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { memoryPair } from "../../src/device/memory.ts";
import { Stack } from "../../src/host/stack.ts";
import type { TcpHandler, TcpSocket } from "../../src/tcp/handler.ts";
import type { TcpSettings } from "../../src/tcp/settings.ts";
import { InjectedDevice } from "../fuzz/injected-device.ts";
import { VirtualTimebase } from "../support/virtual-timebase.ts";

const DAY_MS = 86_400_000;

/** Two stacks; `cut` loses all that goes either way from then on. */
function pair(server: TcpHandler): {
  timebase: VirtualTimebase;
  connect: (handler: TcpHandler) => TcpSocket;
  cut: () => void;
  end: () => Promise<void>;
} {
  const timebase = new VirtualTimebase(1_000_000);
  const [near, far] = memoryPair({ timebase, offload: false });
  const wires = [new InjectedDevice(near, timebase), new InjectedDevice(far, timebase)];
  const [left, right] = wires.map(
    (device, i) =>
      new Stack({
        device,
        address: `198.18.0.${String(i + 1)}/24`,
        timebase,
        strict: true,
        random: new SeededRandom(i),
      }),
  );
  right.tcp.listen({ port: 80, handler: server });
  return {
    timebase,
    connect: (handler) => {
      const socket = left.tcp.connect({ address: "198.18.0.2", port: 80, handler });
      timebase.advance(10);
      return socket;
    },
    cut: () => {
      for (const wire of wires) wire.deaf = true;
    },
    end: async () => {
      const closed = [left.close({ deadlineMs: 0 }), right.close({ deadlineMs: 0 })];
      timebase.run(1000);
      await Promise.all(closed);
    },
  };
}

test("issue 3, RFC 9293 MUST-37: a transfer whose window is closed for a day goes on where it stopped", async () => {
  const size = 3_000_000;
  let received = 0;
  let reader: TcpSocket | null = null;
  const world = pair({
    data: (socket, _, start, end) => {
      reader = socket;
      received += end - start;
      if (received === end - start) socket.pause();
    },
  });
  const failures: unknown[] = [];
  const sender = world.connect({ close: (_, failure) => failures.push(failure) });
  sender.send(new Uint8Array(size));
  world.timebase.advance(DAY_MS);
  expect(received).toBeLessThan(size / 2);
  expect(sender.info().sndWnd).toBe(0);
  expect([sender.stateName, failures]).toEqual(["ESTABLISHED", []]);
  (reader as TcpSocket | null)?.resume();
  world.timebase.advance(1000);
  expect(received).toBe(size);
  await world.end();
});

/** When the connection learns that its peer has vanished, in ms from then on. */
async function noticedAfterMs(settings: TcpSettings, sends: boolean): Promise<number> {
  const world = pair({ data: () => undefined });
  let atMs = NaN;
  const socket = world.connect({
    close: (_, failure) => {
      expect(failure).toBe("ETIMEDOUT");
      atMs = world.timebase.nowUs() / 1000;
    },
  });
  socket.configure(settings);
  socket.send(new Uint8Array(100));
  world.timebase.advance(100);
  world.cut();
  const fromMs = world.timebase.nowUs() / 1000;
  if (sends) socket.send(new Uint8Array(100));
  world.timebase.advance(DAY_MS / 4);
  await world.end();
  return atMs - fromMs;
}

test("issue 3, RFC 9293 §3.8.4: a peer that vanishes is noticed in the time that keep-alive promises", async () => {
  const keepAlive = { idleMs: 60_000, intervalMs: 5000, probes: 3 };
  const promised = keepAlive.idleMs + keepAlive.probes * keepAlive.intervalMs;
  const afterMs = await noticedAfterMs({ keepAlive }, false);
  expect(afterMs).toBeLessThanOrEqual(promised);
  expect(afterMs).toBeGreaterThan(promised - 200); // The silence began a little earlier.
  expect(await noticedAfterMs({ keepAlive: true }, false)).toBeLessThanOrEqual(7_200_000 + 9 * 75_000);
});

test("issue 3, RFC 9293 MUST-21: a peer that vanishes is noticed in the time that the user timeout promises, or R2", async () => {
  expect(await noticedAfterMs({ userTimeoutMs: 7000 }, true)).toBe(7000);
  const r2 = await noticedAfterMs({}, true);
  expect(r2).toBeGreaterThanOrEqual(100_000); // SHLD-11.
  expect(r2).toBeLessThan(300_000);
  expect(
    await noticedAfterMs({ userTimeoutMs: 7000, keepAlive: { idleMs: 60_000, intervalMs: 5000, probes: 3 } }, true),
  ).toBe(7000);
});
