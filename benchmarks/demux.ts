/**
 * From the four-tuple to the connection: what design.md §3.4 promises, measured on the class that `src/stack` uses, beside the same
 * layout in C++ and a `Map` with the four-tuple as text in the same run.
 */
import { type Address, ANY_ADDRESS, toAddress } from "../src/base/address.ts";
import { randomBelow, SeededRandom } from "../src/base/random.ts";
import { BURST_MAX, FourTupleTable, KEY_WORDS, portPair } from "../src/stack/four-tuple-table.ts";
import { ListenerTable } from "../src/stack/listener-table.ts";
import { tcpConfig } from "../src/tcp/config.ts";
import type { TcpContext } from "../src/tcp/context.ts";
import { Tcb } from "../src/tcp/tcb.ts";
import type { Bench } from "./harness.ts";
import { Reference } from "./reference.ts";

const SERVER = toAddress(0xc612_0002);
const PORT = 80;
/** Connections that one client address contributes. */
const PORTS_PER_CLIENT = 28_000;
// Known to the compiler, as what is imported is not.
const BURST = BURST_MAX;
/** A million look-ups before one is made again: at the larger sizes no cache holds what they read. */
const BURSTS = 16_384;
const SIZES = [1_000, 10_000, 100_000, 1_000_000, 4_000_000];
const SMOKE_SIZES = [1_000];
/** The index has a directory too, and its segments are not all of one load. */
const LOAD_SLACK = 1.15;
/** With more, strings and connection objects take several GB. */
const OBJECTS_MAX = 1_000_000;
/** Sizes whose segments are full to 54 and to 72 %, of nearly the same memory. */
const LOADS = { low: 71_000, high: 94_400 };
const SMOKE_LOADS = { low: 1_000, high: 1_400 };

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
  return (n) => {
    let hash = 0;
    for (let done = 0, b = 0; done < n; done += BURST, b = (b + 1) % bursts.length) {
      table.findBurst(bursts[b], BURST);
      for (let i = 0; i < BURST; i++) {
        const id = table.found(i);
        hash = (hash + (id >= 0 ? table.stateWord(id) : onMiss())) | 0;
      }
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

/** From the key to a variable of the connection itself. */
function connectionWork(
  table: FourTupleTable,
  connections: readonly Tcb[],
  bursts: Int32Array[],
): (n: number) => number {
  return (n) => {
    let hash = 0;
    for (let done = 0, b = 0; done < n; done += BURST, b = (b + 1) % bursts.length) {
      table.findBurst(bursts[b], BURST);
      for (let i = 0; i < BURST; i++) hash = (hash + connections[table.found(i)].rcvNxt) | 0;
    }
    return hash;
  };
}

/** Objects as large as the stack's, none of which does anything. */
function objectsFor(connections: number): readonly Tcb[] {
  const context: unknown = { config: tcpConfig({}) }; // All that is read of it.
  const path = { link: 0, mtu: 1500, segmentMax: 0 };
  return Array.from({ length: connections }, (_, id) => {
    const tcb = new Tcb(context as TcpContext, id, path, {
      local: SERVER,
      localPort: PORT,
      remote: remoteOf(id),
      remotePort: 1,
    });
    tcb.advanceRcvNxt(id);
    return tcb;
  });
}

interface Figures {
  readonly hit: number;
  readonly single: number;
}

async function textMap(bench: Bench, connections: number, bursts: Int32Array[], ours: Figures): Promise<void> {
  const at = `at ${connections.toLocaleString("en")}`;
  const map = new Map<string, { state: number }>();
  for (let i = 0; i < connections; i++) map.set(textKey(SERVER, PORT, remoteOf(i), remotePortOf(i)), { state: i });
  const find = (keys: Int32Array, k: number): number =>
    map.get(textKey(keys[k], keys[k + 2] >>> 16, keys[k + 1], keys[k + 2] & 0xffff))?.state ?? 0;
  const sizes = { smoke: 1_024, full: 250_000 };
  const byText = await bench.bench(`demux: Map keyed by text, ${at}`, sizes, singleWork(bursts, find));
  bench.figure(`demux: Map over bursts, ${at}`, byText / ours.hit, "times");
  bench.figure(`demux: Map over one by one, ${at}`, byText / ours.single, "times");
}

async function lookUps(bench: Bench, connections: number, reference: Reference | null): Promise<void> {
  const sizes = { smoke: 1_024, full: 1 << 21 };
  const at = `at ${connections.toLocaleString("en")}`;
  const table = fill(connections);
  const bursts = burstsOf(connections, bench.isSmoke ? 4 : BURSTS, PORT);
  const misses = burstsOf(connections, bench.isSmoke ? 4 : BURSTS, PORT + 1);
  const listeners = new ListenerTable<{ connections: number }>();
  listeners.add(ANY_ADDRESS, PORT + 1, { connections: 1 });

  const noListener = (): number => 1;
  const toListener = (): number => listeners.find(SERVER, PORT + 1)?.connections ?? 0;
  const hit = await bench.bench(`demux: hits, bursts of 64, ${at}`, sizes, burstWork(table, bursts, noListener));
  if (connections <= OBJECTS_MAX) {
    const objects = objectsFor(connections);
    await bench.bench(`demux: hits, to rcvNxt, bursts of 64, ${at}`, sizes, connectionWork(table, objects, bursts));
  }
  const miss = await bench.bench(`demux: misses, bursts of 64, ${at}`, sizes, burstWork(table, misses, noListener));
  await bench.bench(`demux: misses to a listener, bursts of 64, ${at}`, sizes, burstWork(table, misses, toListener));
  const findOne = (keys: Int32Array, k: number): number => {
    const ports = keys[k + 2];
    return table.stateWord(table.find(keys[k] as Address, ports >>> 16, keys[k + 1] as Address, ports & 0xffff));
  };
  const single = await bench.bench(`demux: hits, one by one, ${at}`, sizes, singleWork(bursts, findOne));
  // The reference's segments are a power of two: as many as here, or a few more.
  const load = (table.size / table.indexOctets) * 4 * LOAD_SLACK;
  if (reference !== null) {
    const theirs = reference.run([connections, bench.isSmoke ? sizes.smoke : BURSTS * BURST, load]);
    bench.figure(`demux: C++, hits, bursts of 64, ${at}`, theirs.hit, "ns");
    bench.figure(`demux: over C++, hits, bursts of 64, ${at}`, hit / theirs.hit, "times");
    bench.figure(`demux: over C++, misses, bursts of 64, ${at}`, miss / theirs.miss, "times");
    bench.figure(`demux: over C++, one by one, ${at}`, single / theirs.single, "times");
  }
  bench.figure(`demux: index, ${at}`, table.indexOctets / connections, "octets a connection");
  if (connections <= OBJECTS_MAX) await textMap(bench, connections, bursts, { hit, single });
}

/** The same look-ups where segments are nearly full, and where they are not. */
async function loads(bench: Bench): Promise<void> {
  const { low, high } = bench.isSmoke ? SMOKE_LOADS : LOADS;
  const sizes = { smoke: 1_024, full: 1 << 21 };
  const timeAt = (connections: number): Promise<number> => {
    const bursts = burstsOf(connections, bench.isSmoke ? 4 : BURSTS, PORT);
    const name = `demux: hits, bursts of 64, at ${connections.toLocaleString("en")}`;
    return bench.bench(
      name,
      sizes,
      burstWork(fill(connections), bursts, () => 1),
    );
  };
  const sparse = await timeAt(low);
  bench.figure("demux: at load 0.72 over load 0.54", (await timeAt(high)) / sparse, "times");
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
  const reference = Reference.build("demux");
  if (reference === null) bench.note("no g++: nothing is compared with C++");
  try {
    for (const connections of sizes) await lookUps(bench, connections, reference);
  } finally {
    reference?.close();
  }
  await loads(bench);
  const largest = Math.min(OBJECTS_MAX, sizes[sizes.length - 1]);
  await churn(bench, largest);
  growth(bench, largest);
}
