import { expect, test } from "vitest";

import { runScript } from "../support/namespace.ts";

const CASES = 10_000;
/** The engine's own noise: some hundred octets for each case. */
const GROWTH_MAX = 1 << 21;

test(
  "RFC 5246: recorded connections, changed at random, make neither role throw, go on for ever, grow, or believe what is not so",
  { timeout: 290_000 },
  async () => {
    const script = new URL("./tls.script.ts", import.meta.url);
    const options = { timeoutMs: 280_000, nodeOptions: ["--expose-gc"] };
    const { status, stdout, stderr } = await runScript(script, ["--cases", String(CASES)], options);
    expect(status, stderr).toBe(0);
    const seen = JSON.parse(stdout) as {
      cases: number;
      grown: { heap: number; external: number };
      verdicts: Record<string, number>;
    };
    expect(seen.cases).toBe(CASES);
    expect(seen.grown.heap).toBeLessThan(GROWTH_MAX);
    expect(seen.grown.external).toBeLessThan(GROWTH_MAX);
    // The cases end in many ways, in both roles: otherwise they prove little.
    for (const role of ["client", "server"]) {
      for (const where of ["in the handshake", "open"]) {
        for (const how of ["unexpected_message", "bad_record_mac", "decode_error", "illegal_parameter", "truncated"]) {
          expect(seen.verdicts[`${role} ${where}: ${how}`]).toBeGreaterThan(5);
        }
      }
    }
  },
);
