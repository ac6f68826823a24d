import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Address, toAddress } from "../../src/base/address.ts";
import { SeededRandom } from "../../src/base/random.ts";
import { FourTupleHash } from "../../src/stack/four-tuple-hash.ts";
import { CHAIN_MAX, homeOf } from "../../src/stack/four-tuple-index.ts";
import { OWN_WORDS } from "../../src/stack/four-tuple-record.ts";
import { BURST_MAX, FourTupleTable, KEY_WORDS, portPair } from "../../src/stack/four-tuple-table.ts";

interface Key {
  local: Address;
  localPort: number;
  remote: Address;
  remotePort: number;
}
const textOf = (k: Key): string => [k.local, k.localPort, k.remote, k.remotePort].join(" ");
const insert = (table: FourTupleTable, k: Key): number => table.insert(k.local, k.localPort, k.remote, k.remotePort);
const find = (table: FourTupleTable, k: Key): number => table.find(k.local, k.localPort, k.remote, k.remotePort);
const holds = (table: FourTupleTable, id: number, k: Key): boolean =>
  table.holds(id, k.local, k.localPort, k.remote, k.remotePort);

const SERVER = toAddress(0xc612_0002);
/** Client `i` of a server on one port: 50,000 ports an address, as a real crowd behind few addresses. */
const client = (i: number): Key => ({
  local: SERVER,
  localPort: 80,
  remote: toAddress(0xc613_0000 + Math.floor(i / 50_000)),
  remotePort: 10_000 + (i % 50_000),
});

function findAll(table: FourTupleTable, keys: Key[]): Int32Array {
  const words = new Int32Array(BURST_MAX * KEY_WORDS);
  const out = new Int32Array(keys.length).fill(-7);
  for (let from = 0; from < keys.length; from += BURST_MAX) {
    const some = keys.slice(from, from + BURST_MAX);
    some.forEach((k, i) => words.set([k.local, k.remote, portPair(k.localPort, k.remotePort)], i * KEY_WORDS));
    table.findBurst(words, some.length);
    some.forEach((_, i) => (out[from + i] = table.found(i)));
  }
  return out;
}

const aPort = fc.oneof(fc.constantFrom(1, 80, 65_535), fc.integer({ min: 1, max: 65_535 }));
const anAddress = fc.oneof(fc.constantFrom(1, -1, 0x7fff_ffff, -0x8000_0000), fc.integer()).map(toAddress);
const aKey: fc.Arbitrary<Key> = fc.record({ local: anAddress, localPort: aPort, remote: anAddress, remotePort: aPort });

describe("RFC 9293 §3.3.1: a connection is found by its pair of sockets", () => {
  test("any insertions and removals leave what a Map would, one by one and by the burst", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(aKey, { minLength: 1, maxLength: 60, selector: textOf }),
        fc.array(fc.nat(59), { maxLength: 200 }),
        fc.integer(),
        (keys, touches, seed) => {
          const table = new FourTupleTable(new SeededRandom(seed), 100);
          const model = new Map<string, number>();
          for (const touch of touches) {
            const k = keys[touch % keys.length];
            const id = model.get(textOf(k));
            const version = table.version;
            if (id === undefined) {
              const fresh = insert(table, k);
              expect([...model.values()]).not.toContain(fresh);
              model.set(textOf(k), fresh);
            } else {
              table.remove(id);
              model.delete(textOf(k));
            }
            expect(table.version).not.toBe(version);
          }
          expect(table.size).toBe(model.size);
          expect([...table.ids()]).toEqual([...model.values()].sort((a, b) => a - b));
          const expected = keys.map((k) => model.get(textOf(k)) ?? -1);
          expect(keys.map((k) => find(table, k))).toEqual(expected);
          expect([...findAll(table, keys)]).toEqual(expected);
          keys.forEach((k, i) => {
            const id = expected[i];
            if (id < 0) return;
            expect(holds(table, id, k)).toBe(true);
            expect([table.localAddress(id), table.localPort(id)]).toEqual([k.local, k.localPort]);
            expect([table.remoteAddress(id), table.remotePort(id)]).toEqual([k.remote, k.remotePort]);
          });
        },
      ),
    );
  });

  test("each address and port counts: keys that differ in one of the four, or with sides exchanged, are different", () => {
    const table = new FourTupleTable(new SeededRandom(1));
    const k: Key = { local: SERVER, localPort: 80, remote: toAddress(9), remotePort: 5000 };
    const others: Key[] = [
      { ...k, local: toAddress(SERVER + 1) },
      { ...k, localPort: 81 },
      { ...k, remote: toAddress(10) },
      { ...k, remotePort: 5001 },
      { local: k.remote, localPort: k.remotePort, remote: k.local, remotePort: k.localPort },
    ];
    expect(insert(table, k)).toBe(0);
    expect([...findAll(table, others)]).toEqual(others.map(() => -1));
    expect(others.map((other) => insert(table, other))).toEqual([1, 2, 3, 4, 5]);
  });
});

describe("design.md §3.4: a table that grows without a pause and never loses a connection", () => {
  const COUNT = 30_000;
  const keys = Array.from({ length: COUNT }, (_, i) => client(i));

  test("tens of thousands come, half of them go, others come; every id stays right, and freed ones are used again", () => {
    const table = new FourTupleTable(new SeededRandom(34));
    const ids = keys.map((k) => insert(table, k));
    expect(ids).toEqual(keys.map((_, i) => i));
    for (let i = 0; i < COUNT; i += 2) table.remove(ids[i]);
    expect([...findAll(table, keys)]).toEqual(ids.map((id, i) => (i % 2 === 0 ? -1 : id)));
    for (let i = 0; i < COUNT; i += 2) ids[i] = insert(table, keys[i]);
    expect(new Set(ids).size).toBe(COUNT);
    expect(Math.max(...ids)).toBe(COUNT - 1);
    expect([...findAll(table, keys)]).toEqual(ids);
    expect(keys.every((k, i) => find(table, k) === ids[i])).toBe(true);
    for (const id of ids) table.remove(id);
    expect(table.size).toBe(0);
    expect([...findAll(table, keys)].every((id) => id === -1)).toBe(true);
    expect([...table.ids()]).toEqual([]);
  });

  test("the index takes at most 12 octets a connection at any size from 1,000 on", () => {
    const table = new FourTupleTable(new SeededRandom(35));
    keys.forEach((k, i) => {
      insert(table, k);
      if (i >= 1000 && i % 97 === 0) expect(table.indexOctets / (i + 1)).toBeLessThanOrEqual(12);
    });
  });

  test("the owner's words are zero after each insertion, keep what is written, and are apart", () => {
    const table = new FourTupleTable(new SeededRandom(36));
    const id = insert(table, keys[0]);
    const neighbour = insert(table, keys[1]);
    for (let n = 0; n < OWN_WORDS; n++) {
      expect(table.hotWord(id, n)).toBe(0);
      table.setHotWord(id, n, -n - 1);
    }
    expect(table.stateWord(id)).toBe(-1);
    table.setStateWord(id, 0x7fff_ffff);
    expect(Array.from({ length: OWN_WORDS - 1 }, (_, n) => table.hotWord(id, n + 1))).toEqual(
      Array.from({ length: OWN_WORDS - 1 }, (_, n) => -n - 2),
    );
    expect(table.stateWord(neighbour)).toBe(0);
    expect(holds(table, id, keys[0])).toBe(true);
    table.remove(id);
    expect(insert(table, keys[2])).toBe(id);
    expect(table.stateWord(id)).toBe(0);
  });

  test("a hint is verified before use: a freed or reused record does not hold the former key", () => {
    const table = new FourTupleTable(new SeededRandom(37));
    const id = insert(table, keys[0]);
    const { version } = table;
    table.remove(id);
    expect(table.version).not.toBe(version);
    expect(holds(table, id, keys[0])).toBe(false);
    insert(table, keys[1]);
    expect(holds(table, id, keys[0])).toBe(false);
    expect(holds(table, id, keys[1])).toBe(true);
    expect(holds(table, -1, keys[1])).toBe(false);
    expect(holds(table, id + 1, keys[1])).toBe(false);
  });

  test("a burst whose tags lead to a freed record, which still has the key, does not find it", () => {
    const seed = 39;
    const hash = new FourTupleHash(new SeededRandom(seed));
    const same: Key[] = [];
    for (let i = 0; same.length < 3; i++) {
      const k: Key = { ...client(0), remote: toAddress(i) };
      if ((hash.of(k.local, k.remote, portPair(k.localPort, k.remotePort)) & 0x1fff) === 0x155) same.push(k);
    }
    const table = new FourTupleTable(new SeededRandom(seed));
    expect(same.map((k) => insert(table, k))).toEqual([0, 1, 2]);
    table.remove(2); // Slots hold id + 1, and 1 | 2 is the third's.
    expect([...findAll(table, same)]).toEqual([0, 1, -1]);
  });
});

describe("design.md §7: what a peer can make grow has a bound", () => {
  /** `count` clients whose hashes under `seed` agree in all bits that choose the place: what only a leak could give. */
  function colliding(seed: number, count: number, home = 77): Key[] {
    const hash = new FourTupleHash(new SeededRandom(seed));
    const found: Key[] = [];
    for (let i = 0; found.length < count; i++) {
      const k: Key = { ...client(0), remote: toAddress(i), remotePort: 1 + ((i * 7) & 0x7fff) };
      const h = hash.of(k.local, k.remote, portPair(k.localPort, k.remotePort));
      if (h >>> 24 === 5 && homeOf(h) === home) found.push(k);
    }
    return found;
  }

  test("at its capacity the table refuses, counts, and goes on when a place is free", () => {
    const table = new FourTupleTable(new SeededRandom(38), 3);
    expect([0, 1, 2, 3].map((i) => insert(table, client(i)))).toEqual([0, 1, 2, -1]);
    expect(table.refused).toBe(1);
    table.remove(1);
    expect(insert(table, client(3))).toBe(1);
    expect(table.refused).toBe(1);
  });

  test("tuples chosen with the secret known fill one chain up to its bound and are refused then; all others get in", () => {
    const seed = 4987;
    const attack = colliding(seed, CHAIN_MAX + 8);
    const table = new FourTupleTable(new SeededRandom(seed));
    const ids = attack.map((k) => insert(table, k));
    const got = ids.filter((id) => id >= 0).length;
    expect(got).toBe(CHAIN_MAX);
    expect(table.refused).toBe(attack.length - CHAIN_MAX);
    expect(table.size).toBe(CHAIN_MAX);
    expect(table.chainLength(attack[0].local, 80, attack[0].remote, attack[0].remotePort)).toBe(CHAIN_MAX);
    expect(table.indexOctets).toBeLessThan(64 * 1024);
    // One more that would push the full chain on by a slot: the first goes in front of it, the second has no place.
    const [before, pushing] = colliding(seed, 2, 76);
    expect(insert(table, before)).toBeGreaterThanOrEqual(0);
    expect(insert(table, pushing)).toBe(-1);
    expect(find(table, before)).toBeGreaterThanOrEqual(0);
    expect([...findAll(table, attack)]).toEqual(ids);
    const crowd = Array.from({ length: 5000 }, (_, i) => client(i));
    expect(crowd.every((k) => insert(table, k) >= 0)).toBe(true);
    for (const id of ids) if (id >= 0) table.remove(id);
    expect([...findAll(table, attack)].every((id) => id === -1)).toBe(true);
    expect(crowd.every((k) => find(table, k) >= 0)).toBe(true);
  });

  test("the same tuples are harmless under another secret", () => {
    const attack = colliding(4987, CHAIN_MAX + 8);
    const table = new FourTupleTable(new SeededRandom(4988));
    expect(attack.every((k) => insert(table, k) >= 0)).toBe(true);
    expect(table.refused).toBe(0);
    const longest = Math.max(...attack.map((k) => table.chainLength(k.local, k.localPort, k.remote, k.remotePort)));
    expect(longest).toBeLessThan(CHAIN_MAX / 2);
  });

  test.each([
    ["ports that count up", (i: number): Key => client(i)],
    ["addresses that count up", (i: number): Key => ({ ...client(0), remote: toAddress(i) })],
    ["the upper half of the address alone", (i: number): Key => ({ ...client(0), remote: toAddress(i << 16) })],
    [
      "steps of 256 in address and port",
      (i: number): Key => ({ ...client(0), remote: toAddress((i >> 8) << 8), remotePort: (i & 255) << 8 }),
    ],
    [
      "four bits of every half",
      (i: number): Key => ({
        ...client(0),
        remote: toAddress(((i & 15) << 28) | (((i >> 4) & 15) << 12)),
        localPort: ((i >> 8) & 15) << 12,
        remotePort: ((i >> 12) & 15) << 12,
      }),
    ],
  ])(
    "chosen without the secret, %s are no worse than a random crowd: none is refused, under many secrets",
    (_, keyOf) => {
      for (let seed = 0; seed < 6; seed++) {
        const table = new FourTupleTable(new SeededRandom(seed));
        for (let i = 0; i < 20_000; i++) insert(table, keyOf(i));
        expect(table.size).toBe(20_000);
        expect(table.indexOctets / table.size).toBeLessThan(16);
      }
    },
  );
});
