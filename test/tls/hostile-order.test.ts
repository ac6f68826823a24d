import fc from "fast-check";
import { expect, test } from "vitest";

import { CERTIFICATE_REQUEST, CLIENT_HELLO, HELLO_REQUEST, messageName } from "../../src/tls/handshake/message.ts";
import { ALERT, CHANGE_CIPHER_SPEC, HANDSHAKE } from "../../src/tls/record/record.ts";
import { recordings, type PlainRecord, type Recording } from "../fuzz/tls/recordings.ts";
import type { Endpoint } from "./support/endpoint.ts";
import { frameMessages, sealAll, withoutData } from "./support/replay.ts";
import { readRecords } from "./support/wire.ts";

/** Recorded handshakes in both roles, one message a record: played in any other order than their own. */
const HANDSHAKES = recordings()
  .filter(({ name }) => !name.includes("fragments")) // There a message does not fit in a record.
  .map((recording) => [recording.name, recording, frameMessages(recording)] as const);

type Order = readonly PlainRecord[];

function play(recording: Recording, order: Order): Endpoint {
  const target = recording.makeTarget((job) => {
    if (recording.answer(job)) return;
    if (job.kind === "unwrap") job.resume(Buffer.from(job.substitute));
  });
  target.take();
  target.feed(sealAll(recording, order));
  return target;
}

const nameOf = ({ type, text }: PlainRecord): string =>
  type === CHANGE_CIPHER_SPEC ? "ChangeCipherSpec" : messageName(text[0]);

/** The alerts that may answer `order`, by what stands at the first place where it departs from `right`. */
function allowed(order: Order, right: Order): readonly string[] {
  const at = order.findIndex((one, place) => one !== right.at(place));
  const encrypted = right.slice(0, at).some(({ type }) => type === CHANGE_CIPHER_SPEC);
  // A server need not ask for a certificate: that it did is found out with the first record under the keys.
  const unasked = right[at].text[0] === CERTIFICATE_REQUEST && !right[at].sealed;
  // What is in the clear where a key is due cannot be opened; what is sealed where none is due has no form.
  if (encrypted || (unasked && !order[at].sealed)) return ["bad_record_mac", "unexpected_message"];
  return order[at].sealed ? ["unexpected_message", "illegal_parameter"] : ["unexpected_message"];
}

/** Nothing of it was believed: one fatal alert, no end in order, no secret in use, deaf from then on. */
function expectRefused(recording: Recording, order: Order, right: Order): void {
  const target = play(recording, order);
  const story = order.map(nameOf).join(", ");
  expect(target.failures, story).toHaveLength(1);
  const [failure] = target.failures;
  expect(failure.kind, story).toBe("fault");
  expect(allowed(order, right), story).toContain(failure.kind === "fault" ? failure.alert : "");
  expect([target.outcome, target.ends, target.connection.isOpen], story).toEqual([null, 0, false]);
  expect(readRecords(target.take()).at(-1)?.type, story).toBe(ALERT);
  target.feed(sealAll(recording, right));
  expect(target.take(), story).toHaveLength(0);
}

/** Every way to put two messages in each other's place, to leave one out, to say one again, at once or later. */
function* departures(right: Order): Generator<Order> {
  for (const [at, one] of right.entries()) {
    const without = right.filter((other) => other !== one);
    for (let to = 0; to <= without.length; to++) {
      if (to !== at) yield [...without.slice(0, to), one, ...without.slice(to)];
    }
    if (at < right.length - 1) yield without;
    for (let to = at + 1; to < right.length; to++) yield [...right.slice(0, to), one, ...right.slice(to)];
  }
}

test.for(HANDSHAKES)("%s: as it was recorded, one message a record, it ends well", ([, recording, right]) => {
  const target = play(recording, right);
  expect(target.failures).toEqual([]);
  expect(target.outcome).not.toBeNull();
});

test.for(HANDSHAKES)(
  "RFC 5246 §7.3, %s: every message that is missing, moved or repeated is refused",
  ([, recording, right]) => {
    let tried = 0;
    for (const order of departures(right)) {
      // An end that is missing is no departure: the rest may still come.
      if (order.every((one, at) => one === right[at])) continue;
      expectRefused(recording, order, right);
      tried++;
    }
    expect(tried).toBeGreaterThanOrEqual(right.length * (right.length - 1));
  },
);

test.for(HANDSHAKES)("RFC 5246 §7.3, %s: every other order is refused", ([, recording, right]) => {
  const orders = fc.shuffledSubarray([...right], { minLength: 1 });
  fc.assert(
    fc.property(orders, (order) => {
      if (order.every((one, at) => one === right[at])) return;
      expectRefused(recording, order, right);
    }),
    { numRuns: 60 },
  );
});

test.for(HANDSHAKES)("RFC 5246 §7.3, %s: messages of another handshake have no place in it", ([, recording, right]) => {
  for (const [, other, messages] of HANDSHAKES) {
    if (other.target !== recording.target || other === recording) continue;
    for (const [at, one] of right.entries()) {
      const stranger = messages.at(at);
      if (stranger === undefined || stranger.text.equals(one.text)) continue;
      const target = play(recording, [...right.slice(0, at), stranger, ...right.slice(at + 1)]);
      expect(target.outcome).toBeNull();
      expect(target.connection.isOpen).toBe(false);
    }
  }
});

test.for(HANDSHAKES)("RFC 5246 §7.4, %s: every type of message that is not due is refused", ([, recording, right]) => {
  const known = [0, 1, 2, 3, 4, 5, 6, 8, 11, 12, 13, 14, 15, 16, 20, 21, 22, 23, 24, 67, 254, 255];
  for (const [at, due] of right.entries()) {
    for (const type of known) {
      if (type === due.text[0] && due.type === HANDSHAKE) continue;
      if (recording.target === "client" && type === HELLO_REQUEST) continue; // Passed over: RFC 5246 §7.4.1.1.
      const stray = { ...due, type: HANDSHAKE, text: Buffer.of(type, 0, 0, 0) };
      const target = play(recording, [...right.slice(0, at), stray, ...right.slice(at)]);
      expect(target.failures, `${messageName(type)} before ${nameOf(due)}`).toMatchObject([{ kind: "fault" }]);
      const alert = target.failures[0].kind === "fault" ? target.failures[0].alert : "";
      // An empty message of the kind that may come there as well has no form.
      expect(["unexpected_message", "decode_error"], `${messageName(type)} before ${nameOf(due)}`).toContain(alert);
    }
  }
});

test.for(HANDSHAKES)("RFC 5246 §7.4.1.1, %s: a hello behind the handshake changes nothing", ([, recording, right]) => {
  const type = recording.target === "server" ? CLIENT_HELLO : HELLO_REQUEST;
  const text = recording.target === "server" ? right[0].text : Buffer.of(HELLO_REQUEST, 0, 0, 0);
  expect(text[0]).toBe(type);
  const hello = { ...right[0], text, sealed: true };
  const target = play(recording, [...right, hello, ...withoutHandshake(recording)]);
  expect(target.failures).toEqual([]);
  expect(target.text.equals(recording.data)).toBe(true);
});

const withoutHandshake = ({ records }: Recording): Order => records.slice(withoutData(records).length);
