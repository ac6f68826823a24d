import { describe, expect, test } from "vitest";
import { ANY_ADDRESS, toAddress } from "../../src/base/address.ts";
import { ANY_PORT, ListenerTable } from "../../src/stack/listener-table.ts";

const HERE = toAddress(0xc612_0002);
const ALSO_HERE = toAddress(0xc612_0003);
const named = (name: string): { name: string } => ({ name });

describe("RFC 9293 §3.10.7.2: the listener that a SYN belongs to", () => {
  test("the most exact one wins, the port before the address", () => {
    const table = new ListenerTable<{ name: string }>();
    const order = [
      { address: ANY_ADDRESS, port: ANY_PORT },
      { address: HERE, port: ANY_PORT },
      { address: ANY_ADDRESS, port: 80 },
      { address: HERE, port: 80 },
    ];
    expect(table.find(HERE, 80)).toBeNull();
    for (const { address, port } of order) {
      const listener = named(`${String(address)}:${String(port)}`);
      expect(table.add(address, port, listener)).toBe(true);
      expect(table.find(HERE, 80)).toBe(listener);
    }
    expect(table.size).toBe(4);
    expect(table.find(ALSO_HERE, 80)).toBe(table.get(ANY_ADDRESS, 80));
    expect(table.find(HERE, 81)).toBe(table.get(HERE, ANY_PORT));
    expect(table.find(ALSO_HERE, 81)).toBe(table.get(ANY_ADDRESS, ANY_PORT));
    for (const { address, port } of order.reverse()) {
      expect(table.find(HERE, 80)).toBe(table.get(address, port));
      expect(table.remove(address, port)).toBe(true);
    }
    expect(table.find(HERE, 80)).toBeNull();
    expect(table.size).toBe(0);
  });

  test("an exact listener on another address or port is not found", () => {
    const table = new ListenerTable<{ name: string }>();
    table.add(HERE, 80, named("web"));
    expect(table.find(ALSO_HERE, 80)).toBeNull();
    expect(table.find(HERE, 8080)).toBeNull();
    expect(table.get(ANY_ADDRESS, 80)).toBeNull();
    expect(table.get(HERE, 81)).toBeNull();
  });
});

describe("RFC 9293 §3.9.1.1, EADDRINUSE: two listeners on one pair", () => {
  test.each([
    ["exact", HERE, 80],
    ["any address", ANY_ADDRESS, 80],
    ["any port", HERE, ANY_PORT],
    ["any at all", ANY_ADDRESS, ANY_PORT],
  ])("%s: the second is refused and the first stays, until it is removed", (_, address, port) => {
    const table = new ListenerTable<{ name: string }>();
    const first = named("first");
    const second = named("second");
    expect(table.add(address, port, first)).toBe(true);
    expect(table.add(address, port, second)).toBe(false);
    expect(table.get(address, port)).toBe(first);
    expect(table.size).toBe(1);
    expect(table.remove(address, port)).toBe(true);
    expect(table.remove(address, port)).toBe(false);
    expect(table.add(address, port, second)).toBe(true);
    expect(table.get(address, port)).toBe(second);
  });

  test("removing where only another address listens changes nothing", () => {
    const table = new ListenerTable<{ name: string }>();
    table.add(HERE, 80, named("web"));
    expect(table.remove(ANY_ADDRESS, 80)).toBe(false);
    expect(table.remove(ALSO_HERE, 80)).toBe(false);
    expect(table.size).toBe(1);
  });
});

test("design.md §3.4: listeners can be listed", () => {
  const table = new ListenerTable<{ name: string }>();
  table.add(ANY_ADDRESS, 80, named("any:80"));
  table.add(HERE, 80, named("here:80"));
  table.add(HERE, 7, named("here:7"));
  expect([...table].map(({ name }) => name)).toEqual(["here:80", "any:80", "here:7"]);
});
