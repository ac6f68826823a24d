import { expect, test } from "vitest";

import { describeOverheard, OverheardTls } from "../../src/inspect/overheard-tls.ts";
import { frameMessage, HELLO_REQUEST, SERVER_HELLO_DONE } from "../../src/tls/handshake/message.ts";
import {
  ALERT,
  APPLICATION_DATA,
  CHANGE_CIPHER_SPEC,
  HANDSHAKE,
  type ContentType,
} from "../../src/tls/record/record.ts";
import { PLAIN_SEALER } from "../../src/tls/record/protection.ts";

function record(type: ContentType, text: Uint8Array): Buffer {
  const octets = Buffer.alloc(text.length + PLAIN_SEALER.overhead);
  PLAIN_SEALER.seal(type, text, octets, 0);
  return octets;
}

const overhear = (octets: Buffer, size: number): OverheardTls => {
  const seen = new OverheardTls();
  for (let at = 0; at < octets.length; at += size) seen.push(octets.subarray(at, at + size));
  return seen;
};

const done = frameMessage(SERVER_HELLO_DONE, Buffer.alloc(0));
const STREAM = Buffer.concat([
  record(HANDSHAKE, done.subarray(0, 1)),
  record(HANDSHAKE, Buffer.concat([done.subarray(1), frameMessage(HELLO_REQUEST, Buffer.alloc(0))])),
  record(ALERT, Buffer.from([1, 0])),
  record(CHANGE_CIPHER_SPEC, Buffer.from([1])),
  record(HANDSHAKE, Buffer.alloc(40, 0xab)),
  record(APPLICATION_DATA, Buffer.alloc(12, 0xcd)),
  record(ALERT, Buffer.alloc(26, 0xef)),
]);

test.each([[1], [7], [STREAM.length]])(
  "RFC 5246 §6.2.1: records and their messages are told apart, %i octets at a time",
  (size) => {
    const { records, messages } = overhear(STREAM, size);
    expect(records.map(({ at }) => at)).toEqual([0, 6, 18, 25, 31, 76, 93]);
    expect(messages.map(({ type }) => type)).toEqual([SERVER_HELLO_DONE, HELLO_REQUEST]);
    expect(records.map(describeOverheard)).toEqual([
      [],
      ["ServerHelloDone", "HelloRequest"],
      ["alert, in the clear"],
      ["ChangeCipherSpec: from here on encrypted"],
      ["Finished, encrypted: 40 octets", "  abababababababababababab..."],
      ["application data, encrypted: 12 octets", "  cdcdcdcdcdcdcdcdcdcdcdcd"],
      ["alert, encrypted: 26 octets", "  efefefefefefefefefefefef..."],
    ]);
  },
);

test("what is no TLS is not read further", () => {
  const seen = overhear(Buffer.from("GET / HTTP/1.1\r\n\r\n"), 4);
  seen.push(STREAM);
  expect(seen.records).toEqual([]);
});
