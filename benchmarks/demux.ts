/**
 * From the four-tuple to the connection: what design.md §3.4 promises, measured on the class that `src/stack` uses, beside
 * a `Map` with the four-tuple as text in the same run.
 */
import { type Address, ANY_ADDRESS, toAddress } from "../src/base/address.ts";
import { randomBelow, SeededRandom } from "../src/base/random.ts";
import { FourTupleTable, KEY_WORDS, portPair } from "../src/stack/four-tuple-table.ts";
import { ListenerTable } from "../src/stack/listener-table.ts";
import type { Bench } from "./harness.ts";

const SERVER = toAddress(0xc612_0002);
const PORT = 80;
/** Connections that one client address contributes. */
const PORTS_PER_CLIENT = 28_000;
const BURST = 64;
const BURSTS = 4096;
const SIZES = [1_000, 10_000, 100_000, 1_000_000];
const SMOKE_SIZES = [1_000];

const remoteOf = (i: number): Address => toAddress(0xc613_0000 + Math.floor(i / PORTS_PER_CLIENT));
const remotePortOf = (i: number): number => 32_768 + (i % PORTS_PER_CLIENT);
const textKey = (local: number, localPort: number, remote: number, remotePort: number): string =>
  `${String(local)}:${String(localPort)}-${String(remote)}:${String(remotePort)}`;

/** Keys of random connections, in bursts; to a port where no connection is if they shall miss. */
function burstsOf(connections: number, bursts: number, localPort: number): Int32Array[] {
  const random = new SeededRandom(connections);
  return Array.from({ length: bursts }, () => {
    const keys = new Int32Array(BURST * KEY_WORDS);
    for (let i = 0; i < BURST; i++) {
      const which = randomBelow(random, connections);
      keys.set([SERVER, remoteOf(which), portPair(localPort, remotePortOf(which))], i * KEY_WORDS);
    }
    return keys;
  });
}

function fill(connections: number): FourTupleTable {
  const table = new FourTupleTable(new SeededRandom(4));
  for (let i = 0; i < connections; i++) {
    const id = table.insert(SERVER, PORT, remoteOf(i), remotePortOf(i));
    table.setStateWord(id, i);
  }
  return table;
}

function burstWork(table: FourTupleTable, bursts: Int32Array[], onMiss: () => number): (n: number) => number {
  const ids = new Int32Array(BURST);
  return (n) => {
    let hash = 0;
    for (let done = 0, b = 0; done < n; done += BURST, b = (b + 1) % bursts.length) {
      table.findBurst(bursts[b], BURST, ids);
      for (let i = 0; i < BURST; i++) hash = (hash + (ids[i] >= 0 ? table.stateWord(ids[i]) : onMiss())) | 0;
    }
    return hash;
  };
}

/** `find` for each of a number of keys in turn, by whatever kind of table. */
function singleWork(bursts: Int32Array[], find: (keys: Int32Array, at: number) => number): (n: number) => number {
  return (n) => {
    let hash = 0;
    for (let done = 0, b = 0; done < n; b = (b + 1) % bursts.length) {
      for (let at = 0; at < BURST * KEY_WORDS; at += KEY_WORDS, done++) hash = (hash + find(bursts[b], at)) | 0;
    }
    return hash;
  };
}

async function lookUps(bench: Bench, connections: number): Promise<void> {
  const sizes = { smoke: 1_024, full: 2_000_000 };
  const at = `at ${connections.toLocaleString("en")}`;
  const table = fill(connections);
  const bursts = burstsOf(connections, bench.isSmoke ? 4 : BURSTS, PORT);
  const misses = burstsOf(connections, bench.isSmoke ? 4 : BURSTS, PORT + 1);
  const listeners = new ListenerTable<{ connections: number }>();
  listeners.add(ANY_ADDRESS, PORT + 1, { connections: 1 });

  const noListener = (): number => 1;
  const toListener = (): number => listeners.find(SERVER, PORT + 1)?.connections ?? 0;
  const burst = await bench.bench(`demux: hits, bursts of 64, ${at}`, sizes, burstWork(table, bursts, noListener));
  await bench.bench(`demux: misses, bursts of 64, ${at}`, sizes, burstWork(table, misses, noListener));
  await bench.bench(`demux: misses to a listener, bursts of 64, ${at}`, sizes, burstWork(table, misses, toListener));
  const findOne = (keys: Int32Array, k: number): number => {
    const ports = keys[k + 2];
    return table.stateWord(table.find(keys[k] as Address, ports >>> 16, keys[k + 1] as Address, ports & 0xffff));
  };
  const single = await bench.bench(`demux: hits, one by one, ${at}`, sizes, singleWork(bursts, findOne));

  const map = new Map<string, { state: number }>();
  for (let i = 0; i < connections; i++) map.set(textKey(SERVER, PORT, remoteOf(i), remotePortOf(i)), { state: i });
  const mapSizes = { smoke: sizes.smoke, full: sizes.full / 8 };
  const findInMap = (keys: Int32Array, k: number): number =>
    map.get(textKey(keys[k], keys[k + 2] >>> 16, keys[k + 1], keys[k + 2] & 0xffff))?.state ?? 0;
  const byText = await bench.bench(`demux: Map keyed by text, ${at}`, mapSizes, singleWork(bursts, findInMap));
  bench.figure(`demux: Map over bursts, ${at}`, byText / burst, "times");
  bench.figure(`demux: Map over one by one, ${at}`, byText / single, "times");
  bench.figure(`demux: index, ${at}`, table.indexOctets / connections, "octets a connection");
}

/** Connections that come and go in a table of a steady size, the oldest first. */
async function churn(bench: Bench, connections: number): Promise<void> {
  const table = fill(connections);
  const random = new SeededRandom(5);
  let next = connections;
  await bench.bench(
    `demux: remove and insert, at ${connections.toLocaleString("en")}`,
    { smoke: 500, full: 500_000 },
    (n) => {
      let hash = 0;
      for (let i = 0; i < n; i++, next++) {
        table.remove(randomBelow(random, connections)); // All ids below `connections` are in use, at any time.
        hash = (hash + table.insert(SERVER, PORT, remoteOf(next), remotePortOf(next))) | 0;
      }
      return hash;
    },
  );
}

/** Each insertion timed while a table grows from nothing: the slowest ones are splits of a segment. */
function growth(bench: Bench, connections: number): void {
  const table = new FourTupleTable(new SeededRandom(6));
  const all = new Float64Array(connections);
  const splits: number[] = [];
  const begin = performance.now();
  for (let i = 0; i < connections; i++) {
    const octets = table.indexOctets;
    const before = performance.now();
    table.insert(SERVER, PORT, remoteOf(i), remotePortOf(i));
    all[i] = (performance.now() - before) * 1000;
    if (table.indexOctets !== octets) splits.push(all[i]);
  }
  const at = `growing to ${connections.toLocaleString("en")}`;
  bench.figure(`demux: insert, mean, ${at}`, ((performance.now() - begin) * 1e6) / connections, "ns");
  all.sort();
  splits.sort((a, b) => a - b);
  bench.figure(`demux: insert, p99.9, ${at}`, all[Math.floor(connections * 0.999)], "us");
  bench.figure(`demux: split, p50, ${at}`, splits[Math.floor(splits.length / 2)], "us");
  bench.figure(`demux: split, p99, ${at}`, splits[Math.floor(splits.length * 0.99)], "us");
  bench.figure(`demux: insert, slowest, ${at}`, all[connections - 1], "us");
}

export async function demux(bench: Bench): Promise<void> {
  const sizes = bench.isSmoke ? SMOKE_SIZES : SIZES;
  for (const connections of sizes) await lookUps(bench, connections);
  const largest = sizes[sizes.length - 1];
  await churn(bench, largest);
  growth(bench, largest);
}
