import { expect, type TestContext, test } from "vitest";
import { jsonInNamespace, needsNamespace } from "../support/namespace.ts";
import { scale, STALLS_MAX, timeoutMs } from "./scale.ts";

/** Runs a verb of `kernel-tcp.script.ts`: a stack of its own against Linux's TCP, in a namespace. */
function verb(context: TestContext, name: string): Promise<unknown> {
  needsNamespace(context);
  return jsonInNamespace(new URL("./kernel-tcp.script.ts", import.meta.url), [name], { timeoutMs });
}

const MIB = 1 << 20;
const nextToNothing: unknown = expect.toSatisfy((count: number) => count <= STALLS_MAX);
/** Two closings of 5 and 10 octets, and who has to linger. */
const closed = (octets: readonly [number, number], lingers: unknown) => ({
  octets,
  kernelFailed: false,
  weFailed: false,
  lingers,
});

test.for(["closes", "closesPlain"])(
  "RFC 9293 §3.6: %s: whoever closes first, both end in order, and that one lingers",
  { timeout: timeoutMs },
  async (name, context) => {
    expect(await verb(context, name)).toEqual({
      kernelFirst: closed([5, 10], 0),
      weFirst: closed([10, 5], 1),
      // Who was first is the scheduler's choice: the kernel alone lingers, or both, or we alone.
      both: closed([10, 10], expect.toBeOneOf([0, 1])),
      again: true,
    });
  },
);

test(
  "RFC 9293 §3.10.7.4, second: a reset by either side is ECONNRESET at the other",
  { timeout: timeoutMs },
  async (context) => {
    expect(await verb(context, "resets")).toEqual({ ours: "ECONNRESET", theirs: "ECONNRESET", again: true });
  },
);

test.for(["halfClose", "halfClosePlain"])(
  "RFC 9293 §3.6: %s: a side that has ended still receives",
  { timeout: timeoutMs },
  async (name, context) => {
    const whole = { octets: 4 * MIB, same: true };
    expect(await verb(context, name)).toEqual({ fromUs: whole, fromThem: whole });
  },
);

test.for(["zeroWindow", "zeroWindowPlain"])(
  "RFC 9293 §3.8.6.1 MUST-36: %s: a peer that stops, and one of ours that pauses, go on where they were",
  { timeout: timeoutMs },
  async (name, context) => {
    const seen = (await verb(context, name)) as { retransmitted: number };
    expect(seen).toMatchObject({
      stopped: { octets: 32 * MIB, same: true },
      paused: { octets: 8 * MIB, same: true },
    });
    expect(seen.retransmitted).toBeLessThan(10);
  },
);

test("a peer that is killed leaves no connection behind", { timeout: timeoutMs }, async (context) => {
  expect(await verb(context, "killed")).toEqual({ before: 20, again: true });
});

test("RFC 9293 §3.8.6.2: receive buffers of 4 KiB do not harm the stream", { timeout: timeoutMs }, async (context) => {
  expect(await verb(context, "tinyBuffers")).toEqual({ same: true, retransmitted: nextToNothing });
});

test(
  "RFC 9293 §3.8.6.3: ACKs travel with the answers, and nobody waits for a delayed one",
  { timeout: timeoutMs },
  async (context) => {
    const { rounds, sent, delayed } = (await verb(context, "requestResponse")) as Record<string, number>;
    expect(sent).toBeLessThanOrEqual((rounds ?? 0) + 10);
    expect(delayed).toBeLessThanOrEqual(10);
  },
);

test.for(["activeOpen", "activeOpenPlain"])(
  "RFC 9293 §3.10.1: %s: the stack is a client of the kernel's servers, and is refused by name",
  { timeout: timeoutMs },
  async (name, context) => {
    expect(await verb(context, name)).toEqual({
      octets: 16 * MIB,
      same: true,
      refused: "ECONNREFUSED",
      message: "connect ECONNREFUSED 198.18.0.1:9",
      retransmitted: nextToNothing,
    });
  },
);

test(
  "design.md: the same two ports at other addresses are other connections",
  { timeout: timeoutMs },
  async (context) => {
    const tuples = ["198.18.0.2", "198.18.0.5"].flatMap((local) =>
      ["198.18.0.1", "198.18.0.3", "198.18.0.4"].map((remote) => `${local} 7 ${remote} 40000`),
    );
    expect(await verb(context, "addresses")).toEqual({ same: 6, tuples });
  },
);

test(
  "design.md: thousands of idle connections share one local port and one listening socket",
  { timeout: timeoutMs },
  async (context) => {
    const count = scale.idleConnections;
    expect(await verb(context, "idle")).toEqual({
      listed: count,
      tuples: count,
      ports: [7],
      states: ["ESTABLISHED"],
      answered: count / 50,
      listeners: 1,
      stillOpen: count,
    });
  },
);

/** After five seconds in which nothing was acknowledged, one retransmission for each connection would still be no storm. */
const STORM = 104;

test(
  "design.md §3: an event loop that was blocked for 5 s loses no connection and repeats next to nothing",
  { timeout: timeoutMs },
  async (context) => {
    const seen = (await verb(context, "blocked")) as { retransmitted: number; later: number };
    expect(seen).toMatchObject({ connections: 100, same: 100, lost: 0 });
    expect(seen.later).toBeGreaterThan(1000);
    expect(seen.retransmitted).toBeLessThanOrEqual(STORM);
  },
);

test(
  "a device that is removed in the middle of a transfer is an error and an end of everything",
  { timeout: timeoutMs },
  async (context) => {
    expect(await verb(context, "removed")).toEqual({ code: "ERR_TUN_REMOVED", left: 0 });
  },
);

test(
  "design.md §7: hostile datagrams through the device change no conversation and are counted",
  { timeout: timeoutMs },
  async (context) => {
    const seen = (await verb(context, "hostile")) as { dropped: number };
    expect(seen).toMatchObject({ octets: 16 * MIB, same: true, again: true, broken: 0, sender: "sent" });
    expect(seen.dropped).toBeGreaterThan(1000);
  },
);
