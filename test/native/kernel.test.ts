import { expect, type TestContext, test } from "vitest";

import { jsonInNamespace, needsNamespace, type ScriptOptions } from "../support/namespace.ts";

/** Runs a verb of `kernel.script.ts`. What it leaves open it must leave unreferenced: the process has to end by itself. */
function verb(context: TestContext, name: string, options: ScriptOptions = {}): Promise<unknown> {
  needsNamespace(context);
  return jsonInNamespace(new URL("./kernel.script.ts", import.meta.url), [name], options);
}

/** What 10,000 cycles may add to the resident set: far less than one leaked page, or handle, a cycle. */
const LEAK_OCTETS_MAX = 4 << 20;

test("TUN: 10,000 cycles of open, poll and close leave no descriptor and no memory behind", async (context) => {
  const seen = (await verb(context, "cycles", { nodeOptions: ["--expose-gc"] })) as { octets: number };
  expect(seen).toMatchObject({ cycles: 10_000, descriptors: 0 });
  expect(seen.octets).toBeLessThan(LEAK_OCTETS_MAX);
});

test("TUN: an idle device with a poll active closes at once, and twice is once", async (context) => {
  expect(await verb(context, "closesAtOnce")).toEqual({ opened: true, left: 0 });
});

test.for(["unreferenced", "unreferencedEarly"])(
  "TUN: %s before or after start lets the process end",
  async (name, context) => {
    expect(await verb(context, name)).toEqual({ name: "tun0" });
  },
);

test("TUN: address, peer, MTU and up, of the device and of lo, are set without `ip`", async (context) => {
  expect(await verb(context, "configured")).toEqual({
    device: { up: true, mtu: 1400, address: 0xc612_0001 | 0, peer: 0xc612_0002 | 0, prefixLength: 24, deviceMtu: 1400 },
    lo: true,
    after: null,
  });
});

test("TUN: a queue is 4,096 frames or what is named, a longer one stays; without CAP_NET_ADMIN of the machine", async (context) => {
  expect(await verb(context, "queueLengths")).toEqual({
    made: 4096,
    persisted: 4096,
    short: 4096,
    long: 10_000,
    named: 20,
    lo: 77,
    left: 0,
  });
});

test.for(["batch", "batchPlain"])(
  "TUN: %s: one read takes a whole burst; a row of pieces arrives whole; one above the MTU is dropped and counted",
  async (name, context) => {
    const lengths = Array.from({ length: 20 }, (_, i) => i);
    expect(await verb(context, name)).toMatchObject({
      mostAtOnce: 20,
      lengths,
      answers: ["one answer", "another"],
      pending: 0,
      counters: { txRows: 2, txUnfit: 1, txRefused: 0 },
    });
  },
);

const CLEAN = { same: true, txUnfit: 0, txRefused: 0, txNoLink: 0, rxMalformed: 0 };

test("TUN: with offload the kernel's TCP gives and takes super-segments with checksums left to do", async (context) => {
  const seen = (await verb(context, "reflected")) as { superIn: number; vouched: number };
  expect(seen).toMatchObject({ ...CLEAN, offload: { checksum: true, segmentMax: 65_535 } });
  expect(seen.superIn).toBeGreaterThan(50);
  expect(seen.vouched).toBeGreaterThan(seen.superIn);
});

test("TUN: without offload nothing is longer than the MTU, and the device sums itself", async (context) => {
  const seen = (await verb(context, "reflectedPlain")) as { vouched: number };
  expect(seen).toMatchObject({ ...CLEAN, offload: { checksum: true, segmentMax: 0 }, superIn: 0 });
  expect(seen.vouched).toBeGreaterThan((8 << 20) / 1448);
});

test("TUN: a link that is set down is told though nothing is written, and then rows are dropped", async (context) => {
  expect(await verb(context, "setDown")).toMatchObject({ code: "ERR_TUN_DOWN", pending: 0, txNoLink: 1, read: 0 });
});

test("TUN: a link that is not up yet loses datagrams, and serves once it is up", async (context) => {
  expect(await verb(context, "setUpLater")).toEqual({ lost: 1, downs: 0, message: "now", mtu: 1300 });
});

test.for([
  ["removed", 0],
  ["removedWrite", 2],
] as const)("TUN: %s: a device that is taken away is told once, from the event loop", async ([name, lost], context) => {
  expect(await verb(context, name)).toMatchObject({
    code: "ERR_TUN_REMOVED",
    toldInside: false,
    pending: 0,
    counters: { txNoLink: lost },
    closed: 2,
  });
});

test("TUN: what the kernel refuses is told with what to do, and nothing stays open", async (context) => {
  const seen = (await verb(context, "errors")) as Record<string, { message: string }>;
  expect(seen).toMatchObject({
    busy: { name: "TunError", code: "EBUSY", errno: -16, syscall: "TUNSETIFF" },
    loopback: { code: "EINVAL" },
    badMtu: { name: "RangeError" },
    leaked: 0,
    long: { code: "EINVAL" },
    missing: { code: "ENODEV", syscall: "SIOCSIFFLAGS" },
    removed: false,
  });
  expect(seen["busy"]?.message).toContain("another process has tun0 attached");
});

test("TUN: several queues share a device; a name can be left to the kernel; a persistent one stays until removed", async (context) => {
  expect(await verb(context, "queues")).toEqual({
    named: "tun0",
    alive: true,
    gone: true,
    name: "vpn0",
    made: "keep0",
    kept: true,
    removed: true,
  });
});

test("TUN: a worker that ends or is ended with an open device takes it along", async (context) => {
  expect(await verb(context, "workers")).toEqual({
    endings: ["returns", "terminated", "closes", "terminated"].map((how) => [how, "work0", true]),
    left: 0,
  });
});
