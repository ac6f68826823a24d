import { expect, test } from "vitest";
import { runScript } from "../support/namespace.ts";

/** `FLOOD=datagrams,seed` in the environment replaces them, to run others by hand. */
const [datagrams = 1_000_000, seed = 1] = (process.env["FLOOD"] ?? "1000000,1").split(",").map(Number);
/** What the heap may grow by: the engine's own noise, and far less than one octet for each datagram. */
const GROWTH_MAX = 2 << 20;

test(
  "design.md §7: a million random and mutated datagrams are counted, or answered as they should be; memory is flat and service goes on",
  { timeout: 120_000 },
  async () => {
    const args = [String(datagrams), String(seed)];
    const script = new URL("./flood.script.ts", import.meta.url);
    const { status, stdout, stderr } = await runScript(script, args, {
      timeoutMs: 110_000,
      nodeOptions: ["--expose-gc"],
    });
    expect(status, `seed ${String(seed)}\n${stderr}`).toBe(0);
    const seen = JSON.parse(stdout) as {
      datagrams: number;
      dropped: number;
      grown: { heap: number; external: number };
    };
    expect(seen).toMatchObject({ old: "still here", fresh: "and a new one", failure: null, brokenInvariants: 0 });
    expect(seen.datagrams).toBeGreaterThanOrEqual(datagrams);
    expect(seen.dropped).toBeGreaterThan(datagrams / 4);
    expect(seen.grown.heap).toBeLessThan(GROWTH_MAX);
    expect(seen.grown.external).toBeLessThan(GROWTH_MAX);
  },
);
