import { expect, test } from "vitest";
import { runScript } from "../support/namespace.ts";

/** `FLOOD=datagrams,seed` in the environment replaces them, to run others by hand. */
const [datagrams = 1_000_000, seed = 1] = (process.env["FLOOD"] ?? "1000000,1").split(",").map(Number);
/** What the heap may grow by: the engine's own noise, and far less than one octet for each datagram. */
const GROWTH_MAX = 2 << 20;

interface Seen {
  datagrams: number;
  /** What came back over a connection that was opened while what the flood had left half-open was still there. */
  atOnce: string;
  dropped: number;
  connectionsDuring: number;
  grown: { heap: number; external: number };
}

/** Runs `flood.script.ts`; what holds after any flood is checked here. */
async function flood(kind: string, count: number, ...more: readonly string[]): Promise<Seen> {
  const script = new URL("./flood.script.ts", import.meta.url);
  const options = { timeoutMs: 110_000, nodeOptions: ["--expose-gc"] };
  const { status, stdout, stderr } = await runScript(script, [kind, String(count), String(seed), ...more], options);
  expect(status, `seed ${String(seed)}\n${stderr}`).toBe(0);
  const seen = JSON.parse(stdout) as Seen;
  expect(seen).toMatchObject({ old: "still here", fresh: "and a new one", failure: null, brokenInvariants: 0 });
  expect(seen.datagrams).toBeGreaterThanOrEqual(count);
  expect(seen.grown.heap).toBeLessThan(GROWTH_MAX);
  expect(seen.grown.external).toBeLessThan(GROWTH_MAX);
  return seen;
}

test(
  "design.md §7: a million random and mutated datagrams are counted, or answered as they should be; memory is flat and service goes on",
  { timeout: 120_000 },
  async () => {
    const seen = await flood("any", datagrams);
    expect(seen.atOnce).toBe("now");
    expect(seen.dropped).toBeGreaterThan(datagrams / 4);
  },
);

test(
  "RFC 4987 §2: 100,000 SYNs from everywhere leave memory flat, and service goes on",
  { timeout: 120_000 },
  async () => {
    const seen = await flood("syn", 100_000);
    expect(seen.connectionsDuring).toBeLessThan(1000);
    expect(seen.atOnce).toBe("now");
  },
);

test(
  "RFC 4987 §2: without cookies, half-open connections keep new ones out until they have timed out, and no longer",
  { timeout: 60_000 },
  async () => {
    const seen = await flood("syn", 10_000, "no-cookies");
    expect(seen.atOnce).toBe("");
  },
);
