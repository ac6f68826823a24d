import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MemoryBudget } from "../../src/base/memory-budget.ts";
import { sumOctets } from "../../src/base/checksum.ts";
import { Clock } from "../../src/base/clock.ts";
import { Frame } from "../../src/base/frame.ts";
import { SeededRandom } from "../../src/base/random.ts";
import { TxBatch } from "../../src/base/tx-batch.ts";
import { Icmp, type IcmpLimits } from "../../src/icmp/icmp.ts";
import { DELIVER, Ipv4 } from "../../src/ipv4/ipv4.ts";
import { LOOPBACK_LINK, Routes } from "../../src/ipv4/routes.ts";
import { newDropCounters } from "../../src/wire/drop-reason.ts";
import { CODE_PORT, CODE_PROTOCOL, type IcmpError } from "../../src/wire/icmp.ts";
import { Datagram, parseIpv4 } from "../../src/wire/ipv4.ts";
import { type DatagramFields, drain, hex, HOST, icmpMessage, ip, ipv4, pattern, PEER } from "../ipv4/datagrams.ts";

const TUN = 1;
const BROADCAST = ip(198, 18, 0, 255);
const ECHO_REST = (0x1234 << 16) | 0xfffe;

/** IPv4 and ICMP as the stack joins them: what is delivered goes to ICMP, or is answered as having no taker. */
class Bench {
  readonly clock = new Clock();
  readonly drops = newDropCounters();
  readonly routes = new Routes();
  readonly ipv4: Ipv4;
  readonly icmp: Icmp;
  readonly errors: Partial<IcmpError>[] = [];
  readonly echoes: unknown[] = [];
  readonly datagram = new Datagram();
  readonly tx = new TxBatch();

  constructor(limits: Partial<IcmpLimits> = {}, acceptAny = false) {
    const { clock, drops, routes } = this;
    routes.addLink({ link: TUN, mtu: 1500, acceptAny });
    routes.addAddress({ link: TUN, address: HOST, prefixLength: 24 });
    routes.addRoute({ destination: ip(0, 0, 0, 0), prefixLength: 0, link: TUN });
    const random = new SeededRandom(3);
    this.ipv4 = new Ipv4({ clock, random, routes, drops, memory: new MemoryBudget(1 << 26) });
    const hooks = {
      onError: (error: IcmpError) => {
        const { type, code, mtu, pointer, reporter, quotedSource, quotedDestination, quotedProtocol } = error;
        const quoted = error.frame.bytes.slice(error.quotedAt, error.quotedEnd);
        const facts = { type, code, mtu, pointer, reporter, quotedSource, quotedDestination, quotedProtocol };
        this.errors.push({ ...facts, ...{ quoted } });
      },
      onEchoReply: (datagram: Datagram, identifier: number, sequence: number, dataAt: number) => {
        this.echoes.push([identifier, sequence, datagram.frame.bytes.slice(dataAt, datagram.end)]);
      },
    };
    this.icmp = new Icmp({ clock, random, network: this.ipv4, drops, limits, hooks });
    this.ipv4.errors = this.icmp;
  }

  /** Delivers a datagram and returns what comes back on its link. */
  receive(fields: DatagramFields, link = TUN): Uint8Array[] {
    const bytes = ipv4(fields);
    const verdict = this.ipv4.receive(new Frame(bytes), 0, bytes.length, link, false, 0, this.datagram);
    if (verdict === DELIVER) {
      if (this.datagram.protocol === 1) this.icmp.input(this.datagram);
      else this.icmp.sendUnreachable(this.datagram, this.datagram.protocol === 17 ? CODE_PORT : CODE_PROTOCOL);
    }
    bytes.fill(0xdb); // The slab is the device's again.
    return this.output(link);
  }

  echo(data: Uint8Array, fields: DatagramFields = {}, link = TUN): Uint8Array[] {
    return this.receive({ protocol: 1, payload: icmpMessage(8, 0, ECHO_REST, data), ...fields }, link);
  }

  output(link = TUN): Uint8Array[] {
    this.icmp.output(this.tx, link);
    return drain(this.tx);
  }
}

/** Takes an answer apart; its checksums must be right. */
function read(bytes: Uint8Array): { header: Datagram; message: Uint8Array; type: number; code: number; rest: number } {
  const header = new Datagram();
  expect(parseIpv4(new Frame(bytes), 0, bytes.length, header)).toBe("ok");
  const message = bytes.subarray(header.payloadAt, header.end);
  expect(sumOctets(message, 0, message.length, 0)).toBe(0xffff);
  const rest = new DataView(message.buffer, message.byteOffset).getInt32(4);
  return { header, message, type: message[0], code: message[1], rest };
}

describe("echo", () => {
  test("RFC 1122 §3.2.2.6: the reply has the same identifier, sequence number and data, from the address asked", () => {
    const bench = new Bench();
    bench.routes.addAddress({ link: TUN, address: ip(198, 18, 0, 9), prefixLength: 24 });
    for (const destination of [HOST, ip(198, 18, 0, 9)]) {
      const [reply] = bench.echo(hex("c0ffee"), { destination, tos: 0xb8 | 3 });
      const { header, message, type, code, rest } = read(reply);
      expect([type, code, rest]).toEqual([0, 0, ECHO_REST]);
      expect(message.subarray(8)).toEqual(hex("c0ffee"));
      expect(header).toMatchObject({ source: destination, destination: PEER, protocol: 1, ttl: 64, tos: 0xb8 });
    }
    expect(bench.icmp.counters).toMatchObject({ inMsgs: 2, outMsgs: 2, inErrors: 0 });
    expect([bench.icmp.counters.inPkts[8], bench.icmp.counters.outPkts[0]]).toEqual([2, 2]);
    expect(bench.icmp.hasOutput(TUN)).toBe(false);
  });

  test("RFC 1122 §3.2.2.6: an echo of 65,507 octets, reassembled and fragmented again", () => {
    const bench = new Bench();
    const data = pattern(65_507);
    const request = icmpMessage(8, 0, ECHO_REST, data);
    let replies: Uint8Array[] = [];
    for (let from = 0; from < request.length; from += 1480) {
      const payload = request.subarray(from, from + 1480);
      const moreFragments = from + 1480 < request.length;
      replies = bench.receive({ protocol: 1, fragmentOffset: from, moreFragments, payload });
    }
    expect(replies.length).toBe(Math.ceil(65_515 / 1480));
    const whole = new Uint8Array(65_515);
    for (const bytes of replies) {
      const header = new Datagram();
      expect(parseIpv4(new Frame(bytes), 0, bytes.length, header)).toBe("ok");
      expect(header.end).toBeLessThanOrEqual(1500);
      whole.set(bytes.subarray(header.payloadAt, header.end), header.fragmentOffset);
    }
    expect(sumOctets(whole, 0, whole.length, 0)).toBe(0xffff);
    expect(Buffer.compare(whole.subarray(8), data)).toBe(0);
  });

  test("a full batch loses nothing: what is left comes with the next one", () => {
    const bench = new Bench();
    bench.icmp.input(deliver(bench, { protocol: 1, payload: icmpMessage(8, 0, ECHO_REST, pattern(8000)) }));
    const small = new TxBatch(2, 128);
    const rows: Uint8Array[] = [];
    for (let calls = 0; bench.icmp.hasOutput(TUN); calls++) {
      expect(calls).toBeLessThan(4);
      bench.icmp.output(small, TUN);
      rows.push(...drain(small));
    }
    expect(rows.length).toBe(6);
  });

  test("RFC 1122 §3.2.2.6: no answer to a broadcast", () => {
    const bench = new Bench();
    expect(bench.echo(hex("00"), { destination: BROADCAST })).toEqual([]);
    expect(bench.echo(hex("00"), { destination: ip(255, 255, 255, 255) })).toEqual([]);
    expect(bench.echo(hex("00"), { destination: ip(224, 0, 0, 1) })).toEqual([]);
    expect(bench.drops).toMatchObject({ "icmp-not-unicast": 2, "ip-not-joined": 1 });
  });

  test("RFC 1122 §3.2.2.6: inside the host the reply stays on the loopback link", () => {
    const bench = new Bench();
    const local = { source: ip(127, 0, 0, 1), destination: ip(127, 0, 0, 1) };
    const [reply] = bench.echo(hex("aa"), local, LOOPBACK_LINK);
    expect(read(reply).header).toMatchObject(local);
    expect(bench.output(TUN)).toEqual([]);
  });

  test("acceptAny: a foreign address that is asked answers", () => {
    const bench = new Bench({}, true);
    const [reply] = bench.echo(hex("aa"), { destination: ip(93, 184, 216, 34) });
    expect(read(reply).header).toMatchObject({ source: ip(93, 184, 216, 34), destination: PEER });
  });

  test("queueMax and queueOctetsMax: a flood between two outputs is bounded and counted", () => {
    const flood = (limits: Partial<IcmpLimits>, octets: number): number => {
      const bench = new Bench(limits);
      for (let i = 0; i < 100; i++) {
        bench.icmp.input(deliver(bench, { protocol: 1, payload: icmpMessage(8, 0, i, new Uint8Array(octets)) }));
      }
      const sent = bench.output().length;
      expect(bench.drops["icmp-queue-full"]).toBe(100 - sent);
      expect(bench.echo(hex("00")).length).toBe(1);
      return sent;
    };
    expect(flood({ queueMax: 10 }, 56)).toBe(10);
    expect(flood({ queueOctetsMax: 640 }, 56)).toBe(10);
    expect(flood({}, 56)).toBe(100);
  });

  test("RFC 792: a reply goes to whoever pings", () => {
    const bench = new Bench();
    expect(bench.receive({ protocol: 1, payload: icmpMessage(0, 0, ECHO_REST, hex("beef")) })).toEqual([]);
    expect(bench.echoes).toEqual([[0x1234, 0xfffe, hex("beef")]]);
  });
});

function deliver(bench: Bench, fields: DatagramFields): Datagram {
  const bytes = ipv4(fields);
  expect(bench.ipv4.receive(new Frame(bytes), 0, bytes.length, TUN, false, 0, bench.datagram)).toBe(DELIVER);
  return bench.datagram;
}

describe("bad messages", () => {
  test("RFC 792: a wrong checksum, or a message cut at any octet of its header, is dropped", () => {
    const bench = new Bench();
    const message = icmpMessage(8, 0, ECHO_REST, hex("c0ffee"));
    for (let bit = 0; bit < message.length * 8; bit++) {
      const payload = message.slice();
      payload[bit >> 3] ^= 0x80 >> (bit & 7);
      expect(bench.receive({ protocol: 1, payload })).toEqual([]);
    }
    expect(bench.drops["icmp-checksum"]).toBe(message.length * 8);
    for (let end = 0; end < 8; end++) {
      expect(bench.receive({ protocol: 1, payload: message.subarray(0, end) })).toEqual([]);
    }
    expect(bench.drops["icmp-truncated"]).toBe(8);
    expect(bench.icmp.counters.inErrors).toBe(message.length * 8 + 8);
  });

  test("RFC 6918, RFC 6633, RFC 1122 §3.2.2: what is deprecated, optional or unknown is dropped in silence", () => {
    const bench = new Bench();
    const read = [0, 3, 8, 11, 12];
    for (let type = 0; type < 256; type++) {
      if (read.includes(type)) continue;
      const payload = icmpMessage(type, 0, 0, ipv4({ source: HOST, destination: PEER, payload: pattern(8) }));
      expect(bench.receive({ protocol: 1, payload })).toEqual([]);
    }
    expect(bench.drops["icmp-ignored"]).toBe(256 - read.length);
    expect(bench.errors).toEqual([]);
  });

  test("RFC 1122 §3.2.2: random messages never throw, and no answer is longer than what it answers", () => {
    const bench = new Bench();
    const octets = fc.uint8Array({ minLength: 0, maxLength: 80 });
    const property = fc.property(
      fc.constantFrom(0, 3, 4, 5, 8, 11, 12, 13, 40),
      fc.nat(255),
      octets,
      fc.boolean(),
      (type, code, data, sane) => {
        const payload = sane ? icmpMessage(type, code, 0, data) : data;
        const answers = bench.receive({ protocol: 1, payload });
        expect(answers.length).toBe(sane && type === 8 ? 1 : answers.length);
        for (const answer of answers) expect(answer.length).toBe(20 + payload.length);
      },
    );
    fc.assert(property, { numRuns: 1_000 });
  });
});

describe("errors that come in", () => {
  const ours = ipv4({ source: HOST, destination: ip(9, 9, 9, 9), protocol: 6, payload: pattern(12) });
  const report = (type: number, code: number, rest: number, quote = ours): DatagramFields => ({
    protocol: 1,
    source: ip(10, 0, 0, 1),
    payload: icmpMessage(type, code, rest, quote),
  });

  test("RFC 792, RFC 1122 §3.2.2.1: every code of unreachable is told with what it quotes", () => {
    const bench = new Bench();
    for (let code = 0; code < 16; code++) {
      expect(bench.receive(report(3, code, 1400))).toEqual([]);
      expect(bench.errors[code]).toEqual({
        type: 3,
        code,
        mtu: code === 4 ? 1400 : 0, // RFC 1191 §4.
        pointer: 0,
        reporter: ip(10, 0, 0, 1),
        quotedSource: HOST,
        quotedDestination: ip(9, 9, 9, 9),
        quotedProtocol: 6,
        quoted: pattern(12),
      });
    }
  });

  test("RFC 1122 §3.2.2.4, §3.2.2.5: time exceeded and parameter problem are told", () => {
    const bench = new Bench();
    bench.receive(report(11, 1, 0));
    bench.receive(report(12, 0, 20 << 24));
    expect(bench.errors).toMatchObject([
      { type: 11, code: 1, mtu: 0 },
      { type: 12, code: 0, pointer: 20 },
    ]);
  });

  test("RFC 792: a quote of less than a header and eight octets, or of no first fragment, tells nothing", () => {
    const bench = new Bench();
    for (let end = 0; end < 28; end++) bench.receive(report(3, 3, 0, ours.subarray(0, end)));
    expect(bench.errors).toEqual([]);
    bench.receive(report(3, 3, 0, ipv4({ source: HOST, fragmentOffset: 8, destination: PEER, payload: pattern(8) })));
    bench.receive(report(3, 3, 0, ipv4({ source: HOST, headerWords: 15, destination: PEER, payload: pattern(8) })));
    expect(bench.errors).toEqual([]);
    expect(bench.drops["icmp-quote-truncated"]).toBe(30);
    bench.receive(report(3, 3, 0, ours.subarray(0, 28)));
    expect(bench.errors).toMatchObject([{ quoted: pattern(12).subarray(0, 8) }]);
  });

  test("RFC 5927 §4: an error about a datagram that this host cannot have sent is dropped", () => {
    const bench = new Bench();
    bench.receive(report(3, 3, 0, ipv4({ source: PEER, destination: HOST, payload: pattern(8) })));
    expect(bench.errors).toEqual([]);
    expect(bench.drops["icmp-quote-foreign"]).toBe(1);
    const any = new Bench({}, true);
    any.receive(report(3, 3, 0, ipv4({ source: ip(93, 184, 216, 34), destination: PEER, payload: pattern(8) })));
    expect(any.errors.length).toBe(1);
  });
});

describe("errors that go out", () => {
  test("RFC 1122 §3.2.2.1: port and protocol unreachable quote what they are about, from the address it was sent to", () => {
    const bench = new Bench();
    for (const [protocol, code] of [
      [17, 3],
      [99, 2],
    ]) {
      const fields = { protocol, payload: pattern(100), options: hex("94040000"), tos: 4 };
      const { header, message, type, code: sent, rest } = read(bench.receive(fields)[0]);
      expect([type, sent, rest]).toEqual([3, code, 0]);
      expect(message.subarray(8)).toEqual(ipv4(fields));
      expect(header).toMatchObject({ source: HOST, destination: PEER, ttl: 64, tos: 0 });
    }
  });

  test("RFC 1812 §4.3.2.3: an error has 576 octets at most", () => {
    const bench = new Bench();
    const fields = { protocol: 17, payload: pattern(1400) };
    const [answer] = bench.receive(fields);
    expect(answer.length).toBe(576);
    expect(read(answer).message.subarray(8)).toEqual(ipv4(fields).subarray(0, 548));
  });

  test("RFC 1122 §3.2.2: none about a broadcast or multicast, or from a source that is not one host", () => {
    const bench = new Bench();
    for (const destination of [BROADCAST, ip(255, 255, 255, 255), ip(224, 0, 0, 1)]) {
      expect(bench.receive({ destination, payload: pattern(8) })).toEqual([]);
    }
    for (const source of [ip(0, 0, 0, 0), BROADCAST, ip(224, 0, 0, 1), ip(127, 0, 0, 1), ip(250, 0, 0, 1), HOST]) {
      expect(bench.receive({ source, payload: pattern(8) })).toEqual([]);
    }
    expect(bench.drops["icmp-not-answerable"]).toBe(2);
  });

  test("RFC 1122 §3.2.2: none about an ICMP error, or about what may be one; about a query there is", () => {
    const bench = new Bench({ destinationBurst: 1_000, errorBurst: 1_000 });
    for (let type = 0; type < 256; type++) {
      bench.icmp.sendParameterProblem(deliver(bench, { protocol: 1, payload: icmpMessage(type, 0, 0, hex("")) }), 20);
      expect(bench.output().length).toBe([0, 8, 13, 14].includes(type) ? 1 : 0);
    }
    // What follows an empty datagram looks like an echo request, and is none of it.
    bench.icmp.sendParameterProblem(deliver(bench, { protocol: 1, totalLength: 20, payload: hex("08") }), 20);
    expect(bench.output()).toEqual([]);
  });

  test("RFC 1122 §3.2.2: none about a fragment that is not the first", () => {
    const bench = new Bench();
    const datagram = deliver(bench, { payload: pattern(8) });
    datagram.fragmentOffset = 8;
    bench.icmp.sendUnreachable(datagram, CODE_PORT);
    expect(bench.output()).toEqual([]);
    expect(bench.drops["icmp-not-answerable"]).toBe(1);
  });

  test("RFC 1122 §3.2.2.5: parameter problem points at the option's octet at fault", () => {
    const bench = new Bench();
    const fields = { options: hex("01440000"), payload: pattern(8) };
    const { type, code, rest, message } = read(bench.receive(fields)[0]);
    expect([type, code, rest]).toEqual([12, 0, 22 << 24]);
    expect(message.subarray(8)).toEqual(ipv4(fields));
    expect(bench.receive({ ...fields, destination: BROADCAST })).toEqual([]);
  });

  test("RFC 1122 §3.3.2: time exceeded, code 1, quotes the first fragment as it came", () => {
    const bench = new Bench();
    const first = { moreFragments: true, payload: pattern(16), identification: 77 };
    expect(bench.receive(first)).toEqual([]);
    bench.clock.nowUs = 60_000_000;
    bench.ipv4.expire();
    const answers = bench.output();
    expect(answers.length).toBe(1);
    const { type, code, message, header } = read(answers[0]);
    expect([type, code]).toEqual([11, 1]);
    expect(message.subarray(8)).toEqual(ipv4(first));
    expect(header).toMatchObject({ source: HOST, destination: PEER });
    bench.receive({ ...first, destination: BROADCAST });
    bench.clock.nowUs = 120_000_000;
    bench.ipv4.expire();
    expect(bench.output()).toEqual([]);
  });

  test("RFC 1122 §3.3.1: an error that has no way back is counted", () => {
    const bench = new Bench();
    const routeless = new Icmp({
      clock: bench.clock,
      random: new SeededRandom(1),
      network: { routes: bench.routes, prepare: () => false, send: () => true },
      drops: bench.drops,
      hooks: { onError: () => undefined },
    });
    routeless.sendUnreachable(deliver(bench, { payload: pattern(8) }), CODE_PORT);
    expect(routeless.counters).toMatchObject({ outMsgs: 0, outErrors: 1 });
    expect(routeless.hasOutput(TUN)).toBe(false);
  });
});

describe("limits", () => {
  test("RFC 1812 §4.3.2.8: one destination gets a burst, then one error per interval; echo is not limited", () => {
    const bench = new Bench();
    const probe = (): number => bench.receive({ payload: pattern(8) }).length;
    const probes = (count: number): number => Array.from({ length: count }, probe).reduce((a, b) => a + b, 0);
    expect(probes(100)).toBe(6);
    expect(bench.drops["icmp-rate-limited"]).toBe(94);
    bench.clock.nowUs = 999_999;
    expect(probes(10)).toBe(0);
    bench.clock.nowUs = 1_000_000;
    expect(probes(10)).toBe(1);
    bench.clock.nowUs = 3_600_000_000;
    expect(probes(100)).toBe(6);
    for (let i = 0; i < 100; i++) expect(bench.echo(hex("00")).length).toBe(1);
  });

  test("RFC 1812 §4.3.2.8: all destinations together get a burst, then so many a second", () => {
    const bench = new Bench({ errorsPerSecond: 100, errorBurst: 20 });
    let host = 0;
    const probes = (count: number): number => {
      let answers = 0;
      for (let i = 0; i < count; i++) {
        host++;
        answers += bench.receive({ source: ip(100, host >> 16, host >> 8, host & 255), payload: pattern(8) }).length;
      }
      return answers;
    };
    expect(probes(500)).toBe(20);
    bench.clock.nowUs = 100_000;
    expect(probes(500)).toBe(10);
    bench.clock.nowUs = 10_000_000;
    expect(probes(500)).toBe(20);
  });
});
