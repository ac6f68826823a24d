import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TimerWheel } from "../../src/base/timer-wheel.ts";

const INT32_MAX = 0x7fff_ffff;
const laterBy = (from: number, ms: number): number => (from + ms) | 0;

/** What the wheel must do, the slow way: every deadline as an unwrapped number. */
class Oracle {
  readonly deadlines = new Map<number, number>();
  takeDue(now: number): number[] {
    const due = [...this.deadlines].filter(([, at]) => at <= now).map(([id]) => id);
    for (const id of due) this.deadlines.delete(id);
    return due;
  }
}

const IDS = 40;
const anId = fc.nat(IDS - 1);
/** From the millisecond at hand to the farthest deadline, every size as likely. */
const aDelay = fc.tuple(fc.nat(30), fc.nat(INT32_MAX)).map(([bits, value]) => value >>> bits);
const operation = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("arm" as const), id: anId, delay: aDelay }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("arm late" as const), id: anId, delay: fc.nat(5000) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("cancel" as const), id: anId }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("pass" as const), delay: aDelay }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("pass to next" as const) }) },
);

test("design.md §3.5: any arming, cancelling and passing of time fires what an unwrapped list of deadlines would, in order", () => {
  fc.assert(
    fc.property(fc.integer(), fc.array(operation, { maxLength: 120 }), (begin, operations) => {
      const wheel = new TimerWheel(begin | 0, IDS);
      const oracle = new Oracle();
      let now = 0; // Since `begin`; the wheel sees int32.
      const passTo = (then: number): void => {
        const before = now;
        const order: number[] = [];
        const ahead: number[] = [];
        const fired = wheel.advance(laterBy(begin, then), (id) => {
          expect(wheel.isArmed(id)).toBe(false);
          order.push(id);
          const deadline = oracle.deadlines.get(id) ?? NaN;
          if (deadline > before) ahead.push(deadline);
        });
        now = then;
        expect(fired).toBe(order.length);
        expect(order.sort()).toEqual(oracle.takeDue(now).sort());
        expect(ahead).toEqual([...ahead].sort((a, b) => a - b));
      };
      for (const op of operations) {
        switch (op.kind) {
          case "arm":
            wheel.arm(op.id, laterBy(begin, now + op.delay));
            oracle.deadlines.set(op.id, now + op.delay);
            break;
          case "arm late":
            wheel.arm(op.id, laterBy(begin, now - op.delay));
            oracle.deadlines.set(op.id, now - op.delay);
            break;
          case "cancel":
            wheel.cancel(op.id);
            oracle.deadlines.delete(op.id);
            break;
          case "pass":
            passTo(now + op.delay);
            break;
          case "pass to next": {
            const next = wheel.nextDeadlineMs();
            if (next !== Infinity) passTo(now + Math.max(0, (next - laterBy(begin, now)) | 0));
          }
        }
        expect(wheel.armed).toBe(oracle.deadlines.size);
        const first = Math.min(...oracle.deadlines.values());
        const next = wheel.nextDeadlineMs();
        if (first === Infinity) expect(next).toBe(Infinity);
        else expect((next - laterBy(begin, now)) | 0).toBeLessThanOrEqual(Math.max(0, first - now));
      }
    }),
    { numRuns: 400 },
  );
});

describe("design.md §3.5: one wheel for all timers of a stack", () => {
  /** Passes time and tells who fired. */
  const firedAt = (wheel: TimerWheel, nowMs: number): number[] => {
    const ids: number[] = [];
    wheel.advance(nowMs | 0, (id) => ids.push(id));
    return ids;
  };

  test.each([0, 1, 63, 64, 4095, 4096, 0x3fff_ffff, INT32_MAX - 5, -0x8000_0000, -70])(
    "a timer fires in the very millisecond of its deadline and not before, near or 24 days away, beginning at %i",
    (begin) => {
      for (const delay of [1, 2, 63, 64, 65, 4095, 4097, 200_000, 7_200_000, 0x4000_0000, INT32_MAX]) {
        const wheel = new TimerWheel(begin);
        wheel.arm(3, laterBy(begin, delay));
        expect(firedAt(wheel, laterBy(begin, delay - 1))).toEqual([]);
        expect(wheel.isArmed(3)).toBe(true);
        expect(wheel.nextDeadlineMs()).toBe(laterBy(begin, delay));
        expect(firedAt(wheel, laterBy(begin, delay))).toEqual([3]);
        expect(wheel.isArmed(3)).toBe(false);
        expect(wheel.nextDeadlineMs()).toBe(Infinity);
      }
    },
  );

  test("put off, brought forward, cancelled and armed again: the last word counts", () => {
    const wheel = new TimerWheel(0);
    for (const id of [1, 2, 3, 4]) wheel.arm(id, 100);
    wheel.arm(1, 300);
    wheel.arm(2, 50);
    wheel.cancel(3);
    wheel.cancel(4);
    wheel.cancel(4);
    wheel.arm(4, 120);
    expect(wheel.armed).toBe(3);
    expect(wheel.deadlineMs(1)).toBe(300);
    expect(firedAt(wheel, 100)).toEqual([2]);
    expect(firedAt(wheel, 299)).toEqual([4]);
    expect(firedAt(wheel, 300)).toEqual([1]);
    expect(wheel.armed).toBe(0);
  });

  test("from 24 days ahead to just now: it is brought forward although the distance wraps", () => {
    const wheel = new TimerWheel(0);
    wheel.arm(1, INT32_MAX);
    wheel.arm(1, -5000);
    expect(firedAt(wheel, 0)).toEqual([1]);
  });

  test("who is armed for a time that has passed, by its own call too, fires in the next call and once", () => {
    const wheel = new TimerWheel(1000);
    wheel.arm(1, 900);
    expect(wheel.nextDeadlineMs()).toBe(1000);
    const fired: number[] = [];
    const again = (id: number): void => {
      fired.push(id);
      wheel.arm(id, 1000);
    };
    expect(wheel.advance(1000, again)).toBe(1);
    expect(wheel.advance(1000, again)).toBe(1);
    expect(fired).toEqual([1, 1]);
    expect(wheel.isArmed(1)).toBe(true);
  });

  test("a call may cancel, put off and arm those that are due with it", () => {
    const wheel = new TimerWheel(0);
    for (const id of [1, 2, 3]) wheel.arm(id, 10);
    const fired: number[] = [];
    wheel.advance(10, (id) => {
      fired.push(id);
      if (id !== 1) return;
      wheel.cancel(2);
      wheel.arm(3, 40);
      wheel.arm(500_000, 11);
    });
    expect(fired).toEqual([1]);
    expect(firedAt(wheel, 39)).toEqual([500_000]);
    expect(firedAt(wheel, 40)).toEqual([3]);
  });

  test("a call that throws costs the others nothing: they fire in the next one", () => {
    const wheel = new TimerWheel(0);
    for (const id of [1, 2, 3]) wheel.arm(id, 10);
    expect(() =>
      wheel.advance(10, () => {
        throw new Error("application");
      }),
    ).toThrow("application");
    expect(wheel.nextDeadlineMs()).toBe(10);
    expect(firedAt(wheel, 10)).toEqual([2, 3]);
  });

  test("time that goes back stands still", () => {
    const wheel = new TimerWheel(0);
    wheel.arm(1, 100);
    expect(firedAt(wheel, 99)).toEqual([]);
    expect(firedAt(wheel, 50)).toEqual([]);
    wheel.arm(2, 98);
    expect(firedAt(wheel, 60)).toEqual([2]);
    expect(firedAt(wheel, 100)).toEqual([1]);
  });

  test("following its own next deadlines it fires all in order, with few calls between", () => {
    const wheel = new TimerWheel(0);
    const delays = [1, 70, 71, 5000, 300_000, 20_000_000, 2_000_000_000];
    delays.forEach((delay, id) => {
      wheel.arm(id, delay);
    });
    const fired: number[] = [];
    let calls = 0;
    for (let next = wheel.nextDeadlineMs(); next !== Infinity; next = wheel.nextDeadlineMs()) {
      calls++;
      fired.push(...firedAt(wheel, next));
    }
    expect(fired).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(calls).toBeLessThanOrEqual(delays.length * 6);
  });
});
