import { expect, test } from "vitest";
import { planOf } from "./plan.ts";
import { type Outcome, simulate } from "./run.ts";
import { seedGroups } from "./seeds.ts";

/**
 * Each seed is a network of two to six stacks in virtual time, with loss, duplication, reordering, corruption, delay, narrow links,
 * partitions and peers that vanish, and applications that write, pause, half-close, leave and reset as they like. `run.ts` says
 * what must hold (design.md §9). `SEEDS=1..5000 npx vitest run --configLoader runner --project sim` runs others.
 */
test.each(seedGroups(1, 1000))(
  "design.md §9: received is a prefix of sent, all of it after a clean close, and nothing leaks: seeds %i to %i",
  async (first, last) => {
    let clean = 0;
    for (let seed = first; seed <= last; seed++) clean += (await simulate(seed)).clean;
    expect(clean).toBeGreaterThan(0);
  },
);

test("a seed repeats its run to the octet and the microsecond", async () => {
  const outcomes: Outcome[] = [];
  for (let i = 0; i < 2; i++) outcomes.push(await simulate(7));
  expect(outcomes[1]).toEqual(outcomes[0]);
});

test("the seeds hold every kind of fault and of ending", () => {
  const plans = Array.from({ length: 300 }, (_, seed) => planOf(seed + 1));
  const kinds = {
    several: plans.some(({ hosts }) => hosts > 2),
    partitions: plans.some(({ partitions }) => partitions.length > 0),
    vanishes: plans.some(({ vanishAtMs }) => vanishAtMs !== null),
    lossy: plans.some(({ faults }) => (faults.loss ?? 0) > 0.2),
    narrow: plans.some(({ faults }) => faults.rateBitsPerSecond !== undefined),
    endings: [
      ...new Set(plans.flatMap((plan) => plan.connections.flatMap(({ apps }) => apps.map((app) => app.ending)))),
    ],
  };
  expect(kinds).toMatchObject({ several: true, partitions: true, vanishes: true, lossy: true, narrow: true });
  expect(kinds.endings.sort()).toEqual(["abort", "after-peer", "close", "end"]);
});
