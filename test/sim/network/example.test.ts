import { expect, test } from "vitest";
import { runScript } from "../../support/namespace.ts";

test("example simulation runs, and is the same on every run", async () => {
  const script = new URL("../../../examples/simulation.ts", import.meta.url);
  const [first, again] = [await runScript(script), await runScript(script)];
  expect(first).toMatchObject({ status: 0, stderr: "" });
  expect(first.stdout).toContain("all of it came back");
  expect(again.stdout).toBe(first.stdout);
});
