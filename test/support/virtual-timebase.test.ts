import fc from "fast-check";
import { expect, test } from "vitest";
import { VirtualTimebase } from "./virtual-timebase.ts";

test("timebase.ts: timers run by time, equal times in the order of making, and soon before time passes", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20), { maxLength: 50 }), (delaysMs) => {
      const timebase = new VirtualTimebase(7);
      const ran: string[] = [];
      const expected = delaysMs
        .map((ms, i) => ({ ms, i }))
        .toSorted((a, b) => a.ms - b.ms || a.i - b.i)
        .flatMap(({ ms, i }) => [`${String(i)} at ${String(ms)}`, `soon ${String(i)} at ${String(ms)}`]);
      const nowMs = () => String((timebase.nowUs() - 7) / 1000);
      delaysMs.forEach((ms, i) =>
        timebase.after(ms, () => {
          ran.push(`${String(i)} at ${nowMs()}`);
          timebase.soon(() => ran.push(`soon ${String(i)} at ${nowMs()}`));
        }),
      );
      timebase.run();
      expect(ran).toEqual(expected);
    }),
  );
});

test("timebase.ts: advance runs what is due and no more, and ends at the exact time; cancel cancels", () => {
  const timebase = new VirtualTimebase();
  const ran: number[] = [];
  timebase.after(1, () => ran.push(1));
  timebase.after(2.5, () => ran.push(2));
  timebase.after(2, () => ran.push(0)).cancel();
  timebase.after(3, () => ran.push(3));
  timebase.advance(2.5);
  expect([ran, timebase.nowUs(), timebase.pending]).toEqual([[1, 2], 2500, 1]);
  timebase.run(0.4);
  expect([ran.length, timebase.nowUs()]).toEqual([2, 2500]);
  timebase.run();
  expect([ran, timebase.nowUs(), timebase.pending]).toEqual([[1, 2, 3], 3000, 0]);
});

test("timebase.ts: elapse lets promises and ticks run between wake-ups", async () => {
  const timebase = new VirtualTimebase();
  const ran: string[] = [];
  timebase.after(1, () => {
    ran.push("timer 1");
    void Promise.resolve().then(() => timebase.after(1, () => ran.push("from the promise")));
  });
  timebase.after(3, () => ran.push("timer 3"));
  await timebase.elapse(5);
  expect(ran).toEqual(["timer 1", "from the promise", "timer 3"]);
  expect(timebase.nowUs()).toBe(5000);
});

test("timebase.ts: a wake-up that asks for itself for ever, without time passing, is found", () => {
  const timebase = new VirtualTimebase();
  const again = () => {
    timebase.soon(again);
  };
  again();
  expect(() => {
    timebase.settle();
  }).toThrow("time passes");
});
