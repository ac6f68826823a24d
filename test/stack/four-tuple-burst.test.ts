import { readFileSync } from "node:fs";
import fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";

import { assemble } from "../../scripts/wasm/assemble.js";
import { type Address, toAddress } from "../../src/base/address.ts";
import { SeededRandom } from "../../src/base/random.ts";
import { BURST_CODE } from "../../src/stack/four-tuple-burst-code.ts";
import { FastBurst } from "../../src/stack/four-tuple-burst-fast.ts";
import { PlainBurst } from "../../src/stack/four-tuple-burst.ts";
import { FourTupleHash } from "../../src/stack/four-tuple-hash.ts";
import { CHAIN_MAX, FourTupleIndex, homeOf } from "../../src/stack/four-tuple-index.ts";
import { BURST_MAX, FourTupleTable, KEY_WORDS, portPair } from "../../src/stack/four-tuple-table.ts";

declare const WebAssembly: { readonly Memory: unknown };

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const SEED = 41;
const SERVER = toAddress(0xc612_0002);
interface Client {
  readonly remote: Address;
  readonly remotePort: number;
}
const client = (i: number): Client => ({ remote: toAddress(i * 7919), remotePort: 1024 + (i % 60_000) });

/** Clients whose hashes agree in segment and home: what only a leak of the secret could give. */
function crowdAt(home: number, count: number): Client[] {
  const hash = new FourTupleHash(new SeededRandom(SEED));
  const found: Client[] = [];
  for (let i = 0; found.length < count; i++) {
    const one: Client = { remote: toAddress(-i), remotePort: 80 };
    const value = hash.of(SERVER, one.remote, portPair(80, one.remotePort));
    if (homeOf(value) === home && value >>> 29 === 3) found.push(one);
  }
  return found;
}

const insert = (table: FourTupleTable, { remote, remotePort }: Client): number =>
  table.insert(SERVER, 80, remote, remotePort);

/** A table of thousands, with freed records, with a long chain; and all who were ever in it or never. */
function arranged(): { table: FourTupleTable; clients: Client[] } {
  const table = new FourTupleTable(new SeededRandom(SEED));
  const crowd = crowdAt(249, CHAIN_MAX - 6);
  const clients = [...crowd, ...Array.from({ length: 6000 }, (_, i) => client(i))];
  const ids = clients.slice(0, 4000).map((one) => insert(table, one));
  for (let i = 0; i < ids.length; i += 3) table.remove(ids[i]);
  return { table, clients };
}

/** What a burst of these finds; words behind the last key, and the fourth of each, are rubbish. */
function findAll(table: FourTupleTable, clients: readonly Client[]): number[] {
  const words = new Int32Array(BURST_MAX * KEY_WORDS).fill(-7);
  clients.forEach(({ remote, remotePort }, i) => {
    words.set([SERVER, remote, portPair(80, remotePort)], i * KEY_WORDS);
  });
  table.findBurst(words, clients.length);
  return clients.map((_, i) => table.found(i));
}
const findOne = (table: FourTupleTable, { remote, remotePort }: Client): number =>
  table.find(SERVER, 80, remote, remotePort);

describe.each([
  ["by WebAssembly", FastBurst, (): void => undefined],
  [
    "in JavaScript, where there is no WebAssembly",
    PlainBurst,
    (): void => void vi.stubGlobal("WebAssembly", undefined),
  ],
  [
    "in JavaScript, where no code may be made at run time",
    PlainBurst,
    (): void => {
      const { Memory } = WebAssembly;
      const Module = function refuse(): never {
        throw new EvalError("unsafe-eval is not allowed");
      };
      vi.stubGlobal("WebAssembly", { Memory, Module });
    },
  ],
])("design.md §3.4: a burst %s finds what single look-ups find", (_, kind, arrange) => {
  test("the present, the absent and the removed, in chains that go past the end of a segment", () => {
    arrange();
    const used = vi.spyOn(kind.prototype, "find");
    const { table, clients } = arranged();
    const expected = clients.map((one) => findOne(table, one));
    expect(expected.filter((id) => id >= 0).length).toBe(table.size);
    let bursts = 0;
    for (let from = 0; from < clients.length; from += BURST_MAX, bursts++) {
      const to = from + BURST_MAX;
      expect(findAll(table, clients.slice(from, to))).toEqual(expected.slice(from, to));
    }
    expect(used).toHaveBeenCalledTimes(bursts);
  });

  test("a single look-up finds what the entries say", () => {
    arrange();
    const plain = vi.spyOn(FourTupleIndex.prototype, "find");
    const { table, clients } = arranged();
    plain.mockClear();
    const found = clients.map((one) => findOne(table, one));
    expect(plain).toHaveBeenCalledTimes(kind === FastBurst ? 0 : clients.length);
    const held = new Map([...table.ids()].map((id) => [table.remoteAddress(id) * 65_536 + table.remotePort(id), id]));
    expect(found).toEqual(clients.map(({ remote, remotePort }) => held.get(remote * 65_536 + remotePort) ?? -1));
  });

  test("a key of zeroes is one like any other", () => {
    arrange();
    const { table } = arranged();
    const zeroes = toAddress(0);
    const both = (): number[] => {
      table.findBurst(new Int32Array(BURST_MAX * KEY_WORDS), 1);
      return [table.found(0), table.find(zeroes, 0, zeroes, 0)];
    };
    expect(both()).toEqual([-1, -1]);
    const id = table.insert(zeroes, 0, zeroes, 0);
    expect(both()).toEqual([id, id]);
    table.remove(id);
    expect(both()).toEqual([-1, -1]);
  });

  test("bursts of any length", () => {
    arrange();
    const { table, clients } = arranged();
    fc.assert(
      fc.property(fc.array(fc.nat(clients.length - 1), { minLength: 1, maxLength: BURST_MAX }), (which) => {
        const some = which.map((i) => clients[i]);
        expect(findAll(table, some)).toEqual(some.map((one) => findOne(table, one)));
      }),
    );
  });

  test("it goes on being right while the table grows", () => {
    arrange();
    const table = new FourTupleTable(new SeededRandom(SEED));
    for (let i = 0; i < 20_000; i++) {
      expect(insert(table, client(i))).toBe(i);
      if (i % 997 !== 0 || i < 64) continue;
      const last = Array.from({ length: 64 }, (_, k) => i - k);
      expect(findAll(table, last.map(client))).toEqual(last);
    }
  });
});

test("the module's octets are those of its text", () => {
  const text = readFileSync(new URL("../../src/stack/four-tuple-burst.wat", import.meta.url), "utf8");
  expect(Buffer.from(assemble(text)).toString("hex")).toBe(BURST_CODE);
});
