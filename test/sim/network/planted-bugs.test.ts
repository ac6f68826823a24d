import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { SimulationFailure } from "../../../src/sim/index.ts";
import { BUGS, runWith } from "./planted-bugs.ts";
import { rejectionOf } from "./worlds.ts";

test.each(BUGS)("issue 3 §5: $what: the simulator finds it", async (bug) => {
  await runWith(bug, false);
  expect(((await rejectionOf(runWith(bug, true))) as SimulationFailure).message).toContain(bug.broken);
});

test("issue 3 §5: each invariant of a connection has a bug that breaks it", () => {
  const source = readFileSync(new URL("../../../src/sim/connection-checks.ts", import.meta.url), "utf8");
  const invariants = [...source.matchAll(/"([^"\n]+ [^"\n]+)"/g)].map(([, text]) => text);
  expect(invariants.length).toBeGreaterThan(20);
  expect(invariants.filter((invariant) => !BUGS.some(({ broken }) => broken.includes(invariant)))).toEqual([]);
});
