/**
 * What `flood.test.ts` runs in a process of its own, with `--expose-gc`: datagrams by the million at a live stack, and what they
 * leave behind. Arguments: "any" or "syn" for SYNs alone, how many, the seed, and "no-cookies" for a host without SYN cookies.
 */
import { randomBelow, SeededRandom } from "../../src/base/random.ts";
import { ip } from "../ipv4/datagrams.ts";
import { Besieged } from "./besieged.ts";
import { Hostile } from "./hostile.ts";
import { SYN, tcp } from "./packets.ts";

const BURST = 500;
const [kind = "any", ...numbers] = process.argv.slice(2);
const [count = 1_000_000, seed = 1] = numbers.map(Number);
const synCookies = !numbers.includes("no-cookies");
const random = new SeededRandom(seed);
const below = (bound: number): number => randomBelow(random, bound);

const siege = await Besieged.begin({ synCookies });
const conversation = siege.converse();
const hostile = new Hostile(random, conversation.socket.localPort);

/** From anywhere, to the port that listens. */
function syn(): Uint8Array {
  const source = ip(198, 18, 1 + below(200), 1 + below(250));
  return tcp({ source, sourcePort: 1024 + below(60_000), destinationPort: 7, seq: random.nextInt32(), flags: SYN });
}

function next(): Uint8Array {
  if (kind === "syn") return syn();
  return hostile.next();
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
// Before anything half-open has timed out.
const atOnce = siege.converse().says("now");
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
    atOnce,
    fresh,
    failure: conversation.failure,
    brokenInvariants: counters["brokenInvariants"],
    connectionsDuring: during.connections.all,
    connections: connections.all,
    grown: { heap: after.heap - before.heap, external: after.external - before.external, rss: after.rss - before.rss },
  }),
);
await siege.end();
