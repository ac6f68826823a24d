import { expect, test } from "vitest";
import { runScript } from "../../support/namespace.ts";

test("example simulation runs, and is the same on every run", async () => {
  const script = new URL("../../../examples/simulation.ts", import.meta.url);
  const [first, again] = [await runScript(script), await runScript(script)];
  expect(first).toMatchObject({ status: 0, stderr: "" });
  expect(first.stdout).toContain("all of it came back");
  expect(again.stdout).toBe(first.stdout);
});

test("example congestion-control: a model of the path carries many times what CUBIC does at 2 % random loss", async () => {
  const run = await runScript(new URL("../../../examples/congestion-control.ts", import.meta.url));
  expect(run).toMatchObject({ status: 0, stderr: "" });
  const rates = [...run.stdout.matchAll(/^(\S+) +([\d.]+) Mbit\/s of 20 at 2 % loss$/gm)];
  expect(rates.map(([, name]) => name)).toEqual(["cubic", "path-model"]);
  const [ofCubic, ofModel] = rates.map(([, , rate]) => Number(rate));
  expect(ofModel).toBeGreaterThan(4 * ofCubic);
  expect(ofModel).toBeGreaterThan(14);
});
