import { expect, type TestContext, test } from "vitest";
import { jsonInNamespace, needsNamespace } from "../support/namespace.ts";
import { scale, STALLS_MAX, timeoutMs } from "./scale.ts";

/** Runs a verb of `serve.script.ts`: `fourtuple serve` and the kernel's programs in a namespace of their own. */
function verb(context: TestContext, name: string): Promise<unknown> {
  needsNamespace(context);
  return jsonInNamespace(new URL("./serve.script.ts", import.meta.url), [name], { timeoutMs });
}

/** Ended in order by a signal, and on a link that loses nothing next to nothing was sent twice. */
const CLEAN = { status: 0, retransmitted: atMost(STALLS_MAX) };

function atMost(bound: number): unknown {
  return expect.toSatisfy((count: number) => count <= bound);
}

test(
  "RFC 792, RFC 791 §3.2: the kernel's pings, floods and fragments included, are all answered",
  { timeout: timeoutMs },
  async (context) => {
    const seen = (await verb(context, "ping")) as { pings: Record<string, string>; ready: string; status: number };
    expect(seen.ready).toMatch(/^ready /);
    expect(seen.status).toBe(0);
    for (const said of Object.values(seen.pings)) expect(said).toContain(" 0% packet loss");
  },
);

test(
  "RFC 9112, RFC 9110: curl gets its answers, one after the other on one connection, and all at once",
  { timeout: timeoutMs },
  async (context) => {
    expect(await verb(context, "http")).toMatchObject({
      ...CLEAN,
      page: 100,
      codes: { root: "200", missing: "404", method: "405", head: "200", nocontent: "204" },
      head: true,
      echo: true,
      chunked: true,
      continues: true,
      saysContinue: true,
      connections: [1, 0, 0],
      pipelined: 20,
    });
  },
);

test("a file of 100 MiB arrives with the SHA-256 that it has", { timeout: timeoutMs }, async (context) => {
  expect(await verb(context, "file")).toEqual({ ...CLEAN, same: true });
});

test("RFC 862: an echo of very many octets comes back as it was sent", { timeout: timeoutMs }, async (context) => {
  expect(await verb(context, "echo")).toEqual({ ...CLEAN, same: true });
});

test(
  "loss, reordering, duplication and corruption do not harm an echo with the kernel",
  { timeout: timeoutMs },
  async (context) => {
    const seen = (await verb(context, "impaired")) as { retransmitted: number; corrupted: number };
    expect(seen).toMatchObject({ same: true, page: "200", status: 0 });
    expect(seen.retransmitted).toBeGreaterThan(0);
    expect(seen.corrupted).toBeGreaterThan(0);
  },
);

test("RFC 863, RFC 864: bulk goes through either way", { timeout: timeoutMs }, async (context) => {
  expect(await verb(context, "bulk")).toEqual({ ...CLEAN, discarded: scale.bulkOctets, enough: true });
});

test("wrk with 1,000 connections sees no socket error", { timeout: timeoutMs }, async (context) => {
  const seen = (await verb(context, "wrk")) as { requests: number };
  expect(seen).toMatchObject({ errors: "none", other: "none", page: "200", status: 0 });
  expect(seen.requests).toBeGreaterThan(1000);
});

// Where the machine stalls, either side probes a tail before its ACK could be written: so each repeat was one that the other had.
test("Wireshark's dissectors find nothing wrong in a capture", { timeout: timeoutMs }, async (context) => {
  const seen = (await verb(context, "capture")) as {
    packets: number;
    checked: number;
    repeats: { ours: number; kernels: number };
    retransmitted: number;
    duplicates: number;
  };
  expect(seen).toMatchObject({ ...CLEAN, same: true, wrong: [], warned: false, refused: 7 });
  expect(seen.packets).toBeGreaterThan(100);
  expect(seen.checked).toBeGreaterThan(100);
  expect(seen.repeats.ours).toBeLessThanOrEqual(seen.retransmitted);
  expect(seen.repeats.kernels).toBeLessThanOrEqual(seen.duplicates);
});

test("SIGINT and SIGTERM end it with status 0, whatever is open", { timeout: timeoutMs }, async (context) => {
  expect(await verb(context, "signals")).toEqual([
    { signal: "SIGINT", status: 0, errors: false, device: null },
    { signal: "SIGTERM", status: 0, errors: false, device: null },
  ]);
});

test.for(["down", "deleted"])(
  "a device that is %s in the middle of a transfer ends it with one line that says so",
  { timeout: timeoutMs },
  async (way, context) => {
    const seen = (await verb(context, way)) as { told: string };
    expect(seen).toMatchObject({ status: 1, signal: null, lines: 1 });
    expect(seen.told).toContain("tun0");
  },
);
