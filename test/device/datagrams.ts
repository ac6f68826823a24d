/** Datagrams made and judged the slow, obvious way: the oracle for `src/device`. */
import type { RxBatch } from "../../src/base/rx-batch.ts";
import type { TxBatch } from "../../src/base/tx-batch.ts";
import type { Device, DeviceEvents } from "../../src/device/device.ts";
import { addDatagramRow } from "../../src/device/datagram-row.ts";

export const FIN = 1;
export const PSH = 8;
export const ACK = 16;
export const CWR = 128;

/** RFC 1071 §1, word by word. */
export function naiveSum(octets: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < octets.length; i += 2) {
    sum += octets[i] * 256 + (i + 1 < octets.length ? octets[i + 1] : 0);
    if (sum > 0xffff) sum -= 0xffff;
  }
  return sum;
}

const word16 = (value: number): number[] => [(value >>> 8) & 255, value & 255];
const word32 = (value: number): number[] => [...word16(value >>> 16), ...word16(value & 0xffff)];

export interface Fields {
  readonly id: number;
  readonly seq: number;
  readonly flags: number;
  /** Multiples of 4 octets. */
  readonly ipOptions: readonly number[];
  readonly tcpOptions: readonly number[];
  readonly text: readonly number[];
}

export const fields = (part: Partial<Fields>): Fields => ({
  id: 1,
  seq: 1,
  flags: ACK,
  ipOptions: [],
  tcpOptions: [],
  text: [],
  ...part,
});

const SOURCE = [198, 18, 0, 1];
const DESTINATION = [198, 18, 0, 2];

export function ipv4(
  protocol: number,
  payload: readonly number[],
  id = 1,
  options: readonly number[] = [],
): Uint8Array {
  const headerLength = 20 + options.length;
  const header = [0x40 + headerLength / 4, 0, ...word16(headerLength + payload.length), ...word16(id), 0x40, 0, 64];
  header.push(protocol, 0, 0, ...SOURCE, ...DESTINATION, ...options);
  header.splice(10, 2, ...word16(0xffff - naiveSum(header)));
  return Uint8Array.from([...header, ...payload]);
}

export function tcp(part: Partial<Fields>): Uint8Array {
  const { id, seq, flags, ipOptions, tcpOptions, text } = fields(part);
  const length = 20 + tcpOptions.length + text.length;
  const segment = [0, 80, 4, 0, ...word32(seq), ...word32(7), ((20 + tcpOptions.length) / 4) * 16, flags, 16, 0];
  segment.push(0, 0, 0, 0, ...tcpOptions, ...text);
  const sum = naiveSum([...SOURCE, ...DESTINATION, 0, 6, ...word16(length), ...segment]);
  segment.splice(16, 2, ...word16(0xffff - sum));
  return ipv4(6, segment, id, ipOptions);
}

export function udp(text: readonly number[]): Uint8Array {
  const length = 8 + text.length;
  const datagram = [156, 64, 4, 0, ...word16(length), 0, 0, ...text];
  const field = 0xffff - naiveSum([...SOURCE, ...DESTINATION, 0, 17, ...word16(length), ...datagram]);
  datagram.splice(6, 2, ...word16(field === 0 ? 0xffff : field));
  return ipv4(17, datagram);
}

export function icmp(text: readonly number[]): Uint8Array {
  const message = [8, 0, 0, 0, 0, 1, 0, 1, ...text];
  message.splice(2, 2, ...word16(0xffff - naiveSum(message)));
  return ipv4(1, message);
}

/** Offset of the checksum field in the transport header of `datagram`. */
export const fieldOf = (datagram: Uint8Array): number => (datagram[9] === 6 ? 16 : datagram[9] === 17 ? 6 : 2);

/**
 * Adds `datagram` (without IPv4 options) as a row whose checksum is left to do, its text in pieces of the lengths `cuts`
 * and the rest; its first `inHeader` octets lie behind the transport header instead.
 */
export function addPartialRow(
  tx: TxBatch,
  datagram: Uint8Array,
  cuts: readonly number[],
  gsoSize = 0,
  inHeader = 0,
): void {
  const transportLength = (datagram[9] === 6 ? (datagram[32] >>> 4) * 4 : 8) + inHeader;
  const row = tx.open(transportLength);
  const header = datagram.slice(0, 20 + transportLength);
  const field = 20 + fieldOf(datagram);
  const pseudo = [...datagram.subarray(12, 20), 0, datagram[9], ...word16(datagram.length - 20)];
  header.set(word16(datagram[9] === 1 ? 0 : naiveSum(pseudo)), field);
  tx.head.bytes.set(header, tx.headerAt(row));
  tx.checksumFrom[row] = 20;
  tx.checksumAt[row] = field;
  tx.gsoSize[row] = gsoSize;
  let at = header.length;
  for (const cut of [...cuts, Infinity]) {
    const length = Math.min(cut, datagram.length - at);
    // A piece lies anywhere in memory: here at an odd place, between octets that are none of its own.
    const memory = new Uint8Array(length + 8).fill(0xee);
    memory.set(datagram.subarray(at, at + length), 3);
    if (length > 0) tx.addPiece(memory, 3, length);
    at += length;
  }
}

export const addRow = (tx: TxBatch, datagram: Uint8Array): void => {
  addDatagramRow(tx, datagram, 0, datagram.length);
};

export const rowsOf = (rx: RxBatch): Uint8Array[] =>
  Array.from({ length: rx.rows }, (_, row) => rx.frame.bytes.slice(rx.at[row], rx.end[row]));

/** A datagram that carries `number`, so that order and loss can be seen; `length` octets in all. */
export function numbered(number: number, length = 64): Uint8Array {
  const datagram = ipv4(253, [...word32(number), ...new Array<number>(length - 24).fill(number & 255)]);
  return datagram;
}
export const numberIn = (datagram: Uint8Array): number =>
  new DataView(datagram.buffer, datagram.byteOffset).getUint32(20);

/** An owner that writes down what it is told. */
export class Told implements DeviceEvents {
  readonly events: string[] = [];
  onReadable: () => void = () => undefined;
  onWritable: () => void = () => undefined;
  /** `undefined` while the device is up. */
  reason: Error | null | undefined = undefined;

  readable(): void {
    this.events.push("readable");
    this.onReadable();
  }
  writable(): void {
    this.events.push("writable");
    this.onWritable();
  }
  down(error: Error | null): void {
    this.events.push("down");
    this.reason = error;
  }
}

/** Starts `device` and keeps everything that it delivers. */
export function receiver(device: Device, rx: RxBatch): { readonly told: Told; readonly got: Uint8Array[] } {
  const told = new Told();
  const got: Uint8Array[] = [];
  told.onReadable = () => {
    while (device.read(rx) > 0) got.push(...rowsOf(rx));
  };
  device.start(told);
  return { told, got };
}
