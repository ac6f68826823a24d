import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Address, toAddress } from "../../src/base/address.ts";
import { SeededRandom } from "../../src/base/random.ts";
import { FourTupleHash } from "../../src/stack/four-tuple-hash.ts";
import { CHAIN_MAX, homeOf } from "../../src/stack/four-tuple-index.ts";
import { OWN_WORDS } from "../../src/stack/four-tuple-record.ts";
import { FourTupleTable, KEY_WORDS, portPair } from "../../src/stack/four-tuple-table.ts";

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
  const words = new Int32Array(keys.length * KEY_WORDS);
  keys.forEach((k, i) => words.set([k.local, k.remote, portPair(k.localPort, k.remotePort)], i * KEY_WORDS));
  const out = new Int32Array(keys.length).fill(-7);
  table.findBurst(words, keys.length, out);
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
});
