import { CHANGE_CIPHER_SPEC, HANDSHAKE, PLAINTEXT_MAX, TLS_1_2 } from "../../../src/tls/record/record.ts";
import { sealAll } from "../../tls/support/replay.ts";
import type { Dice } from "./dice.ts";
import type { PlainRecord, Recording } from "./recordings.ts";

/** How far a changed text may go beyond what a record may hold. */
const TEXT_MAX = PLAINTEXT_MAX + 100;

const EDGES = [0, 1, 2, 0x10, 0x7f, 0x80, 0xfe, 0xff] as const;

/** What a peer may send besides what it should. */
const STRAYS: readonly (readonly [type: number, hex: string])[] = [
  [CHANGE_CIPHER_SPEC, "01"],
  [CHANGE_CIPHER_SPEC, ""],
  [21, "015a"],
  [21, "0100"],
  [21, "0228"],
  [21, "01"],
  [HANDSHAKE, "00000000"],
  [HANDSHAKE, "0e000000"],
  [HANDSHAKE, "01ffffff"],
  [HANDSHAKE, ""],
  [HANDSHAKE, "14"],
  [23, ""],
  [23, "68656c6c6f"],
  [24, "01ffff"],
  [0, "00"],
];

type Change<T> = (given: T, dice: Dice) => T;

/** Changes of octets, blind to what they mean. */
const OCTETS: readonly Change<Buffer>[] = [
  (octets, dice) => spoil(octets, (copy, at) => (copy[at] ^= 1 << dice.below(8)), dice),
  (octets, dice) => spoil(octets, (copy, at) => (copy[at] = dice.pick(EDGES)), dice),
  (octets, dice) => spoil(octets, (copy, at) => (copy[at] += dice.once(2) ? 1 : -1), dice),
  (octets, dice) =>
    spoil(octets, (copy, at) => copy.fill(dice.pick(EDGES), at, Math.min(copy.length, at + 1 + dice.skewed(16))), dice),
  (octets, dice) => octets.subarray(0, dice.below(octets.length + 1)),
  (octets, dice) => octets.subarray(dice.skewed(octets.length)),
  (octets, dice) => splice(octets, dice, dice.skewed(40), dice.octets(0)),
  (octets, dice) => splice(octets, dice, 0, dice.octets(dice.skewed(40))),
  (octets, dice) => splice(octets, dice, 0, slice(octets, dice)),
  (octets, dice) => splice(octets, dice, 0, Buffer.alloc(dice.skewed(TEXT_MAX), dice.pick(EDGES))),
];

function spoil(octets: Buffer, change: (copy: Buffer, at: number) => unknown, dice: Dice): Buffer {
  if (octets.length === 0) return octets;
  const copy = Buffer.from(octets);
  change(copy, dice.below(copy.length));
  return copy;
}

function splice(octets: Buffer, dice: Dice, removed: number, added: Buffer): Buffer {
  const at = dice.below(octets.length + 1);
  return Buffer.concat([octets.subarray(0, at), added, octets.subarray(at + removed)]);
}

function slice(octets: Buffer, dice: Dice): Buffer {
  const at = dice.below(octets.length + 1);
  return octets.subarray(at, at + dice.skewed(300));
}

export const changeOctets: Change<Buffer> = (octets, dice) => dice.pick(OCTETS)(octets, dice);

type Records = readonly PlainRecord[];

/** Changes of a list of records: what whoever speaks the protocol can do wrong. */
const RECORDS: readonly Change<Records>[] = [
  (records, dice) => replace(records, dice, (one) => [{ ...one, text: fitting(changeOctets(one.text, dice)) }]),
  (records, dice) => replace(records, dice, (one) => [{ ...one, text: fitting(changeMessage(one.text, dice)) }]),
  (records, dice) => replace(records, dice, () => []),
  (records, dice) => replace(records, dice, (one) => [one, one]),
  (records, dice) => replace(records, dice, (one) => [{ ...one, type: dice.pick([20, 21, 22, 23, 24, 0]) }]),
  (records, dice) => replace(records, dice, (one) => [{ ...one, sealed: !one.sealed }]),
  (records, dice) =>
    replace(records, dice, (one) => [{ ...one, version: dice.pick([0x0300, 0x0301, 0x0304, 0x0200]) }]),
  (records, dice) => replace(records, dice, (one) => halves(one, dice)),
  (records, dice) => replace(records, dice, (one) => octetsOf(one)),
  (records, dice) => replace(records, dice, (one) => [one, stray(one, dice)]),
  (records, dice) => replace(records, dice, (one) => [stray(one, dice), one]),
  (records, dice) =>
    replace(records, dice, (one) => Array.from({ length: 1 + dice.skewed(40) }, () => stray(one, dice))),
  moved,
  joined,
];

function replace(records: Records, dice: Dice, by: (one: PlainRecord) => Records): Records {
  if (records.length === 0) return records;
  const at = dice.below(records.length);
  return [...records.slice(0, at), ...by(records[at]), ...records.slice(at + 1)];
}

const fitting = (text: Buffer): Buffer => text.subarray(0, TEXT_MAX);

function stray({ sealed }: PlainRecord, dice: Dice): PlainRecord {
  const [type, hex] = dice.pick(STRAYS);
  return { type, version: TLS_1_2, text: Buffer.from(hex, "hex"), sealed: dice.once(8) ? !sealed : sealed };
}

function halves(one: PlainRecord, dice: Dice): Records {
  const at = dice.below(one.text.length + 1);
  return [
    { ...one, text: one.text.subarray(0, at) },
    { ...one, text: one.text.subarray(at) },
  ];
}

const octetsOf = (one: PlainRecord): Records =>
  Array.from({ length: Math.min(one.text.length, 300) }, (_, at) => ({
    ...one,
    text: at === 299 ? one.text.subarray(at) : one.text.subarray(at, at + 1),
  }));

function moved(records: Records, dice: Dice): Records {
  const left = [...records];
  const taken = left.splice(dice.below(left.length), 1);
  left.splice(dice.below(left.length + 1), 0, ...taken);
  return left;
}

function joined(records: Records, dice: Dice): Records {
  const at = dice.below(records.length);
  const next = records.at(at + 1);
  if (next?.type !== records[at].type) return records;
  const text = fitting(Buffer.concat([records[at].text, next.text]));
  return [...records.slice(0, at), { ...records[at], text }, ...records.slice(at + 2)];
}

/** Changes the list of handshake messages in a record, or one message so that its own length still fits. */
function changeMessage(text: Buffer, dice: Dice): Buffer {
  const messages = split(text);
  if (messages.length === 0) return text;
  const at = dice.below(messages.length);
  const one = messages[at];
  switch (dice.below(6)) {
    case 0:
      messages.splice(at, 1);
      break;
    case 1:
      messages.splice(at, 0, one);
      break;
    case 2:
      messages.splice(dice.below(messages.length), 0, ...messages.splice(at, 1));
      break;
    case 3:
      messages[at] = spoil(
        one,
        (copy) => (copy[0] = dice.pick([0, 1, 2, 4, 11, 12, 13, 14, 15, 16, 20, 22, 67])),
        dice,
      );
      break;
    default:
      messages[at] = framed(one[0], changeOctets(one.subarray(4), dice));
  }
  return Buffer.concat(messages);
}

const framed = (type: number, body: Buffer): Buffer =>
  Buffer.concat([Buffer.of(type, body.length >> 16, (body.length >> 8) & 0xff, body.length & 0xff), body]);

/** The messages of a record; what is left over behind the last whole one counts as one. */
function split(text: Buffer): Buffer[] {
  const messages: Buffer[] = [];
  for (let at = 0; at < text.length;) {
    const end = at + 4 <= text.length ? at + 4 + text.readUIntBE(at + 1, 3) : text.length;
    messages.push(text.subarray(at, end));
    at = end;
  }
  return messages;
}

/** What is sent in a case, and what had to be known for it. */
export interface Sent {
  readonly octets: Buffer;
  /** Records were changed under the keys: whoever did that is the peer itself, not somebody on the path. */
  readonly records: Records | null;
}

const CHANGES_MAX = 4;

/** The recording changed in one to four places: by somebody on the path, by the peer itself, or by both. */
export function mutate(recording: Recording, others: readonly Recording[], dice: Dice): Sent {
  const byPeer = dice.once(3) ? null : mutateRecords(recording, others, dice);
  let octets = byPeer === null ? recording.octets : sealAll(recording, byPeer);
  if (byPeer === null || dice.once(4)) {
    for (let left = 1 + dice.skewed(CHANGES_MAX - 1); left > 0; left--) octets = changeOctets(octets, dice);
  }
  return { octets, records: byPeer };
}

function mutateRecords(recording: Recording, others: readonly Recording[], dice: Dice): Records {
  let records = recording.records;
  if (dice.once(16)) records = [...records.slice(0, dice.below(records.length)), ...dice.pick(others).records];
  for (let left = 1 + dice.skewed(CHANGES_MAX - 1); left > 0; left--) {
    if (records.length > 0) records = dice.pick(RECORDS)(records, dice);
  }
  return records;
}
