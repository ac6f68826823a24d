import fc from "fast-check";
import { expect, test } from "vitest";

import { EMPTY_RECORDS_MAX, WARNINGS_MAX } from "../../src/tls/connection.ts";
import {
  ALERT,
  APPLICATION_DATA,
  CHANGE_CIPHER_SPEC,
  CIPHERTEXT_MAX,
  HANDSHAKE,
  PLAINTEXT_MAX,
  TLS_1_2,
} from "../../src/tls/record/record.ts";
import { recordings, type PlainRecord, type Recording } from "../fuzz/tls/recordings.ts";
import type { Endpoint } from "./support/endpoint.ts";
import { frameMessages, sealAll } from "./support/replay.ts";
import { readRecords } from "./support/wire.ts";

const ALL = recordings().map((recording) => [recording.name, recording] as const);
/** Those whose messages fit in a record each. */
const ROOMY = ALL.filter(([name]) => !name.includes("fragments"));

const begin = (recording: Recording): Endpoint => {
  const target = recording.makeTarget((job) => void recording.answer(job));
  target.take();
  return target;
};

const expectWell = (recording: Recording, target: Endpoint): void => {
  expect(target.failures).toEqual([]);
  expect(target.outcome).not.toBeNull();
  expect(target.text.equals(recording.data)).toBe(true);
  expect(target.ends).toBe(1);
};

/** `alert` was sent, last and once; nothing was believed of what was sent from there on. */
function expectRefused(target: Endpoint, alert: string, what: string): void {
  expect(target.failures, what).toMatchObject([{ kind: "fault", alert }]);
  expect(target.connection.isOpen, what).toBe(false);
  expect(
    readRecords(target.take()).filter(({ type }) => type === ALERT),
    what,
  ).toHaveLength(1);
  target.feed(Buffer.alloc(1000, 0x16));
  expect(target.take(), what).toHaveLength(0);
  expect(target.failures, what).toHaveLength(1);
}

test.for(ALL)("RFC 5246 §6.2.1, %s: octet by octet on the wire, all is well", ([, recording]) => {
  const target = begin(recording);
  for (const octet of recording.octets) target.feed(Buffer.of(octet));
  expectWell(recording, target);
});

test.for(ALL)("RFC 5246 §6.2.1, %s: in pieces of any sizes, all is well", ([, recording]) => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 6 }), (sizes) => {
      const target = begin(recording);
      for (let at = 0, turn = 0; at < recording.octets.length; turn++) {
        const size = sizes[turn % sizes.length];
        target.feed(recording.octets.subarray(at, at + size));
        at += size;
      }
      expectWell(recording, target);
    }),
    { numRuns: 15 },
  );
});

/** Texts cut into fragments of those sizes, in turn; alerts and ChangeCipherSpec stay whole. */
function fragmented(records: readonly PlainRecord[], sizes: readonly number[]): readonly PlainRecord[] {
  let turn = 0;
  return records.flatMap((one) => {
    if (one.type !== HANDSHAKE && one.type !== APPLICATION_DATA) return [one];
    const pieces: PlainRecord[] = [];
    for (let at = 0; at < one.text.length; turn++) {
      const end = at + sizes[turn % sizes.length];
      pieces.push({ ...one, text: one.text.subarray(at, end) });
      at = end;
    }
    return pieces;
  });
}

test.for(ALL)("RFC 5246 §6.2.1, %s: messages and data in records of one octet each", ([, recording]) => {
  const target = begin(recording);
  target.feed(sealAll(recording, fragmented(recording.records, [1])));
  expectWell(recording, target);
});

test.for(ALL)("RFC 5246 §6.2.1, %s: messages and data in records of any sizes", ([, recording]) => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 512 }), { minLength: 1, maxLength: 6 }), (sizes) => {
      const target = begin(recording);
      target.feed(sealAll(recording, fragmented(recording.records, sizes)));
      expectWell(recording, target);
    }),
    { numRuns: 15 },
  );
});

interface Stray {
  readonly what: string;
  readonly type: number;
  readonly text: Buffer;
  readonly version?: number;
  /** The alert before ChangeCipherSpec, behind it, and when the handshake is over. */
  readonly alerts: readonly [clear: string, due: string, open: string];
}

const same = (alert: string) => [alert, alert, alert] as const;
const UNEXPECTED = same("unexpected_message");

/** Records that have no place where they are put: in front of each record of a connection, under its keys. */
const STRAYS: readonly Stray[] = [
  { what: "application data", type: APPLICATION_DATA, text: Buffer.from("x"), alerts: UNEXPECTED },
  { what: "empty application data", type: APPLICATION_DATA, text: Buffer.alloc(0), alerts: UNEXPECTED },
  { what: "an empty handshake record", type: HANDSHAKE, text: Buffer.alloc(0), alerts: UNEXPECTED },
  { what: "an empty alert", type: ALERT, text: Buffer.alloc(0), alerts: UNEXPECTED },
  { what: "half an alert", type: ALERT, text: Buffer.of(1), alerts: same("decode_error") },
  { what: "two alerts in one", type: ALERT, text: Buffer.of(1, 90, 1, 90), alerts: same("decode_error") },
  { what: "an alert of level 9", type: ALERT, text: Buffer.of(9, 90), alerts: same("illegal_parameter") },
  {
    what: "text of 2^14 + 1 octets",
    type: HANDSHAKE,
    text: Buffer.alloc(PLAINTEXT_MAX + 1),
    alerts: same("record_overflow"),
  },
  {
    what: "data of 2^14 + 1 octets",
    type: APPLICATION_DATA,
    text: Buffer.alloc(PLAINTEXT_MAX + 1),
    alerts: same("record_overflow"),
  },
  {
    what: "a message of 2^24 - 1 octets",
    type: HANDSHAKE,
    text: Buffer.from("01ffffff", "hex"),
    alerts: same("illegal_parameter"),
  },
  { what: "a message of unknown type", type: HANDSHAKE, text: Buffer.from("63000000", "hex"), alerts: UNEXPECTED },
  { what: "a record of type 0", type: 0, text: Buffer.of(1), alerts: UNEXPECTED },
  { what: "a record of type 19", type: 19, text: Buffer.of(1), alerts: UNEXPECTED },
  { what: "a heartbeat", type: 24, text: Buffer.of(1, 255, 255), alerts: UNEXPECTED },
  { what: "a record of type 255", type: 255, text: Buffer.of(1), alerts: UNEXPECTED },
  {
    what: "a record of version 2.0",
    type: HANDSHAKE,
    text: Buffer.of(1),
    version: 0x0200,
    alerts: same("protocol_version"),
  },
  {
    what: "a record of version 127.3",
    type: HANDSHAKE,
    text: Buffer.of(1),
    version: 0x7f03,
    alerts: same("protocol_version"),
  },
];

/** Where `place` lies: before ChangeCipherSpec, where Finished is due, or behind it. */
function phaseAt(records: readonly PlainRecord[], place: number): 0 | 1 | 2 {
  const changed = records.findIndex(({ type }) => type === CHANGE_CIPHER_SPEC);
  if (place <= changed) return 0;
  return place === changed + 1 ? 1 : 2;
}

test.for(STRAYS.map((stray) => [stray.what, stray] as const))(
  "RFC 5246 §6.2, %s: at every place of every connection, in both roles, the same alert",
  ([what, { type, text, version = TLS_1_2, alerts }]) => {
    for (const [name, recording] of ROOMY) {
      const records = frameMessages(recording);
      for (let place = 0; place <= records.length; place++) {
        const phase = phaseAt(records, place);
        // Data are welcome behind the handshake, full or empty.
        if (phase === 2 && type === APPLICATION_DATA && text.length <= 1) continue;
        const stray = { type, version, text, sealed: phase > 0 };
        const target = begin(recording);
        target.feed(sealAll(recording, [...records.slice(0, place), stray, ...records.slice(place)]));
        expectRefused(target, alerts[phase], `${name}: ${what} at ${place}`);
      }
    }
  },
);

test.for(ROOMY)("RFC 5246 §7.1, %s: ChangeCipherSpec comes once, in its place, as one octet of 1", ([, recording]) => {
  const records = frameMessages(recording);
  for (let place = 0; place <= records.length; place++) {
    for (const hex of ["", "00", "02", "0101", "01"]) {
      const phase = phaseAt(records, place);
      const due = records.at(place)?.type === CHANGE_CIPHER_SPEC;
      if (due && hex === "01") continue;
      const stray = { type: CHANGE_CIPHER_SPEC, version: TLS_1_2, text: Buffer.from(hex, "hex"), sealed: phase > 0 };
      const target = begin(recording);
      target.feed(sealAll(recording, [...records.slice(0, place), stray, ...records.slice(place)]));
      expectRefused(target, due ? "decode_error" : "unexpected_message", `"${hex}" at ${place}`);
    }
  }
});

test.for(ROOMY)("RFC 5246 §6.2.1, %s: nothing stands inside a message but the rest of it", ([, recording]) => {
  const records = frameMessages(recording);
  for (const [place, one] of records.entries()) {
    if (one.type !== HANDSHAKE) continue;
    const [head, tail] = [one.text.subarray(0, 2), one.text.subarray(2)];
    for (const [type, text] of [
      [APPLICATION_DATA, Buffer.from("x")],
      [ALERT, Buffer.of(1, 90)],
      [CHANGE_CIPHER_SPEC, Buffer.of(1)],
      [HANDSHAKE, Buffer.alloc(0)],
    ] as const) {
      const parts = [
        { ...one, text: head },
        { ...one, type, text },
        { ...one, text: tail },
      ];
      const target = begin(recording);
      target.feed(sealAll(recording, [...records.slice(0, place), ...parts, ...records.slice(place + 1)]));
      expectRefused(target, "unexpected_message", `type ${type} inside message ${one.text[0]}`);
    }
  }
  const open = { type: HANDSHAKE, version: TLS_1_2, text: Buffer.of(0, 0), sealed: true };
  const target = begin(recording);
  target.feed(sealAll(recording, [...records, open, { ...open, type: APPLICATION_DATA, text: Buffer.from("x") }]));
  expectRefused(target, "unexpected_message", "data inside a message behind the handshake");
});

test.for(ROOMY)("RFC 5246 §6.2.3, %s: a ciphertext of 2^14 + 2049 octets is refused by its header", ([, recording]) => {
  const records = frameMessages(recording);
  for (let place = 0; place <= records.length; place++) {
    for (const length of [CIPHERTEXT_MAX + 1, 0xffff]) {
      const target = begin(recording);
      target.feed(sealAll(recording, records.slice(0, place)));
      const { isOpen } = target.connection;
      target.feed(Buffer.of(isOpen ? APPLICATION_DATA : HANDSHAKE, 3, 3, length >> 8, length & 0xff));
      expectRefused(target, "record_overflow", `${length} octets at ${place}`);
    }
  }
});

test.for(ROOMY)("RFC 5246 §6.2.3, %s: every octet of every sealed record counts", ([, recording]) => {
  const whole = recording.octets;
  let at = 0;
  let sealed = false;
  for (const { type, fragment } of readRecords(whole)) {
    const begins = at + 5;
    at = begins + fragment.length;
    if (sealed) {
      for (let octet = begins; octet < at; octet += Math.ceil(fragment.length / 24)) {
        const spoilt = Buffer.from(whole);
        spoilt[octet] ^= 0x10;
        const target = begin(recording);
        target.feed(spoilt);
        expectRefused(target, "bad_record_mac", `octet ${octet}`);
      }
    }
    if (type === CHANGE_CIPHER_SPEC) sealed = true;
  }
});

test.for(ROOMY)("RFC 5246 §6.1, %s: sealed records that are lost, repeated or swapped are refused", ([, recording]) => {
  const records = readRecords(recording.octets).map(({ type, fragment }) =>
    Buffer.concat([Buffer.of(type, 3, 3, fragment.length >> 8, fragment.length & 0xff), fragment]),
  );
  const first = records.findIndex((one) => one[0] === CHANGE_CIPHER_SPEC) + 1;
  for (let at = first; at < records.length - 1; at++) {
    for (const changed of [
      [...records.slice(0, at), ...records.slice(at + 1)],
      [...records.slice(0, at + 1), ...records.slice(at)],
      [...records.slice(0, at), records[at + 1], records[at], ...records.slice(at + 2)],
    ]) {
      const target = begin(recording);
      target.feed(Buffer.concat(changed));
      expectRefused(target, "bad_record_mac", `record ${at}`);
    }
  }
});

test.for(ROOMY)("RFC 5246 §7.2, %s: warnings are passed over at every place, up to a bound", ([, recording]) => {
  const records = frameMessages(recording);
  for (let place = 0; place <= records.length; place++) {
    const warning = { type: ALERT, version: TLS_1_2, text: Buffer.of(1, 90), sealed: phaseAt(records, place) > 0 };
    const before = records.slice(0, place);
    const some = begin(recording);
    some.feed(
      sealAll(recording, [...before, ...Array.from({ length: WARNINGS_MAX }, () => warning), ...records.slice(place)]),
    );
    expect(some.failures).toEqual([]);
    expect(some.outcome).not.toBeNull();
    const many = begin(recording);
    many.feed(sealAll(recording, [...before, ...Array.from({ length: WARNINGS_MAX + 1 }, () => warning)]));
    expectRefused(many, "unexpected_message", `warnings at ${place}`);
  }
});

test.for(ROOMY)("RFC 5246 §7.2, %s: a fatal alert at any place ends it, unanswered", ([, recording]) => {
  const records = frameMessages(recording);
  for (let place = 0; place <= records.length; place++) {
    for (const [code, name] of [
      [40, "handshake_failure"],
      [255, "alert_255"],
    ] as const) {
      const fatal = { type: ALERT, version: TLS_1_2, text: Buffer.of(2, code), sealed: phaseAt(records, place) > 0 };
      const target = begin(recording);
      target.feed(sealAll(recording, records.slice(0, place)));
      target.take();
      target.feed(sealAll(recording, [...records.slice(0, place), fatal]).subarray(lengthOf(recording, place)));
      expect(target.failures).toEqual([{ kind: "alert", alert: name }]);
      expect(target.take()).toHaveLength(0);
    }
  }
});

/** Octets of the first `count` records of the handshake. */
const lengthOf = (recording: Recording, count: number): number =>
  sealAll(recording, frameMessages(recording).slice(0, count)).length;

test.for(ROOMY)(
  "RFC 5246 §7.2.1, %s: close_notify inside the handshake, or no octet more, is a cut",
  ([, recording]) => {
    const records = frameMessages(recording);
    for (let place = 0; place < records.length; place++) {
      const close = { type: ALERT, version: TLS_1_2, text: Buffer.of(1, 0), sealed: phaseAt(records, place) > 0 };
      const closed = begin(recording);
      closed.feed(sealAll(recording, [...records.slice(0, place), close]));
      expect([closed.failures, closed.ends, closed.outcome]).toEqual([[{ kind: "truncated" }], 0, null]);
      const cut = begin(recording);
      cut.feed(sealAll(recording, records.slice(0, place)));
      cut.connection.inputEnded();
      expect([cut.failures, cut.ends, cut.outcome]).toEqual([[{ kind: "truncated" }], 0, null]);
    }
  },
);

test.for(ROOMY)("RFC 5246 §6.2.1, %s: empty data between data are passed over, up to a bound", ([, recording]) => {
  const empty = { type: APPLICATION_DATA, version: TLS_1_2, text: Buffer.alloc(0), sealed: true };
  const records = frameMessages(recording);
  const some = begin(recording);
  const full = { ...empty, text: Buffer.from("x") };
  const run = Array.from({ length: EMPTY_RECORDS_MAX }, () => empty);
  some.feed(sealAll(recording, [...records, ...run, full, ...run, full]));
  expect(some.failures).toEqual([]);
  expect(some.text.toString()).toBe("xx");
  const many = begin(recording);
  many.feed(sealAll(recording, [...records, ...run, empty]));
  expectRefused(many, "unexpected_message", "empty records");
});
