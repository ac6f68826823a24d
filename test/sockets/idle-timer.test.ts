import { expect, test } from "vitest";

import { IdleTimer } from "../../src/sockets/idle-timer.ts";
import { ManualTimebase } from "./manual-timebase.ts";

const timer = (timeoutMs: number) => {
  const timebase = new ManualTimebase();
  const expiries: number[] = [];
  const idle = new IdleTimer(timebase, timeoutMs, () => expiries.push(timebase.nowUs() / 1000));
  return { timebase, expiries, idle };
};

test("expires once after the time without a touch, and again only after the next touch", () => {
  const { timebase, expiries, idle } = timer(100);
  timebase.advance(99);
  expect(expiries).toEqual([]);
  timebase.advance(1000);
  expect(expiries).toEqual([100]);
  idle.touch();
  timebase.advance(1000);
  expect(expiries).toEqual([100, 1199]);
});

test("each touch begins the time anew, with one wake-up armed at most", () => {
  const { timebase, expiries, idle } = timer(100);
  for (let i = 0; i < 50; i++) {
    timebase.advance(30);
    idle.touch();
    expect(timebase.armed).toBe(1);
  }
  expect(expiries).toEqual([]);
  timebase.advance(100);
  expect(expiries).toEqual([1600]);
});

test("stopped, it never expires and leaves nothing armed", () => {
  const { timebase, expiries, idle } = timer(100);
  idle.stop();
  expect(timebase.armed).toBe(0);
  timebase.advance(1000);
  expect(expiries).toEqual([]);
});
