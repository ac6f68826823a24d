import { ALERT_CODES } from "../../../src/tls/alert.ts";
import { ALERT, HANDSHAKE, type ContentType } from "../../../src/tls/record/record.ts";

/** Records and messages as they lie on the wire, made and read by hand. */

export const record = (type: number, fragment: Uint8Array, version = 0x0303): Buffer => {
  const header = Buffer.of(type, version >> 8, version & 0xff, fragment.length >> 8, fragment.length & 0xff);
  return Buffer.concat([header, fragment]);
};

export const alertRecord = (level: number, name: keyof typeof ALERT_CODES): Buffer =>
  record(ALERT, Buffer.of(level, ALERT_CODES[name]));

export interface ReadRecord {
  readonly type: ContentType;
  readonly version: number;
  readonly fragment: Buffer;
}

export function readRecords(octets: Buffer): ReadRecord[] {
  const records: ReadRecord[] = [];
  for (let at = 0; at < octets.length;) {
    const length = octets.readUInt16BE(at + 3);
    const fragment = octets.subarray(at + 5, at + 5 + length);
    records.push({ type: octets[at] as ContentType, version: octets.readUInt16BE(at + 1), fragment });
    at += 5 + length;
  }
  return records;
}

export interface ReadMessage {
  readonly type: number;
  readonly body: Buffer;
  readonly whole: Buffer;
}

/** The handshake messages of records in the clear. */
export function readMessages(octets: Buffer): ReadMessage[] {
  const fragments = readRecords(octets).filter(({ type }) => type === HANDSHAKE);
  const joined = Buffer.concat(fragments.map(({ fragment }) => fragment));
  const messages: ReadMessage[] = [];
  for (let at = 0; at < joined.length;) {
    const end = at + 4 + joined.readUIntBE(at + 1, 3);
    messages.push({ type: joined[at], body: joined.subarray(at + 4, end), whole: joined.subarray(at, end) });
    at = end;
  }
  return messages;
}
