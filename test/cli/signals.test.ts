import { expect, test } from "vitest";

import { onEndSignals } from "../../src/cli/signals.ts";

/** What the process would call on SIGTERM beyond what it calls already. */
function handlers(end: () => Promise<void>, endNow: (error: unknown) => void) {
  const before = process.listeners("SIGTERM");
  const release = onEndSignals(end, endNow);
  const signal = process.listeners("SIGTERM").find((one) => !before.includes(one));
  if (signal === undefined) throw new Error("nothing listens");
  return { signal: () => signal("SIGTERM"), release, before };
}

test("the first signal ends in order, the second at once and without an error", () => {
  const calls: unknown[] = [];
  const { signal, release, before } = handlers(
    () => {
      calls.push("end");
      return new Promise(() => {});
    },
    (error) => calls.push(["now", error]),
  );
  signal();
  signal();
  expect(calls).toEqual(["end", ["now", null]]);
  release();
  expect(process.listeners("SIGTERM")).toEqual(before);
});

test("an end that fails ends at once, and says why", async () => {
  const failure = new Error("the device is gone");
  const told = new Promise((resolve) => {
    const { signal, release } = handlers(() => Promise.reject(failure), resolve);
    signal();
    release();
  });
  expect(await told).toBe(failure);
});
