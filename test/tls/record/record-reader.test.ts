import fc from "fast-check";
import { expect, test } from "vitest";

import { RecordReader } from "../../../src/tls/record/record-reader.ts";
import { isFault } from "../../../src/tls/alert.ts";
import { MessageReader } from "../../../src/tls/handshake/message.ts";
import { record } from "../support/wire.ts";

/** The records that come of `octets` in pieces of those sizes. */
function readAll(octets: Buffer, sizes: readonly number[]): [number, string][] {
  const reader = new RecordReader();
  const found: [number, string][] = [];
  let at = 0;
  for (let turn = 0; at < octets.length; turn++) {
    const size = sizes[turn % sizes.length];
    reader.push(octets.subarray(at, at + size));
    at += size;
    for (let next = reader.next(); next !== null; next = reader.next()) {
      if (isFault(next)) throw new Error(next.reason);
      found.push([next.type, Buffer.from(next.fragment).toString("hex")]);
    }
  }
  expect(reader.unread).toBe(0);
  return found;
}

test("RFC 5246 §6.2.1: the records are the same whatever the pieces in which they come", () => {
  const records = fc.array(fc.tuple(fc.constantFrom(20, 21, 22, 23), fc.uint8Array({ maxLength: 700 })), {
    minLength: 1,
    maxLength: 12,
  });
  const sizes = fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(records, sizes, (given, cuts) => {
      const octets = Buffer.concat(given.map(([type, fragment]) => record(type, fragment)));
      expect(readAll(octets, cuts)).toEqual(
        given.map(([type, fragment]) => [type, Buffer.from(fragment).toString("hex")]),
      );
    }),
  );
});

test("RFC 5246 §6.2.1: handshake messages are the same whatever the fragments in which they come", () => {
  const messages = fc.array(fc.tuple(fc.nat(255), fc.uint8Array({ maxLength: 400 })), { minLength: 1, maxLength: 8 });
  const sizes = fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(messages, sizes, (given, cuts) => {
      const octets = Buffer.concat(
        given.map(([type, body]) => Buffer.concat([Buffer.of(type, 0, body.length >> 8, body.length & 0xff), body])),
      );
      const reader = new MessageReader();
      const found: [number, string][] = [];
      for (let at = 0, turn = 0; at < octets.length; turn++) {
        const size = cuts[turn % cuts.length];
        reader.push(octets.subarray(at, (at += size)));
        for (let next = reader.next(); next !== null; next = reader.next()) {
          if (isFault(next)) throw new Error(next.reason);
          found.push([next.type, Buffer.from(next.body).toString("hex")]);
        }
      }
      expect(found).toEqual(given.map(([type, body]) => [type, Buffer.from(body).toString("hex")]));
      expect(reader.partial).toBe(false);
    }),
  );
});
