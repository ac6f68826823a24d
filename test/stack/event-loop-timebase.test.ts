import { expect, test } from "vitest";
import { EventLoopTimebase } from "../../src/stack/event-loop-timebase.ts";

const timebase = new EventLoopTimebase();

test("timebase.ts: the time is whole microseconds and never goes back", () => {
  let lastUs = timebase.nowUs();
  for (let i = 0; i < 10_000; i++) {
    const nowUs = timebase.nowUs();
    expect(Number.isInteger(nowUs)).toBe(true);
    expect(nowUs).toBeGreaterThanOrEqual(lastUs);
    lastUs = nowUs;
  }
});

test("timebase.ts: soon comes behind the turn's ticks and microtasks, even nested ones, in the order of asking", async () => {
  const ran: string[] = [];
  await new Promise<void>((resolve) => {
    timebase.soon(() => ran.push("soon 1"));
    timebase.soon(() => {
      ran.push("soon 2");
      resolve();
    });
    process.nextTick(() => {
      ran.push("tick");
      void Promise.resolve().then(() => {
        ran.push("microtask of the tick");
        process.nextTick(() => ran.push("tick of the microtask"));
      });
    });
    queueMicrotask(() => ran.push("microtask"));
  });
  expect(ran.slice(-2)).toEqual(["soon 1", "soon 2"]);
  expect(ran.length).toBe(6);
});

test("timebase.ts: a wake-up never comes before its time, fractions of a millisecond included", async () => {
  const early: number[] = [];
  const wait = (delayMs: number) =>
    new Promise<void>((resolve) => {
      const dueUs = timebase.nowUs() + delayMs * 1000;
      timebase.after(delayMs, () => {
        if (timebase.nowUs() < dueUs) early.push(delayMs);
        resolve();
      });
    });
  for (let round = 0; round < 5; round++) await Promise.all(Array.from({ length: 40 }, (_, i) => wait(i / 8)));
  expect(early).toEqual([]);
});

test("timebase.ts: a cancelled wake-up never comes, and a delay beyond setTimeout's range does not come at once", async () => {
  const ran: string[] = [];
  timebase.after(0, () => ran.push("cancelled")).cancel();
  const farOff = timebase.after(2 ** 33, () => ran.push("far off"));
  await new Promise<void>((resolve) => {
    timebase.after(5, resolve);
  });
  farOff.cancel();
  expect(ran).toEqual([]);
});

test("timebase.ts: unref lets the process end, ref keeps it", () => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  const before = timers();
  const wakeup = timebase.after(1000, () => undefined);
  expect(timers()).toBe(before + 1);
  wakeup.unref();
  expect(timers()).toBe(before);
  wakeup.ref();
  expect(timers()).toBe(before + 1);
  wakeup.cancel();
  expect(timers()).toBe(before);
});
