/**
 * What `flood.test.ts` runs in a process of its own, with `--expose-gc`: datagrams by the million at a live stack, and what they
 * leave behind. Arguments: "any" or "syn" for SYNs alone, how many, and the seed.
 */
import { randomBelow, SeededRandom } from "../../src/base/random.ts";
import { icmpMessage, ip, ipv4, pattern } from "../ipv4/datagrams.ts";
import { Besieged } from "./besieged.ts";
import { ACK, FIN, icmpError, mended, ping, PSH, RST, SYN, tcp, timestampOption, udp } from "./packets.ts";

const BURST = 500;
const [kind = "any", ...numbers] = process.argv.slice(2);
const [count = 1_000_000, seed = 1] = numbers.map(Number);
const random = new SeededRandom(seed);
const below = (bound: number): number => randomBelow(random, bound);

const siege = await Besieged.begin();
const conversation = siege.converse();
const { localPort } = conversation.socket;

const ports = { sourcePort: 40_000, destinationPort: 7 };
const CORPUS: readonly Uint8Array[] = [
  tcp({
    ...ports,
    seq: 1,
    flags: SYN,
    tcpOptions: Uint8Array.of(2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7),
  }),
  tcp({ ...ports, seq: 1, ack: 1, flags: ACK | PSH, text: pattern(64) }),
  tcp({ ...ports, seq: 1, ack: 1, flags: FIN | ACK }),
  tcp({ ...ports, seq: 1, flags: RST }),
  tcp({
    sourcePort: localPort,
    destinationPort: 7,
    seq: 1,
    ack: 1,
    flags: ACK,
    tcpOptions: timestampOption(1, 1),
    text: pattern(200),
  }),
  tcp({ sourcePort: 5, destinationPort: 81, seq: 1, flags: SYN }),
  udp(53, 53, pattern(40)),
  ping(pattern(56)),
  icmpError(3, 4, tcp({ sourcePort: 7, destinationPort: localPort, flags: ACK }), 576),
  icmpError(11, 0, udp(1, 2, pattern(8))),
  ipv4({ protocol: 17, identification: 7, moreFragments: true, payload: pattern(800) }),
  ipv4({ protocol: 17, identification: 7, fragmentOffset: 800, payload: pattern(400) }),
  ipv4({ protocol: 1, options: Uint8Array.of(7, 7, 4, 0, 0, 0, 0, 0), payload: icmpMessage(8, 0, 1, pattern(8)) }),
];

function mutated(): Uint8Array {
  const bytes = Uint8Array.from(CORPUS[below(CORPUS.length)] ?? []);
  for (let changes = 1 + below(4); changes > 0; changes--) {
    // Headers are where it hurts.
    const at = below(below(4) === 0 ? bytes.length : Math.min(bytes.length, 60));
    bytes[at] = below(2) === 0 ? below(256) : (bytes[at] ?? 0) ^ (1 << below(8));
  }
  const cut = below(8) === 0 ? bytes.subarray(0, below(bytes.length + 1)) : bytes;
  return below(4) === 0 ? cut : mended(cut);
}

function noise(): Uint8Array {
  const bytes = new Uint8Array(below(200));
  for (let i = 0; i < bytes.length; i++) bytes[i] = random.nextInt32();
  if (bytes.length > 20 && below(2) === 0) {
    // Near enough to a datagram for this host to be looked at.
    bytes.set([0x45, 0, 0, bytes.length]);
    bytes.set([198, 18, 0, 1, 198, 18, 0, 2], 12);
    return mended(bytes);
  }
  return bytes;
}

/** From anywhere, to the port that listens. */
function syn(): Uint8Array {
  const source = ip(198, 18, 1 + below(200), 1 + below(250));
  return tcp({ source, sourcePort: 1024 + below(60_000), destinationPort: 7, seq: random.nextInt32(), flags: SYN });
}

function next(): Uint8Array {
  if (kind === "syn") return syn();
  return below(4) === 0 ? noise() : mutated();
}

function memory(): { heap: number; external: number; rss: number } {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage();
  return { heap: heapUsed, external: external + arrayBuffers, rss };
}

let sent = 0;
function flood(datagrams: number): void {
  for (let left = datagrams; left > 0; left -= BURST) {
    const burst = Array.from({ length: Math.min(BURST, left) }, next);
    sent += siege.attack(...burst).length;
    siege.timebase.advance(5);
  }
}

/** What the flood may leave half-open or half-assembled goes by itself. */
const settle = (): void => siege.timebase.advance(400_000);

flood(Math.ceil(count / 10));
settle();
const before = memory();
flood(Math.floor((count * 9) / 10));
const during = siege.host.stats();
settle();
const after = memory();
const old = conversation.says("still here");
const fresh = siege.converse().says("and a new one");
const { tcp: counters, connections, ip: counted } = siege.host.stats();
process.stdout.write(
  JSON.stringify({
    datagrams: counted["inReceives"],
    sent,
    dropped: siege.dropped,
    old,
    fresh,
    failure: conversation.failure,
    brokenInvariants: counters["brokenInvariants"],
    connectionsDuring: during.connections.all,
    connections: connections.all,
    grown: { heap: after.heap - before.heap, external: after.external - before.external, rss: after.rss - before.rss },
  }),
);
await siege.end();
