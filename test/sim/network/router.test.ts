import { once } from "node:events";
import { expect, test } from "vitest";
import { formatAddress } from "../../../src/base/address.ts";
import { Frame } from "../../../src/base/frame.ts";
import { sumOctets } from "../../../src/base/checksum.ts";
import { simulate, type Simulation } from "../../../src/sim/index.ts";
import { decrementTtl, markCongestion } from "../../../src/sim/datagram-fields.ts";
import { fragmentsOf } from "../../../src/sim/fragmenting.ts";
import { SimDatagram } from "../../../src/sim/sim-datagram.ts";
import { Datagram, emitIpv4, parseIpv4 } from "../../../src/wire/ipv4.ts";
import { connected, echo, echoOn, octetsOf, QUIET, routedPair } from "./worlds.ts";

/** An IPv4 datagram of protocol 253 (RFC 3692) with `payload` octets. */
function datagramOf(payload: number, options: { ttl?: number; tos?: number } = {}): Uint8Array {
  const frame = Frame.ofSize(20 + payload);
  frame.bytes.set(octetsOf(payload), 20);
  const { ttl = 64, tos = 0 } = options;
  emitIpv4(frame, 0, 20 + payload, tos, 7, 0, ttl, 253, 0x0a00_0101 as never, 0x0a00_0201 as never);
  return frame.bytes;
}

const headerVerifies = (bytes: Uint8Array): boolean => sumOctets(bytes, 0, 20, 0) === 0xffff;

test("a router takes one off the time to live and keeps the header's checksum right (RFC 1624)", () => {
  for (let ttl = 255; ttl > 1; ttl--) {
    const bytes = datagramOf(10, { ttl });
    decrementTtl(SimDatagram.of(bytes));
    expect(bytes[8]).toBe(ttl - 1);
    expect(headerVerifies(bytes)).toBe(true);
  }
});

test("RFC 3168 §5: marking keeps the header's checksum right and the DS field as it was", () => {
  for (let tos = 0; tos < 256; tos++) {
    const bytes = datagramOf(10, { tos });
    markCongestion(SimDatagram.of(bytes));
    expect(bytes[1]).toBe(tos | 3);
    expect(headerVerifies(bytes)).toBe(true);
  }
});

test("RFC 791 §3.2: fragments fit the MTU, lie on units of eight and put together are the datagram", () => {
  const whole = datagramOf(3001);
  const parsed = new Datagram();
  parseIpv4(new Frame(whole), 0, whole.length, parsed);
  for (const mtu of [68, 576, 1500]) {
    const fragments = fragmentsOf(parsed, mtu);
    const together = new Uint8Array(3001);
    fragments.forEach((bytes, i) => {
      const fragment = new Datagram();
      expect(parseIpv4(new Frame(bytes), 0, bytes.length, fragment)).toBe("ok");
      expect(bytes.length).toBeLessThanOrEqual(mtu);
      expect(fragment.moreFragments).toBe(i < fragments.length - 1);
      together.set(bytes.subarray(20), fragment.fragmentOffset);
    });
    expect(Buffer.compare(together, whole.subarray(20))).toBe(0);
  }
});

test("two routers between two hosts: the stream passes, two hops older", async () => {
  const sent = octetsOf(50_000);
  const { value } = await simulate({ ...QUIET, seed: 1 }, async (sim) => {
    const { a, b, link } = await routedPair(sim, { delayMs: 3 });
    const ages = new Set<number>();
    link.there.intercept = (datagram) => {
      ages.add(datagram[8]);
      return "pass";
    };
    echoOn(b);
    return { same: (await echo(a, b, sent)).equals(sent), ages: [...ages] };
  });
  expect(value).toEqual({ same: true, ages: [63] });
});

test("RFC 1191 §4: what is longer than the next link's MTU is refused with that MTU, and the sender follows", async () => {
  const sent = octetsOf(50_000);
  const { value, faults } = await simulate({ ...QUIET, seed: 1 }, async (sim) => {
    const { a, b } = await routedPair(sim, { mtu: 1000 });
    echoOn(b);
    return (await echo(a, b, sent)).equals(sent);
  });
  expect(value).toBe(true);
  expect(faults["fragmentation-needed"]).toBeGreaterThan(0);
});

test("where there is no way a router says so: the connection hears of the unreachable network", async () => {
  const { value, faults } = await simulate({ ...QUIET, seed: 1 }, async (sim) => {
    const { a } = await routedPair(sim);
    const socket = a.net.connect({ host: "10.9.9.9", port: 7 });
    const [error] = (await once(socket, "error")) as [{ code: string }];
    return error.code;
  });
  expect(faults["no-route"]).toBeGreaterThan(0);
  expect(["ENETUNREACH", "ETIMEDOUT"]).toContain(value);
});

async function ringOf(sim: Simulation): Promise<void> {
  const { a, b } = await routedPair(sim);
  const left = sim.router("loop-left");
  const right = sim.router("loop-right");
  const host = await sim.host("c", { address: "10.0.3.1/24" });
  sim.link(left, right);
  sim.link(host, left);
  // Each thinks that the other knows the way.
  left.route("10.7.0.0/16", right);
  right.route("10.7.0.0/16", left);
  const socket = host.net.connect({ host: "10.7.0.1", port: 7 });
  socket.on("error", () => undefined);
  await sim.sleep(500);
  socket.destroy();
  expect([a.address, b.address]).toEqual(["10.0.1.1", "10.0.2.1"]);
}

test("RFC 1812 §5.3.1: a datagram in a loop of routers ends with its time to live", async () => {
  const { faults } = await simulate({ ...QUIET, seed: 1 }, ringOf);
  expect(faults["ttl-exceeded"]).toBe(1);
});

test("the longest prefix decides, before the shortest way", async () => {
  const { value } = await simulate({ ...QUIET, seed: 1 }, async (sim) => {
    const a = await sim.host("a", { address: "10.0.1.1/24" });
    const b = await sim.host("b", { address: "10.0.2.1/24" });
    const [near, left, right] = [sim.router("near"), sim.router("left"), sim.router("right")];
    sim.link(a, near);
    const links = [left, right].map((router) => sim.link(near, router));
    const far = sim.switch("far");
    sim.link(left, far);
    sim.link(right, far);
    sim.link(far, b);
    near.route("10.0.2.0/23", left);
    near.route("10.0.2.0/24", right);
    echoOn(b);
    await connected(a, b);
    return links.map(({ there }) => there.deliveredOctets > 0);
  });
  expect(value).toEqual([false, true]);
});

test("a switch changes nothing: the time to live arrives as it was sent", async () => {
  const { value } = await simulate({ ...QUIET, seed: 1 }, async (sim) => {
    const a = await sim.host("a", { address: "10.0.0.1" });
    const b = await sim.host("b", { address: "10.0.0.2" });
    const middle = sim.switch("s");
    sim.link(a, middle);
    const link = sim.link(middle, b);
    let ttl = 0;
    link.there.intercept = (datagram) => {
      ttl = datagram[8];
      return "pass";
    };
    echoOn(b);
    await connected(a, b);
    return ttl;
  });
  expect(value).toBe(64);
});

test("a router's errors come from its own address", async () => {
  const { value } = await simulate({ ...QUIET, seed: 1 }, async (sim) => {
    const a = await sim.host("a", { address: "10.0.1.1" });
    const router = sim.router("r", { address: "10.0.1.254" });
    const link = sim.link(a, router);
    let reporter = "";
    link.back.intercept = (datagram) => {
      reporter = formatAddress(new DataView(datagram.buffer, datagram.byteOffset).getInt32(12) as never);
      return "pass";
    };
    const socket = a.net.connect({ host: "10.0.9.9", port: 7 });
    socket.on("error", () => undefined);
    await sim.sleep(100);
    socket.destroy();
    return reporter;
  });
  expect(value).toBe("10.0.1.254");
});

test("a router that has no route for a time tells the senders, and forwards again behind it (RFC 1812 §5.2.7.1)", async () => {
  const { value, faults } = await simulate({ ...QUIET, seed: 1 }, async (sim) => {
    const a = await sim.host("a", { address: "10.0.1.1/24" });
    const b = await sim.host("b", { address: "10.0.2.1/24" });
    const router = sim.router("r");
    sim.link(a, router);
    sim.link(router, b, { delayMs: 1 });
    echoOn(b);
    const before = await echo(a, b, Buffer.from("before"));
    await sim.sleep(100); // The last ACK has arrived.
    const refusal = router.refuse("10.0.2.0/24");
    const behind = echo(a, b, Buffer.from("behind"));
    await sim.sleep(2500);
    const unreachable = a.stack.stats().icmp["inPkts.3"];
    refusal.end();
    return { before: String(before), behind: String(await behind), unreachable };
  });
  // Sent at 0 s, and again at 1 s.
  expect(value).toEqual({ before: "before", behind: "behind", unreachable: 2 });
  expect(faults["no-route"]).toBe(2);
});
