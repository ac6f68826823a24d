import { afterEach, beforeEach, expect, test } from "vitest";
import { randomBelow, SeededRandom } from "../../src/base/random.ts";
import { icmpMessage, ip, ipv4, pattern } from "../ipv4/datagrams.ts";
import { Besieged, type Conversation } from "./besieged.ts";
import {
  ACK,
  FIN,
  HOST,
  icmpError,
  PEER,
  ping,
  PSH,
  readSent,
  RST,
  type Sent,
  SYN,
  tcp,
  timestampOption,
  udp,
} from "./packets.ts";

let siege: Besieged;
beforeEach(async () => {
  siege = await Besieged.begin();
});
afterEach(() => siege.end());

const CLOSED = { sourcePort: 5000, destinationPort: 81 };

test("RFC 9293 §3.10.7.1: a segment to a closed port is answered with the RST that the RFC names", () => {
  expect(siege.attack(tcp({ ...CLOSED, seq: 100, flags: SYN }))).toMatchObject([
    { flags: RST | ACK, seq: 0, ack: 101 },
  ]);
  expect(siege.attack(tcp({ ...CLOSED, seq: 100, flags: FIN, text: pattern(5) }))).toMatchObject([
    { flags: RST | ACK, seq: 0, ack: 106 },
  ]);
  expect(siege.attack(tcp({ ...CLOSED, seq: 100, ack: 777, flags: ACK }))).toMatchObject([{ flags: RST, seq: 777 }]);
  expect(siege.attack(tcp({ ...CLOSED, seq: 100, ack: 777, flags: SYN | ACK }))).toMatchObject([
    { flags: RST, seq: 777 },
  ]);
  expect(siege.attack(tcp({ ...CLOSED, flags: RST }), tcp({ ...CLOSED, flags: RST | ACK }))).toEqual([]);
});

test("RFC 1122 §3.2.2: nothing is answered that came to a broadcast, from nobody, or as an ICMP error", () => {
  const broadcast = ip(198, 18, 0, 255);
  const nobodies = [
    ip(0, 0, 0, 0),
    ip(127, 0, 0, 1),
    ip(224, 0, 0, 1),
    ip(255, 255, 255, 255),
    ip(240, 0, 0, 1),
    broadcast,
  ];
  const sent = siege.attack(
    tcp({ ...CLOSED, flags: SYN, destination: broadcast }),
    udp(1, 2, pattern(3), { destination: broadcast }),
    udp(1, 2, pattern(3), { destination: ip(224, 0, 0, 5) }),
    ...nobodies.flatMap((source) => [
      tcp({ ...CLOSED, flags: SYN, source }),
      tcp({ sourcePort: 9, destinationPort: 7, flags: SYN, source }),
      udp(1, 2, pattern(3), { source }),
      ping(pattern(3), { source }),
    ]),
    icmpError(3, 3, udp(1, 2, pattern(3))),
    ipv4({ protocol: 1, payload: icmpMessage(3, 200, 0, pattern(28)) }),
  );
  expect(sent).toEqual([]);
  expect(siege.converse().says("still here")).toBe("still here");
});

test("CERT CA-1997-28 (land): a SYN from the host to itself is not answered", () => {
  const conversation = siege.converse();
  const land = tcp({ source: HOST, destination: HOST, sourcePort: 7, destinationPort: 7, seq: 1, flags: SYN });
  for (let i = 0; i < 100; i++) expect(siege.attack(land)).toEqual([]);
  siege.timebase.advance(60_000);
  expect(conversation.says("still here")).toBe("still here");
  expect(siege.host.stats().connections.all).toBe(1);
});

/** What only somebody who listens can know: all that a segment from the client needs to be taken as genuine. */
function overheard(conversation: Conversation) {
  const heard: Sent[] = [];
  siege.wire.onSent = (datagram) => heard.push(readSent(datagram));
  expect(conversation.says("listen")).toBe("listen");
  siege.wire.onSent = null;
  const last = heard.filter(({ timestamps }) => timestamps !== null).at(-1);
  const timestamps = last?.timestamps ?? null;
  if (last === undefined || timestamps === null) throw new Error("nothing was heard");
  const [value, echo] = timestamps;
  // Later than the client's last, sooner than its next (RFC 7323 §5.3).
  const soon = timestampOption(echo + 100, value);
  const base = {
    sourcePort: conversation.socket.localPort,
    destinationPort: 7,
    tcpOptions: soon,
  };
  return { base, seq: last.ack, ack: (last.seq + last.textLength) >>> 0 };
}

test("RFC 5961 §3, §4, §5: RST, SYN, and text with a wild ACK inside the window are challenged, not obeyed", () => {
  const conversation = siege.converse();
  const { base, seq, ack } = overheard(conversation);
  const challenged = [{ flags: ACK, seq: ack, ack: seq }];
  const { pawsDropped } = siege.host.stats().tcp;
  expect(siege.attack(tcp({ ...base, seq: seq + 100, flags: RST }))).toMatchObject(challenged);
  expect(siege.attack(tcp({ ...base, seq: seq + 100, ack, flags: SYN }))).toMatchObject(challenged);
  expect(siege.attack(tcp({ ...base, seq, flags: SYN }))).toMatchObject(challenged);
  const wildAcks = [ack + 5000, ack - 10_000_000];
  for (const wild of wildAcks) {
    const sent = siege.attack(tcp({ ...base, seq, ack: wild, flags: ACK, text: pattern(9) }));
    expect(sent).toMatchObject(challenged);
  }
  expect(siege.attack(tcp({ ...base, seq: seq - 100_000, flags: RST }))).toEqual([]);
  expect(siege.attack(tcp({ ...base, seq, flags: PSH, text: pattern(9) }))).toEqual([]);
  expect(siege.host.stats().tcp["pawsDropped"]).toBe(pawsDropped);
  expect(conversation.says("second")).toBe("second");
  expect(conversation.failure).toBeNull();
});

test("RFC 9293 §3.10.7.4, second: an RST with the exact number is the peer's own word", () => {
  const { base, seq } = overheard(siege.converse());
  expect(siege.attack(tcp({ ...base, seq, flags: RST }))).toEqual([]);
  expect(siege.host.stats().connections.all).toBe(0);
});

test("RFC 5927 §4: ICMP errors that quote a sequence number out of flight change nothing", () => {
  const conversation = siege.converse();
  const ports = { sourcePort: 7, destinationPort: conversation.socket.localPort };
  const random = new SeededRandom(5);
  for (const code of [0, 1, 2, 3, 4, 9, 13]) {
    for (let i = 0; i < 50; i++) {
      const quoted = tcp({ ...ports, source: HOST, destination: PEER, seq: random.nextInt32(), flags: ACK });
      expect(siege.attack(icmpError(3, code, quoted, 68))).toEqual([]);
    }
  }
  const mss = conversation.served?.info().sndMss;
  expect(mss).toBeGreaterThan(1000);
  expect(conversation.says("still here")).toBe("still here");
});

test("RFC 5961: an attacker who knows the four-tuple alone cannot end or change a connection", () => {
  const conversation = siege.converse();
  const random = new SeededRandom(99);
  const { localPort } = conversation.socket;
  const text = Array.from({ length: 40 }, (_, i) => `line ${String(i)}: ${"x".repeat(2000)}\n`);
  for (const line of text) {
    const burst = Array.from({ length: 1000 }, () => {
      const toHost = randomBelow(random, 2) === 0;
      return tcp({
        sourcePort: toHost ? localPort : 7,
        destinationPort: toHost ? 7 : localPort,
        seq: random.nextInt32(),
        ack: random.nextInt32(),
        flags: randomBelow(random, 64),
        window: randomBelow(random, 65_536),
        tcpOptions:
          randomBelow(random, 4) === 0 ? new Uint8Array(0) : timestampOption(random.nextInt32(), random.nextInt32()),
        text: pattern(randomBelow(random, 50)),
      });
    });
    siege.attack(...burst);
    expect(conversation.says(line, 2000)).toBe(line);
  }
  expect(conversation.failure).toBeNull();
  expect(siege.host.stats().connections.all).toBe(1);
});

test("RFC 4987 §2: a flood of 100,000 SYNs is bounded by the backlog, harms no open connection, and passes", () => {
  const conversation = siege.converse();
  const random = new SeededRandom(3);
  let most = 0;
  for (let round = 0; round < 100; round++) {
    const burst = Array.from({ length: 1000 }, () =>
      tcp({
        source: ip(198, 18, 1 + randomBelow(random, 200), 1 + randomBelow(random, 250)),
        sourcePort: 1024 + randomBelow(random, 60_000),
        destinationPort: 7,
        seq: random.nextInt32(),
        flags: SYN,
        tcpOptions: Uint8Array.of(2, 4, 5, 0xb4),
      }),
    );
    siege.attack(...burst);
    most = Math.max(most, siege.host.stats().connections.all);
    siege.timebase.advance(10);
  }
  const [listener] = siege.host.tcp.listeners();
  expect(most).toBeLessThanOrEqual((listener?.backlog ?? 0) + 1);
  expect(siege.host.stats().tcp["synQueueOverflows"]).toBeGreaterThan(90_000);
  expect(conversation.says("still here")).toBe("still here");
  siege.timebase.advance(400_000);
  expect(listener?.synQueueLength).toBe(0);
  expect(siege.converse().says("a new one")).toBe("a new one");
  expect(conversation.says("still here")).toBe("still here");
});

/** Fragments of an echo request: `[offset, length, more]` each. */
const fragments = (
  identification: number,
  ...parts: readonly (readonly [at: number, length: number, more: boolean])[]
): Uint8Array[] => {
  const whole = icmpMessage(8, 0, 1, pattern(2000));
  return parts.map(([at, length, more]) =>
    ipv4({
      protocol: 1,
      identification,
      fragmentOffset: at,
      moreFragments: more,
      payload: whole.slice(at, at + length),
    }),
  );
};

test("RFC 791 §3.2, RFC 1858, RFC 5722: whole fragments are put together; overlapping, tiny and endless ones are not", () => {
  const conversation = siege.converse();
  expect(siege.attack(...fragments(1, [0, 1000, true], [1000, 1008, false]))[0]).toMatchObject({ type: 0 });
  const before = siege.dropped;
  expect(siege.attack(...fragments(2, [0, 1000, true], [992, 1016, false]))).toEqual([]); // Teardrop.
  expect(siege.attack(...fragments(3, [1000, 1008, false], [0, 1480, true]))).toEqual([]);
  expect(siege.attack(...fragments(4, [0, 1001, true]))).toEqual([]); // Not a multiple of eight.
  const beyond = ipv4({ protocol: 1, identification: 5, fragmentOffset: 65_528, payload: pattern(100) });
  expect(siege.attack(beyond)).toEqual([]); // The ping of death.
  const tiny = ipv4({ protocol: 6, identification: 6, moreFragments: true, payload: pattern(8) });
  expect(siege.attack(tiny)).toEqual([]); // RFC 1858 §3: a TCP header cut in two.
  expect(siege.dropped - before).toBeGreaterThanOrEqual(5);
  expect(conversation.says("still here")).toBe("still here");
});

test("design.md §7: first fragments without end are bounded, and time clears them", () => {
  const conversation = siege.converse();
  const payload = pattern(1400);
  for (let round = 0; round < 100; round++) {
    const burst = Array.from({ length: 1000 }, (_, i) =>
      ipv4({
        protocol: 17,
        identification: (round * 1000 + i) & 0xffff,
        source: ip(198, 18, 2, 1 + (round % 200)),
        moreFragments: true,
        payload,
      }),
    );
    siege.attack(...burst);
  }
  expect(siege.host.stats().drops["fragment-evicted"]).toBeGreaterThan(10_000);
  siege.timebase.advance(120_000);
  expect(siege.attack(...fragments(9, [0, 1000, true], [1000, 1008, false]))[0]).toMatchObject({ type: 0 });
  expect(conversation.says("still here")).toBe("still here");
});
