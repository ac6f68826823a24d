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
import { CHAIN_MAX, homeOf } from "../../src/stack/four-tuple-index.ts";
import { FourTupleTable, KEY_WORDS, portPair } from "../../src/stack/four-tuple-table.ts";

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
  const crowd = crowdAt(505, CHAIN_MAX - 6);
  const clients = [...crowd, ...Array.from({ length: 6000 }, (_, i) => client(i))];
  const ids = clients.slice(0, 4000).map((one) => insert(table, one));
  for (let i = 0; i < ids.length; i += 3) table.remove(ids[i]);
  return { table, clients };
}

function keysOf(clients: readonly Client[]): Int32Array {
  const words = new Int32Array(clients.length * KEY_WORDS);
  clients.forEach(({ remote, remotePort }, i) => {
    words.set([SERVER, remote, portPair(80, remotePort)], i * KEY_WORDS);
  });
  return words;
}

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
    const expected = clients.map(({ remote, remotePort }) => table.find(SERVER, 80, remote, remotePort));
    expect(expected.filter((id) => id >= 0).length).toBe(table.size);
    const out = new Int32Array(clients.length).fill(-7);
    table.findBurst(keysOf(clients), clients.length, out);
    expect([...out]).toEqual(expected);
    expect(used).toHaveBeenCalledTimes(Math.ceil(clients.length / 64));
  });

  test("bursts of any length, and nothing is written behind them", () => {
    arrange();
    const { table, clients } = arranged();
    fc.assert(
      fc.property(fc.array(fc.nat(clients.length - 1), { minLength: 1, maxLength: 150 }), fc.nat(70), (which, more) => {
        const some = which.map((i) => clients[i]);
        const out = new Int32Array(some.length + more).fill(-7);
        table.findBurst(keysOf(some), some.length, out);
        const expected = some.map(({ remote, remotePort }) => table.find(SERVER, 80, remote, remotePort));
        expect([...out]).toEqual([...expected, ...new Array<number>(more).fill(-7)]);
      }),
    );
  });

  test("it goes on being right while the table grows", () => {
    arrange();
    const table = new FourTupleTable(new SeededRandom(SEED));
    const out = new Int32Array(64);
    for (let i = 0; i < 20_000; i++) {
      expect(insert(table, client(i))).toBe(i);
      if (i % 997 !== 0 || i < 64) continue;
      table.findBurst(keysOf(Array.from({ length: 64 }, (_, k) => client(i - k))), 64, out);
      expect([...out]).toEqual(Array.from({ length: 64 }, (_, k) => i - k));
    }
  });
});

test("the module's octets are those of its text", () => {
  const text = readFileSync(new URL("../../src/stack/four-tuple-burst.wat", import.meta.url), "utf8");
  expect(Buffer.from(assemble(text)).toString("hex")).toBe(BURST_CODE);
});
