import fc from "fast-check";
import { expect, test } from "vitest";
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
        now = then;
        const order: number[] = [];
        const wheelTimes: number[] = [];
        const before = new Map(oracle.deadlines);
        const fired = wheel.advance(laterBy(begin, now), (id) => {
          expect(wheel.isArmed(id)).toBe(false);
          order.push(id);
          wheelTimes.push(before.get(id) ?? NaN);
        });
        expect(fired).toBe(order.length);
        expect([...order].sort()).toEqual(oracle.takeDue(now).sort());
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
