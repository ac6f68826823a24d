import { expect, type TestContext, test } from "vitest";

import { CIPHER_SUITES } from "../../../src/tls/suites.ts";
import { jsonInNamespace, needsNamespace, needsProgram } from "../../support/namespace.ts";
import { timeoutMs } from "../scale.ts";

interface SuiteSeen {
  readonly offered: boolean;
  readonly result: string;
  readonly connections: readonly (readonly [servername: string, alpn: string, suite: string, resumed: boolean])[];
  readonly failures: readonly string[];
}

interface Seen {
  /** Of each connection to the page: whose certificate was shown, whether it is trusted, resumed. */
  readonly visitors: readonly (readonly [name: string, authorized: boolean, resumed: boolean])[];
  readonly suites: Record<string, SuiteSeen>;
}

let ran: Promise<unknown> | null = null;

/** What the one run in a namespace has seen. */
async function chromium(context: TestContext): Promise<Seen> {
  needsNamespace(context);
  needsProgram(context, "chromium");
  needsProgram(context, "certutil");
  ran ??= jsonInNamespace(new URL("./chromium.script.ts", import.meta.url), [], { timeoutMs });
  return (await ran) as Seen;
}

/** What must be seen of a suite: Chromium's newer versions may offer fewer. */
function checkSuite(name: string, host: string, { offered, result, connections, failures }: SuiteSeen): void {
  if (!offered) {
    expect(connections).toEqual([]);
    expect(new Set(failures)).toEqual(new Set(["ERR_TLS_HANDSHAKE_FAILURE"]));
    return;
  }
  expect([name, result]).toEqual([name, "same"]);
  for (const connection of connections) expect(connection.slice(0, 3)).toEqual([host, "http/1.1", name]);
  const resumed = connections.map((connection) => connection[3]);
  expect(resumed[0]).toBe(false);
  expect(resumed).toContain(true);
}

test(
  "RFC 5246, RFC 6066 §3, RFC 7301, RFC 5077: Chromium and we, over a TUN: 10 MiB each way with every suite that it offers, resumed",
  { timeout: timeoutMs },
  async (context) => {
    const { suites: seen } = await chromium(context);
    for (const { name, authentication } of CIPHER_SUITES) {
      checkSuite(name, authentication === "rsa" ? "rsa.tls.test" : "ecdsa.test", seen[name]);
    }
    const offered = CIPHER_SUITES.filter(({ name }) => seen[name].offered);
    expect(offered.filter(({ keyExchange }) => keyExchange === "ecdhe")).toHaveLength(6);
  },
);

test(
  "RFC 5246 §7.4.6, RFC 5077: Chromium shows its certificate, over a TUN, and its session keeps it",
  { timeout: timeoutMs },
  async (context) => {
    const { visitors } = await chromium(context);
    for (const [name, authorized] of visitors) expect([name, authorized]).toEqual(["client", true]);
    const resumed = visitors.map((visitor) => visitor[2]);
    expect(resumed[0]).toBe(false);
    expect(resumed).toContain(true);
  },
);
