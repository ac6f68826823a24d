import { expect, test } from "vitest";
import { runScript } from "../support/namespace.ts";

const CONNECTIONS = 100_000;
/** The engine's own noise: less than seven octets for each connection that came and went meanwhile. */
const GROWTH_MAX = 1 << 19;

test(
  "issue 3: 100,000 connections, opened, used and closed in every way, leave no memory behind",
  { timeout: 120_000 },
  async () => {
    const script = new URL("./churn.script.ts", import.meta.url);
    const options = { timeoutMs: 110_000, nodeOptions: ["--expose-gc"] };
    const { status, stdout, stderr } = await runScript(script, [String(CONNECTIONS)], options);
    expect(status, stderr).toBe(0);
    const seen = JSON.parse(stdout) as { grown: { heap: number; external: number } };
    expect(seen).toMatchObject({ opened: CONNECTIONS, connections: 0, used: 0, queues: 0, currEstab: 0, timers: 0 });
    expect(seen.grown.heap).toBeLessThan(GROWTH_MAX);
    expect(seen.grown.external).toBeLessThan(GROWTH_MAX);
  },
);
