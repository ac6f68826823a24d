import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ANY_ADDRESS, type Address, toAddress } from "../../src/base/address.ts";
import { InvariantError } from "../../src/base/assert.ts";
import { BROADCAST, FOREIGN, LOCAL, LOOPBACK_LINK, MARTIAN, MULTICAST, Routes } from "../../src/ipv4/routes.ts";
import { HOST, ip, PEER } from "./datagrams.ts";

const TUN = 1;
const OTHER = 2;

/** Two links: 198.18.0.2/24 and 198.18.0.9/24 on the first, 198.19.7.1/16 on the second; the default by the first. */
function twoLinks(): Routes {
  const routes = new Routes();
  routes.addLink({ link: TUN, mtu: 1500 });
  routes.addAddress({ link: TUN, address: HOST, prefixLength: 24 });
  routes.addAddress({ link: TUN, address: ip(198, 18, 0, 9), prefixLength: 24 });
  routes.addLink({ link: OTHER, mtu: 9000 });
  routes.addAddress({ link: OTHER, address: ip(198, 19, 7, 1), prefixLength: 16 });
  routes.addRoute({ destination: ANY_ADDRESS, prefixLength: 0, link: TUN });
  return routes;
}

describe("what a destination is", () => {
  test("RFC 1122 §3.2.1.3: all of a host's addresses are local on every link", () => {
    const routes = twoLinks();
    for (const address of [HOST, ip(198, 18, 0, 9), ip(198, 19, 7, 1)]) {
      expect(routes.isLocal(address)).toBe(true);
      expect(routes.destinationKind(address, TUN)).toBe(LOCAL);
      expect(routes.destinationKind(address, OTHER)).toBe(LOCAL);
    }
    expect(routes.destinationKind(PEER, TUN)).toBe(FOREIGN);
  });

  test("RFC 1122 §3.3.6: limited and directed broadcasts, in the form of 4.2BSD too", () => {
    const routes = twoLinks();
    for (const address of [ip(255, 255, 255, 255), ip(198, 18, 0, 255), ip(198, 18, 0, 0), ip(198, 19, 255, 255)]) {
      expect(routes.destinationKind(address, TUN)).toBe(BROADCAST);
    }
    expect(routes.destinationKind(ip(198, 19, 0, 255), OTHER)).toBe(FOREIGN);
  });

  test("RFC 1122 §3.3.6: an address of our own that ends a prefix is our own", () => {
    const routes = new Routes();
    routes.addLink({ link: TUN, mtu: 1500 });
    routes.addAddress({ link: TUN, address: ip(198, 18, 0, 0), prefixLength: 24 });
    routes.addAddress({ link: TUN, address: HOST, prefixLength: 24 });
    expect(routes.destinationKind(ip(198, 18, 0, 0), TUN)).toBe(LOCAL);
    expect(routes.lookup(ip(198, 18, 0, 0))).toMatchObject({ link: LOOPBACK_LINK, broadcast: false });
  });

  test("RFC 3021 §2.1: prefixes of 31 and 32 bits have no broadcast", () => {
    const routes = new Routes();
    routes.addLink({ link: TUN, mtu: 1500 });
    routes.addAddress({ link: TUN, address: HOST, prefixLength: 31 });
    expect(routes.destinationKind(ip(198, 18, 0, 3), TUN)).toBe(FOREIGN);
    expect(routes.lookup(ip(198, 18, 0, 3))).toMatchObject({ link: TUN, broadcast: false });
  });

  test("RFC 1122 §3.2.1.3 (g): 127.0.0.0/8 never comes from a wire; neither do 0.0.0.0/8 and 240.0.0.0/4", () => {
    const routes = twoLinks();
    expect(routes.destinationKind(ip(127, 0, 0, 1), TUN)).toBe(MARTIAN);
    expect(routes.destinationKind(ip(127, 9, 9, 9), LOOPBACK_LINK)).toBe(LOCAL);
    expect(routes.destinationKind(ip(0, 1, 2, 3), TUN)).toBe(MARTIAN);
    expect(routes.destinationKind(ip(240, 0, 0, 1), TUN)).toBe(MARTIAN);
    expect(routes.destinationKind(ip(224, 0, 0, 1), TUN)).toBe(MULTICAST);
    expect(routes.destinationKind(ip(239, 255, 255, 255), TUN)).toBe(MULTICAST);
  });

  test("acceptAny: every unicast destination on that link is ours, and on no other", () => {
    const routes = new Routes();
    routes.addLink({ link: TUN, mtu: 1500, acceptAny: true });
    routes.addLink({ link: OTHER, mtu: 1500 });
    expect(routes.receivesFor(ip(93, 184, 216, 34), TUN)).toBe(true);
    expect(routes.receivesFor(ip(93, 184, 216, 34), OTHER)).toBe(false);
    expect(routes.isLocal(ip(93, 184, 216, 34))).toBe(false);
    for (const never of [ip(224, 0, 0, 1), ip(255, 255, 255, 255), ip(127, 0, 0, 1), ip(250, 0, 0, 1), ANY_ADDRESS]) {
      expect(routes.receivesFor(never, TUN)).toBe(false);
    }
    expect(routes.lookup(PEER)).toMatchObject({ link: TUN, source: ANY_ADDRESS });
  });
});

test("RFC 1122 §3.2.1.3: a source that is no single foreign host is bad", () => {
  const routes = twoLinks();
  const bad = [
    ANY_ADDRESS,
    ip(0, 0, 0, 7),
    ip(127, 0, 0, 1),
    ip(224, 0, 0, 1),
    ip(239, 1, 1, 1),
    ip(240, 0, 0, 1),
    ip(255, 255, 255, 255),
    ip(198, 18, 0, 255),
    ip(198, 18, 0, 0),
    HOST,
    ip(198, 19, 7, 1),
  ];
  for (const source of bad) expect(routes.isBadSource(source, ip(198, 18, 0, 9), TUN)).toBe(true);
  for (const source of [PEER, ip(1, 2, 3, 4), ip(223, 255, 255, 1), ip(128, 0, 0, 1)]) {
    expect(routes.isBadSource(source, HOST, TUN)).toBe(false);
  }
  // "Land", where the destination is not in the table because the link takes any.
  expect(routes.isBadSource(ip(9, 9, 9, 9), ip(9, 9, 9, 9), TUN)).toBe(true);
  // Inside the host only the host speaks.
  expect(routes.isBadSource(HOST, HOST, LOOPBACK_LINK)).toBe(false);
  expect(routes.isBadSource(ip(127, 0, 0, 1), ip(127, 0, 0, 2), LOOPBACK_LINK)).toBe(false);
  expect(routes.isBadSource(PEER, HOST, LOOPBACK_LINK)).toBe(true);
});

describe("the way to a destination", () => {
  test("RFC 1122 §3.3.1.2: the longest prefix wins, the default comes last", () => {
    const routes = twoLinks();
    routes.addRoute({ destination: ip(198, 19, 9, 0), prefixLength: 24, link: TUN, source: ip(198, 18, 0, 9) });
    expect(routes.lookup(PEER)).toMatchObject({ link: TUN, source: HOST, mtu: 1500, loopback: false });
    expect(routes.lookup(ip(198, 19, 8, 8))).toMatchObject({ link: OTHER, source: ip(198, 19, 7, 1), mtu: 9000 });
    expect(routes.lookup(ip(198, 19, 9, 8))).toMatchObject({ link: TUN, source: ip(198, 18, 0, 9) });
    expect(routes.lookup(ip(1, 1, 1, 1))).toMatchObject({ link: TUN, source: HOST });
  });

  test("RFC 1122 §3.3.1.1: without a default, what lies on no prefix has no way", () => {
    const routes = new Routes();
    routes.addLink({ link: TUN, mtu: 1500 });
    routes.addAddress({ link: TUN, address: HOST, prefixLength: 24 });
    expect(routes.lookup(ip(1, 1, 1, 1))).toBeNull();
    expect(routes.lookup(ip(224, 0, 0, 1))).toBeNull();
    expect(routes.lookup(ANY_ADDRESS)).toBeNull();
    expect(routes.lookup(ip(245, 0, 0, 1))).toBeNull();
  });

  test("RFC 1122 §3.2.1.3: own addresses and 127.0.0.0/8 stay inside the host", () => {
    const routes = twoLinks();
    expect(routes.lookup(HOST)).toMatchObject({ link: LOOPBACK_LINK, source: HOST, loopback: true, mtu: 65_535 });
    expect(routes.lookup(ip(198, 19, 7, 1))).toMatchObject({ link: LOOPBACK_LINK, source: ip(198, 19, 7, 1) });
    expect(routes.lookup(ip(127, 0, 0, 1))).toMatchObject({ link: LOOPBACK_LINK, source: ip(127, 0, 0, 1) });
    expect(routes.lookup(ip(127, 7, 7, 7))).toMatchObject({ link: LOOPBACK_LINK, source: ip(127, 0, 0, 1) });
  });

  test("RFC 1122 §3.3.6: broadcasts and multicasts are marked as more than one host", () => {
    const routes = twoLinks();
    expect(routes.lookup(ip(255, 255, 255, 255))).toMatchObject({ link: TUN, source: HOST, broadcast: true });
    expect(routes.lookup(ip(198, 19, 255, 255))).toMatchObject({ link: OTHER, broadcast: true });
    expect(routes.lookup(ip(224, 0, 0, 251))).toMatchObject({ link: TUN, broadcast: true });
    expect(routes.lookup(PEER)?.broadcast).toBe(false);
  });

  test("the same answer is the same object", () => {
    const routes = twoLinks();
    expect(routes.lookup(PEER)).toBe(routes.lookup(ip(198, 18, 0, 77)));
    expect(routes.lookup(HOST)).toBe(routes.lookup(HOST));
  });

  test("RFC 1122 §3.3.1.2: longest prefix against a plain search over random tables", () => {
    const entry = fc.record({
      destination: fc.integer({ min: 0x0a000000, max: 0x0a0000ff }),
      prefixLength: fc.nat(32),
    });
    const property = fc.property(
      fc.array(entry, { maxLength: 12 }),
      fc.array(fc.integer({ min: 0x0a000000, max: 0x0a0001ff })),
      (table, asked) => {
        const routes = new Routes();
        table.forEach((row, i) => {
          routes.addLink({ link: i + 1, mtu: 1500 });
          routes.addRoute({ ...row, destination: toAddress(row.destination), link: i + 1 });
        });
        const inside = (destination: number, row: (typeof table)[number]): boolean =>
          Math.floor((destination >>> 0) / 2 ** (32 - row.prefixLength)) ===
          Math.floor(row.destination / 2 ** (32 - row.prefixLength));
        for (const destination of asked) {
          let best = -1;
          let link = -1;
          table.forEach((row, i) => {
            if (row.prefixLength <= best || !inside(destination, row)) return;
            best = row.prefixLength;
            link = i + 1;
          });
          expect(routes.lookup(destination as Address)?.link ?? -1).toBe(link);
        }
      },
    );
    fc.assert(property);
  });
});

test("a link is added before it is used, once, and with an MTU of 68 at least", () => {
  const routes = new Routes();
  expect(() => routes.addAddress({ link: TUN, address: HOST, prefixLength: 24 })).toThrow(InvariantError);
  expect(() => routes.addLink({ link: TUN, mtu: 67 })).toThrow(InvariantError);
  routes.addLink({ link: TUN, mtu: 68 });
  expect(() => routes.addLink({ link: TUN, mtu: 1500 })).toThrow(InvariantError);
  expect(() => routes.addAddress({ link: TUN, address: HOST, prefixLength: 33 })).toThrow(InvariantError);
});
