import { type Address, toAddress } from "../../src/base/address.ts";
import { sumOctets } from "../../src/base/checksum.ts";
import { Frame } from "../../src/base/frame.ts";
import type { TxBatch } from "../../src/base/tx-batch.ts";

/** Octets from hexadecimal text; blanks are ignored. */
export const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"));

export const frameOf = (bytes: Uint8Array): Frame => new Frame(bytes);

/** An address from its four octets. */
export const ip = (a: number, b: number, c: number, d: number): Address =>
  toAddress((a << 24) | (b << 16) | (c << 8) | d);

/** The host under test, and somebody on its link. */
export const HOST = ip(198, 18, 0, 2);
export const PEER = ip(198, 18, 0, 1);

export interface DatagramFields {
  source?: Address;
  destination?: Address;
  protocol?: number;
  ttl?: number;
  tos?: number;
  identification?: number;
  dontFragment?: boolean;
  moreFragments?: boolean;
  /** In octets. */
  fragmentOffset?: number;
  options?: Uint8Array;
  payload?: Uint8Array;
  /** Lies, where given. */
  headerWords?: number;
  totalLength?: number;
}

/** A datagram as some other host would write it: independent of the code under test, and able to lie. */
export function ipv4(fields: DatagramFields): Uint8Array<ArrayBuffer> {
  const options = fields.options ?? new Uint8Array(0);
  const payload = fields.payload ?? new Uint8Array(0);
  const headerLength = 20 + options.length;
  const bytes = new Uint8Array(headerLength + payload.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x40 | (fields.headerWords ?? headerLength / 4);
  bytes[1] = fields.tos ?? 0;
  view.setUint16(2, fields.totalLength ?? bytes.length);
  view.setUint16(4, fields.identification ?? 0);
  const flags = (fields.dontFragment === true ? 0x4000 : 0) | (fields.moreFragments === true ? 0x2000 : 0);
  view.setUint16(6, flags | ((fields.fragmentOffset ?? 0) / 8));
  bytes[8] = fields.ttl ?? 64;
  bytes[9] = fields.protocol ?? 17;
  view.setInt32(12, fields.source ?? PEER);
  view.setInt32(16, fields.destination ?? HOST);
  bytes.set(options, 20);
  bytes.set(payload, headerLength);
  const headerEnd = Math.min(bytes.length, (bytes[0] & 15) * 4);
  view.setUint16(10, ~sumOctets(bytes, 0, headerEnd, 0) & 0xffff);
  return bytes;
}

/** An ICMP message with its checksum. `rest` is its second row. */
export function icmpMessage(type: number, code: number, rest: number, data: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8 + data.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = type;
  bytes[1] = code;
  view.setInt32(4, rest);
  bytes.set(data, 8);
  view.setUint16(2, ~sumOctets(bytes, 0, bytes.length, 0) & 0xffff);
  return bytes;
}

/** `length` octets that differ from place to place. */
export const pattern = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 255);

/** Every pending row of `tx` as the octets that a device would put on the wire; empties it. */
export function drain(tx: TxBatch): Uint8Array[] {
  const rows: Uint8Array[] = [];
  for (let row = tx.first; row < tx.rows; row++) {
    const bytes = new Uint8Array(tx.length[row]);
    tx.gather(row, bytes, 0);
    rows.push(bytes);
  }
  tx.clear();
  return rows;
}
