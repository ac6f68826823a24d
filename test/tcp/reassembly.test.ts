import fc from "fast-check";
import { expect, test } from "vitest";
import { scripted } from "../support/scripted-peer.ts";

const LENGTH = 60;
const STREAM = Uint8Array.from({ length: LENGTH }, (_, i) => (i * 7 + 3) & 255);

/** Any segments of the stream, in any order, overlapping as they like. */
const segments = fc.array(fc.tuple(fc.nat(LENGTH - 1), fc.integer({ min: 1, max: 25 })), { maxLength: 12 });

/** How much of the stream from its start is covered: what the naive receiver has. */
function prefix(seen: readonly (readonly [number, number])[]): number {
  const have = new Uint8Array(LENGTH);
  for (const [from, length] of seen) have.fill(1, from, Math.min(LENGTH, from + length));
  const hole = have.indexOf(0);
  return hole < 0 ? LENGTH : hole;
}

test("RFC 9293 §3.10.7.4 SHLD-31: any segments in any order give the stream's prefix, and the FIN counts behind all of it", () => {
  fc.assert(
    fc.property(segments, fc.boolean(), fc.nat(12), (parts, sackOk, finAt) => {
      const t = scripted({ peer: { mss: 1000, sackOk } }).established();
      const seen: [number, number][] = [];
      let fin = false;
      parts.forEach(([from, length], i) => {
        const cut = STREAM.subarray(from, Math.min(LENGTH, from + length));
        t.inject(`ACK seq=${String(1 + from)} ack=1`, cut);
        seen.push([from, length]);
        if (i === finAt) t.inject(`FIN,ACK seq=${String(1 + LENGTH)} ack=1`);
        fin ||= i === finAt;
        const got = prefix(seen);
        expect(t.received).toEqual([...STREAM.subarray(0, got)]);
        expect((t.tcb.rcvNxt - t.tcb.irs) | 0).toBe(1 + got + (fin && got === LENGTH ? 1 : 0));
      });
      // Whatever was missing comes at last.
      t.inject("FIN,ACK seq=1 ack=1", STREAM);
      expect(t.received).toEqual([...STREAM]);
      t.stateIs("CLOSE-WAIT");
      expect(t.tcb.outOfOrder).toBeNull();
      t.close()
        .inject(`ACK seq=${String(LENGTH + 2)} ack=2`)
        .take();
      t.leavesNothing();
    }),
    { numRuns: 150 },
  );
});

/** All orders of `items`. */
const orders = <T>(items: readonly T[]): T[][] =>
  items.length < 2
    ? [[...items]]
    : items.flatMap((item, i) => orders(items.filter((_, j) => j !== i)).map((rest) => [item, ...rest]));

test("RFC 9293 §3.10.7.4: every order of four segments and a FIN, two of them overlapping", () => {
  const parts: [number, number, boolean][] = [
    [0, 15, false],
    [10, 20, false],
    [30, 10, false],
    [40, 20, true],
  ];
  for (const order of orders(parts)) {
    const t = scripted({ peer: { mss: 1000 } }).established();
    for (const [from, length, fin] of order) {
      t.inject(`${fin ? "FIN," : ""}ACK seq=${String(1 + from)} ack=1`, STREAM.subarray(from, from + length));
    }
    expect(t.received).toEqual([...STREAM]);
    t.stateIs("CLOSE-WAIT");
    expect(t.told.at(-1)).toBe("end");
  }
});

test("RFC 9293 §3.10.7.4: a FIN ahead of a hole waits for what is before it", () => {
  const t = scripted({ peer: { mss: 1000 } }).established();
  t.inject("FIN,ACK seq=11 ack=1").expect("ACK ack=1").stateIs("ESTABLISHED").toldIs();
  t.inject("ACK seq=1 ack=1 len=10").expect("ACK ack=12").toldIs("data 10", "end").stateIs("CLOSE-WAIT");
});

test("RFC 9293 §3.10.7.4: what lies beyond the window is not taken", () => {
  const t = scripted({ peer: { mss: 1000 }, tcp: { receiveBuffer: 1000 } }).established();
  t.inject("ACK seq=1 ack=1 len=900").inject("ACK seq=901 ack=1 len=500");
  expect(t.received.length).toBeLessThanOrEqual(1900);
  const s = scripted({ peer: { mss: 1000 }, tcp: { receiveBuffer: 1000 } }).established();
  s.call((socket) => {
    socket.pause();
  });
  s.inject("ACK seq=1 ack=1 len=1500").expect("ACK ack=1001 win=0");
  expect(s.tcb.info().unread).toBe(1000);
});
