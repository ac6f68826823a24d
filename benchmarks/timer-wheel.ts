/** The timing wheel as TCP uses it: a retransmission timer put off by every ACK, idle timers by the million. */
import { randomBelow, SeededRandom } from "../src/base/random.ts";
import { TimerWheel } from "../src/base/timer-wheel.ts";
import type { Bench } from "./harness.ts";

const HOURS_MS = 7_200_000;

/** A wheel with so many keep-alive timers, armed within 1,000 s in a random order. */
function idle(timers: number): TimerWheel {
  const wheel = new TimerWheel(0);
  const random = new SeededRandom(7);
  for (let id = 0; id < timers; id++) wheel.arm(id, HOURS_MS + randomBelow(random, 1_000_000));
  return wheel;
}

export async function timerWheel(bench: Bench): Promise<void> {
  const timers = bench.isSmoke ? 1_000 : 1_000_000;
  const among = `among ${timers.toLocaleString("en")}`;
  const full = { smoke: 1_000, full: 2_000_000 };
  const random = new SeededRandom(8);
  const ids = Int32Array.from({ length: 65_536 }, () => randomBelow(random, timers));
  const nothing = (): void => undefined;

  const later = idle(timers);
  let off = HOURS_MS * 2;
  await bench.bench(`timer wheel: put off, ${among}`, full, (n) => {
    for (let i = 0; i < n; i++) later.arm(ids[i & 65_535], off++);
    return later.armed;
  });

  const either = idle(timers);
  await bench.bench(`timer wheel: cancel and arm, ${among}`, full, (n) => {
    for (let i = 0; i < n; i++) {
      either.cancel(ids[i & 65_535]);
      either.arm(ids[i & 65_535], 200 + (i & 1023));
    }
    return either.armed;
  });

  const still = idle(timers);
  let now = 0;
  await bench.bench(`timer wheel: a tick with nothing due, ${among}`, { smoke: 1_000, full: 1_000_000 }, (n) => {
    let fired = 0;
    for (let i = 0; i < n; i++) fired += still.advance(++now, nothing);
    return fired;
  });

  const busy = new TimerWheel(0);
  let time = 0;
  await bench.bench("timer wheel: arm 200 ms ahead and fire", full, (n) => {
    let fired = 0;
    for (let i = 0; i < n; i++) {
      busy.arm(i & 65_535, time + 200);
      if ((i & 63) === 0) fired += busy.advance(++time, nothing);
    }
    return fired;
  });

  // All come down from the upper levels and fire within 1,000 s of two hours: how long is the longest call?
  const all = idle(timers);
  let slowest = 0;
  let fired = 0;
  for (let next = all.nextDeadlineMs(); next !== Infinity; next = all.nextDeadlineMs()) {
    const before = performance.now();
    fired += all.advance(next, nothing);
    slowest = Math.max(slowest, performance.now() - before);
  }
  bench.figure(`timer wheel: fired, ${among}`, fired, "timers");
  bench.figure(`timer wheel: slowest call while all come due, ${among}`, slowest, "ms");
}
