import { APPLICATION_DATA, HANDSHAKE, type ContentType } from "../../../src/tls/record/record.ts";
import type { PlainRecord, Recording } from "../../fuzz/tls/recordings.ts";
import { record } from "./wire.ts";

/** The records of the handshake: those in front of any data. */
export function withoutData(records: readonly PlainRecord[]): readonly PlainRecord[] {
  const end = records.findIndex(({ type }) => type === APPLICATION_DATA);
  return records.slice(0, end);
}

/** The handshake with one message in each record. */
export function frameMessages({ records }: Recording): readonly PlainRecord[] {
  return joinFragments(withoutData(records)).flatMap((one) => {
    if (one.type !== HANDSHAKE) return [one];
    const messages: PlainRecord[] = [];
    for (let at = 0; at < one.text.length;) {
      const end = at + 4 + one.text.readUIntBE(at + 1, 3);
      messages.push({ ...one, text: one.text.subarray(at, end) });
      at = end;
    }
    return messages;
  });
}

/** Handshake records behind each other are one text: a message may lie across them. */
function joinFragments(records: readonly PlainRecord[]): readonly PlainRecord[] {
  const joined: PlainRecord[] = [];
  for (const one of records) {
    const last = joined.at(-1);
    if (last?.type === HANDSHAKE && one.type === HANDSHAKE && last.sealed === one.sealed) {
      joined[joined.length - 1] = { ...last, text: Buffer.concat([last.text, one.text]) };
    } else joined.push(one);
  }
  return joined;
}

/** As octets: in the clear, or under the speaker's keys with numbers from 0 on. */
export function sealAll({ makeSealer }: Recording, records: readonly PlainRecord[]): Buffer {
  const sealer = makeSealer();
  const pieces = records.map(({ type, version, text, sealed }) => {
    if (!sealed) return record(type, text, version);
    const into = Buffer.alloc(text.length + sealer.overhead);
    const end = sealer.seal(type as ContentType, text, into, 0);
    into.writeUInt16BE(version, 1);
    return into.subarray(0, end);
  });
  sealer.wipe();
  return Buffer.concat(pieces);
}
