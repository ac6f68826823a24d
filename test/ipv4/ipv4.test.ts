import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MemoryBudget } from "../../src/base/memory-budget.ts";
import { ANY_ADDRESS } from "../../src/base/address.ts";
import { InvariantError } from "../../src/base/assert.ts";
import { Clock } from "../../src/base/clock.ts";
import { Frame } from "../../src/base/frame.ts";
import { SeededRandom } from "../../src/base/random.ts";
import { TxBatch } from "../../src/base/tx-batch.ts";
import { DELIVER, DROPPED, HELD, Ipv4, type Verdict } from "../../src/ipv4/ipv4.ts";
import { LOOPBACK_LINK, Routes } from "../../src/ipv4/routes.ts";
import { type DropReason, newDropCounters } from "../../src/wire/drop-reason.ts";
import { Datagram, Outgoing, parseIpv4 } from "../../src/wire/ipv4.ts";
import { type DatagramFields, drain, hex, HOST, ip, ipv4, pattern, PEER } from "./datagrams.ts";

const TUN = 1;

class Bench {
  readonly clock = new Clock();
  readonly drops = newDropCounters();
  readonly routes = new Routes();
  readonly ipv4: Ipv4;
  readonly datagram = new Datagram();
  /** What IPv4 asked ICMP to say. */
  readonly said: string[] = [];

  constructor({ mtu = 1500, acceptAny = false } = {}) {
    this.routes.addLink({ link: TUN, mtu, acceptAny });
    this.routes.addAddress({ link: TUN, address: HOST, prefixLength: 24 });
    this.ipv4 = new Ipv4({
      clock: this.clock,
      random: new SeededRandom(7),
      routes: this.routes,
      drops: this.drops,
      memory: new MemoryBudget(1 << 26),
    });
    this.ipv4.errors = {
      sendParameterProblem: (_, pointer) => this.said.push(`parameter problem ${String(pointer)}`),
      sendTimeExceeded: (_, code) => this.said.push(`time exceeded ${String(code)}`),
    };
  }

  receive(bytes: Uint8Array, link = TUN): Verdict {
    return this.ipv4.receive(new Frame(bytes), 0, bytes.length, link, true, 1448, this.datagram);
  }

  /** Expects that the datagram is dropped for `reason` alone. */
  refuses(fields: DatagramFields, reason: DropReason, link = TUN): void {
    const before = this.drops[reason];
    expect(this.receive(ipv4(fields), link)).toBe(DROPPED);
    expect(this.drops[reason]).toBe(before + 1);
  }
}

describe("receiving", () => {
  test("RFC 791 §3.2: a datagram for this host is delivered with what the device said of it", () => {
    const bench = new Bench();
    expect(bench.receive(ipv4({ protocol: 6, payload: hex("010203") }))).toBe(DELIVER);
    expect(bench.datagram).toMatchObject({ source: PEER, destination: HOST, protocol: 6, link: TUN, toHost: true });
    expect(bench.datagram).toMatchObject({ vouched: true, gsoSize: 1448, payloadAt: 20, end: 23 });
    expect(bench.ipv4.counters).toMatchObject({ inReceives: 1, inDelivers: 1, inHdrErrors: 0, inAddrErrors: 0 });
  });

  test("RFC 1122 §3.2.1.7: no datagram for this host is dropped for its TTL", () => {
    const bench = new Bench();
    for (const ttl of [0, 1, 255]) expect(bench.receive(ipv4({ ttl }))).toBe(DELIVER);
  });

  test("RFC 1122 §3.2.1.3: what is for another host, a group or nobody is dropped in silence", () => {
    const bench = new Bench();
    bench.refuses({ destination: PEER, source: ip(1, 2, 3, 4) }, "ip-not-local");
    bench.refuses({ destination: ip(224, 0, 0, 1) }, "ip-not-joined");
    bench.refuses({ destination: ip(127, 0, 0, 1) }, "ip-destination-martian");
    bench.refuses({ destination: ANY_ADDRESS }, "ip-destination-martian");
    expect(bench.said).toEqual([]);
    expect(bench.ipv4.counters).toMatchObject({ inAddrErrors: 4, inDelivers: 0 });
  });

  test("RFC 1122 §3.3.6: a broadcast is delivered, but not as one to this host", () => {
    const bench = new Bench();
    for (const destination of [ip(255, 255, 255, 255), ip(198, 18, 0, 255)]) {
      expect(bench.receive(ipv4({ destination }))).toBe(DELIVER);
      expect(bench.datagram.toHost).toBe(false);
    }
  });

  test("RFC 1122 §3.2.1.3: a source that no host can have is dropped, our own address among them", () => {
    const bench = new Bench();
    for (const source of [HOST, ANY_ADDRESS, ip(127, 0, 0, 1), ip(224, 0, 0, 1), ip(255, 255, 255, 255)]) {
      bench.refuses({ source }, "ip-source-martian");
    }
    const loopback = ipv4({ source: ip(127, 0, 0, 1), destination: ip(127, 0, 0, 1) });
    expect(bench.receive(loopback, LOOPBACK_LINK)).toBe(DELIVER);
  });

  test("acceptAny: foreign unicast destinations are delivered as our own", () => {
    const bench = new Bench({ acceptAny: true });
    expect(bench.receive(ipv4({ destination: ip(93, 184, 216, 34) }))).toBe(DELIVER);
    expect(bench.datagram.toHost).toBe(true);
    bench.refuses({ source: ip(9, 9, 9, 9), destination: ip(9, 9, 9, 9) }, "ip-source-martian");
  });

  test("RFC 1122 §3.2.2.5: a malformed option is dropped and told, but never to a bad source", () => {
    const bench = new Bench();
    bench.refuses({ options: hex("01440000") }, "ip-option-malformed");
    expect(bench.said).toEqual(["parameter problem 22"]);
    bench.refuses({ options: hex("01440000"), source: HOST }, "ip-source-martian");
    bench.refuses({ options: hex("01440000"), destination: ip(9, 9, 9, 9) }, "ip-not-local");
    expect(bench.said.length).toBe(1);
  });

  test("RFC 7126 §4.3: a source route is dropped and nothing is said", () => {
    const bench = new Bench();
    bench.refuses({ options: hex("8307040000000000") }, "ip-source-route");
    expect(bench.said).toEqual([]);
  });

  test("RFC 791 §3.2: fragments are held, the last one delivers the whole", () => {
    const bench = new Bench();
    const whole = pattern(3000);
    const part = (from: number, to: number): Verdict =>
      bench.receive(ipv4({ fragmentOffset: from, moreFragments: to < 3000, payload: whole.subarray(from, to) }));
    expect(part(0, 1480)).toBe(HELD);
    expect(part(2960, 3000)).toBe(HELD);
    expect(part(1480, 2960)).toBe(DELIVER);
    expect(bench.datagram.frame.bytes.subarray(bench.datagram.payloadAt, bench.datagram.end)).toEqual(whole);
    expect(bench.datagram).toMatchObject({ vouched: false, gsoSize: 0, toHost: true, link: TUN });
    expect(bench.ipv4.reassemblyOctets).toBe(0);
    expect(part(0, 1480)).toBe(HELD);
    expect(part(8, 1480)).toBe(DROPPED);
  });

  test("RFC 1122 §3.3.2: time exceeded, code 1, once, when reassembly times out", () => {
    const bench = new Bench();
    bench.receive(ipv4({ moreFragments: true, payload: new Uint8Array(8) }));
    expect(bench.ipv4.nextDeadlineMs()).toBe(60_000);
    bench.clock.nowUs = 60_000_000;
    bench.ipv4.expire();
    bench.ipv4.expire();
    expect(bench.said).toEqual(["time exceeded 1"]);
    expect(bench.ipv4.nextDeadlineMs()).toBe(Infinity);
  });

  test("RFC 1122 §3.2.1: random datagrams never throw, and each is delivered, held or counted once", () => {
    const bench = new Bench();
    const field = fc.record({
      source: fc.constantFrom(PEER, HOST, ANY_ADDRESS, ip(8, 8, 8, 8)),
      destination: fc.constantFrom(HOST, HOST, HOST, PEER, ip(198, 18, 0, 255)),
      protocol: fc.nat(255),
      identification: fc.nat(3),
      moreFragments: fc.boolean(),
      fragmentOffset: fc.nat(8191).map((units) => units * 8),
      options: fc.uint8Array({ maxLength: 10 }).map((octets) => octets.subarray(0, octets.length & ~3)),
      payload: fc.uint8Array({ maxLength: 64 }),
    });
    const flip = fc.option(fc.nat(1_000), { freq: 2 });
    const dropped = (): number => Object.values(bench.drops).reduce((sum, count) => sum + count, 0);
    const property = fc.property(field, flip, (fields, bit) => {
      const bytes = ipv4(fields);
      if (bit !== null) bytes[(bit >> 3) % bytes.length] ^= 1 << (bit & 7);
      const before = dropped();
      const evicted = bench.drops["fragment-evicted"];
      const verdict = bench.receive(bytes);
      const counted = dropped() - before - (bench.drops["fragment-evicted"] - evicted);
      expect(counted).toBe(verdict === DROPPED ? 1 : 0);
    });
    fc.assert(property, { numRuns: 3_000 });
    expect(bench.ipv4.reassemblyOctets).toBeLessThanOrEqual(4 << 20);
  });
});

describe("sending", () => {
  const read = (bytes: Uint8Array): Datagram => {
    const datagram = new Datagram();
    expect(parseIpv4(new Frame(bytes), 0, bytes.length, datagram)).toBe("ok");
    return datagram;
  };

  test("RFC 791 §3.1, RFC 6864 §4.1: finish writes the header of a row; an atomic datagram has identification 0", () => {
    const bench = new Bench();
    const tx = new TxBatch();
    const row = tx.open(20);
    tx.addPiece(pattern(100), 10, 50);
    bench.ipv4.finish(tx, row, HOST, PEER, 6, 64, 2, true);
    const sent = read(drain(tx)[0]);
    expect(sent).toMatchObject({ source: HOST, destination: PEER, protocol: 6, ttl: 64, tos: 2, end: 90 });
    expect(sent).toMatchObject({ identification: 0, dontFragment: true, moreFragments: false, fragmentOffset: 0 });
  });

  test("RFC 6864 §4.1: datagrams that may be fragmented are numbered", () => {
    const bench = new Bench();
    const tx = new TxBatch();
    for (let i = 0; i < 100; i++) bench.ipv4.finish(tx, tx.open(8), HOST, PEER, 17, 64, 0, false);
    const sent = drain(tx).map(read);
    expect(new Set(sent.map(({ identification }) => identification)).size).toBe(100);
    expect(sent.some(({ dontFragment }) => dontFragment)).toBe(false);
  });

  test("our own fault: a datagram that is too long, or a super-segment that may be fragmented", () => {
    const bench = new Bench();
    const tx = new TxBatch();
    const row = tx.open(20);
    tx.gsoSize[row] = 1448;
    expect(() => {
      bench.ipv4.finish(tx, row, HOST, PEER, 6, 64, 0, false);
    }).toThrow(InvariantError);
    tx.addPiece(new Uint8Array(65_496), 0, 65_496);
    expect(() => {
      bench.ipv4.finish(tx, row, HOST, PEER, 6, 64, 0, true);
    }).toThrow(InvariantError);
    expect(() => bench.ipv4.prepare(new Outgoing(new Uint8Array(65_516)))).toThrow(InvariantError);
  });

  function outgoing(bench: Bench, payload: Uint8Array, dontFragment = false): Outgoing {
    const out = new Outgoing(payload);
    Object.assign(out, { source: HOST, destination: PEER, protocol: 17, dontFragment });
    expect(bench.ipv4.prepare(out)).toBe(true);
    return out;
  }

  test("RFC 791 §3.2: what fits goes out whole; one octet more makes fragments that share header and number", () => {
    const bench = new Bench();
    const tx = new TxBatch();
    expect(bench.ipv4.send(tx, outgoing(bench, pattern(1480)))).toBe(true);
    expect(drain(tx).map(read)).toMatchObject([{ end: 1500, moreFragments: false, fragmentOffset: 0 }]);
    expect(bench.ipv4.send(tx, outgoing(bench, pattern(1481)))).toBe(true);
    const parts = drain(tx).map(read);
    expect(parts).toMatchObject([
      { end: 1500, moreFragments: true, fragmentOffset: 0 },
      { end: 21, moreFragments: false, fragmentOffset: 1480 },
    ]);
    expect(parts[0].identification).toBe(parts[1].identification);
    expect(bench.ipv4.counters).toMatchObject({ outFragReqds: 1, outFragCreates: 2 });
    expect(bench.ipv4.send(tx, outgoing(bench, new Uint8Array(0)))).toBe(true);
    expect(drain(tx).map(read)).toMatchObject([{ payloadAt: 20, end: 20 }]);
  });

  test("RFC 791 §3.2: fragments of any length over any MTU come together again, with a full batch in between", () => {
    const property = fc.property(
      fc.integer({ min: 68, max: 1600 }),
      fc.integer({ min: 0, max: 14_000 }),
      (mtu, length) => {
        const bench = new Bench({ mtu });
        const peer = new Ipv4({
          memory: new MemoryBudget(1 << 26),
          clock: bench.clock,
          random: new SeededRandom(1),
          routes: peerRoutes(),
          drops: bench.drops,
        });
        const payload = pattern(length);
        const tx = new TxBatch(8, 64 * 8);
        const out = outgoing(bench, payload);
        const verdicts: Verdict[] = [];
        for (let whole = false; !whole;) {
          whole = bench.ipv4.send(tx, out);
          for (const bytes of drain(tx)) {
            expect(bytes.length).toBeLessThanOrEqual(mtu);
            verdicts.push(peer.receive(new Frame(bytes), 0, bytes.length, TUN, false, 0, bench.datagram));
          }
        }
        // The peer's bound is 256 fragments of one datagram.
        if (verdicts.length > 256) return;
        expect(verdicts.at(-1)).toBe(DELIVER);
        expect(verdicts.slice(0, -1).every((verdict) => verdict === HELD)).toBe(true);
        const { frame, payloadAt, end } = bench.datagram;
        expect(Buffer.compare(frame.bytes.subarray(payloadAt, end), payload)).toBe(0);
      },
    );
    fc.assert(property, { numRuns: 100 });
  });

  function peerRoutes(): Routes {
    const routes = new Routes();
    routes.addLink({ link: TUN, mtu: 1500 });
    routes.addAddress({ link: TUN, address: PEER, prefixLength: 24 });
    return routes;
  }

  test("RFC 791 §3.1: what must not be fragmented and does not fit is dropped and counted", () => {
    const bench = new Bench();
    const tx = new TxBatch();
    expect(bench.ipv4.send(tx, outgoing(bench, pattern(1481), true))).toBe(true);
    expect(tx.rows).toBe(0);
    expect(bench.drops["ip-needs-fragmenting"]).toBe(1);
    expect(bench.ipv4.counters.outFragFails).toBe(1);
    expect(bench.ipv4.send(tx, outgoing(bench, pattern(1480), true))).toBe(true);
    expect(drain(tx).map(read)).toMatchObject([{ dontFragment: true, identification: 0 }]);
  });

  test("RFC 1122 §3.3.1: without a route nothing is sent, and counted; own addresses go to the loopback link", () => {
    const bench = new Bench();
    const out = new Outgoing(new Uint8Array(8));
    out.destination = ip(1, 1, 1, 1);
    expect(bench.ipv4.prepare(out)).toBe(false);
    expect([bench.ipv4.counters.outNoRoutes, bench.drops["ip-no-route"]]).toEqual([1, 1]);
    out.destination = HOST;
    expect(bench.ipv4.prepare(out)).toBe(true);
    expect(out.link).toBe(LOOPBACK_LINK);
  });
});
