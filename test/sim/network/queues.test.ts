import { expect, test } from "vitest";
import { SeededRandom, randomBelow } from "../../../src/base/random.ts";
import { EventQueue, SimEvent } from "../../../src/sim/event-queue.ts";
import { NumberQueue } from "../../../src/sim/number-queue.ts";
import { OctetArena } from "../../../src/sim/octet-arena.ts";
import { StreamLedger } from "../../../src/sim/stream-ledger.ts";
import { octetsOf } from "./worlds.ts";

test("numbers come out as they went in, while the ring turns and grows", () => {
  const queue = new NumberQueue();
  let [put, got] = [0, 0];
  for (let i = 0; i < 1000; i++) {
    queue.push(put++ + 0.5);
    if (i % 3 !== 0) expect(queue.shift()).toBe(got++ + 0.5);
  }
  expect(queue.length).toBe(put - got);
  expect(queue.peek(1)).toBe(got + 1.5);
  while (queue.length > 0) expect(queue.shift()).toBe(got++ + 0.5);
});

test("events happen by time, then by order; a cancelled one never; one that is over can happen again", () => {
  const queue = new EventQueue();
  const random = new SeededRandom(3);
  const happened: [number, number][] = [];
  const again = new SimEvent();
  queue.place(again, 50, queue.nextOrder(), () => undefined);
  const events = Array.from({ length: 5000 }, () => queue.push(randomBelow(random, 100), () => undefined));
  for (let i = 0; i < events.length; i += 2) queue.cancel(events[i]);
  expect(queue.length).toBe(2501);
  for (let event = queue.shift(); event !== null; event = queue.shift()) {
    happened.push([event.atUs, event.order]);
    const { act } = event;
    event.act = null;
    if (event === again && event.atUs === 50) queue.place(again, 70, queue.nextOrder(), act ?? (() => undefined));
  }
  expect(happened.length).toBe(2502);
  expect(happened).toEqual([...happened].sort(([a, first], [b, second]) => a - b || first - second));
  expect(happened.filter(([, order]) => order % 2 === 1 && order < 5001)).toEqual([]);
});

test("a chunk of memory is used again when nobody holds a datagram of it, and not before", () => {
  const arena = new OctetArena();
  const first = arena.frame;
  arena.take(100_000);
  first.holds++;
  for (let i = 0; i < 20; i++) arena.take(100_000);
  expect(arena.frame).not.toBe(first);
  const used = new Set([first]);
  first.holds--;
  for (let i = 0; i < 200; i++) {
    arena.take(100_000);
    used.add(arena.frame);
  }
  expect(used.size).toBeLessThan(20);
  arena.take(1_000_000);
  expect(arena.frame.bytes.length).toBe(1_000_000);
});

test("conservation: a ledger tells the octet that differs, wherever its ring has turned", () => {
  const failures: string[] = [];
  const ledger = new StreamLedger("a > b", (text) => failures.push(text));
  ledger.known = true;
  const octets = octetsOf(7000);
  for (let i = 0; i < 20; i++) {
    ledger.send(octets);
    ledger.send(octets.subarray(0, 1000 * (i % 3)));
    ledger.receive(octets, 0, 7000);
    ledger.receive(octets, 0, 1000 * (i % 3));
  }
  expect(failures).toEqual([]);
  ledger.send(octets);
  const wrong = Buffer.from(octets);
  wrong[6999] ^= 1;
  ledger.receive(wrong, 0, 7000);
  expect(failures).toHaveLength(1);
  expect(failures[0]).toContain("are not what was sent");
});
