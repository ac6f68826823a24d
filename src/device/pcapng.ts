/**
 * The blocks of a pcapng capture as octets, little-endian. Pure: whoever writes them to a file is elsewhere.
 * Read first: draft-ietf-opsawg-pcapng (§3.1 blocks, §3.5 options, §4.1 to §4.7 the blocks here).
 */

/** Every block: type, total length, body padded to 32 bits, total length again. §3.1. */
const BLOCK_HEADER = 8;
const BLOCK_TRAILER = 4;

const SECTION_HEADER = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION = 1;
const INTERFACE_STATISTICS = 5;
const ENHANCED_PACKET = 6;
const DECRYPTION_SECRETS = 0x0a;

const BYTE_ORDER_MAGIC = 0x1a2b_3c4d;
/** "TLSK": lines of the NSS key log. §4.7. */
const TLS_KEY_LOG = 0x544c_534b;
/** Raw IP, version told by its first octet. */
const LINKTYPE_RAW = 101;

const OPT_END = 0;
const OPT_COMMENT = 1;
const SHB_USER_APPLICATION = 4;
const IF_NAME = 2;
const IF_TIME_RESOLUTION = 9;
const EPB_FLAGS = 2;
const ISB_START = 2;
const ISB_END = 3;
const ISB_RECEIVED = 4;
const ISB_DROPPED = 5;

/** Time stamps count 10^-6 s. */
const MICROSECONDS = 6;

/** Where the packet lies in an Enhanced Packet Block. */
export const PACKET_AT = BLOCK_HEADER + 20;

export type Direction = "inbound" | "outbound";
const DIRECTION_FLAG: Record<Direction, number> = { inbound: 1, outbound: 2 };

interface Option {
  readonly code: number;
  readonly value: Uint8Array;
}

const padded = (octets: number): number => (octets + 3) & ~3;

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** `value` as one 32-bit word. */
function word(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

/** A 64-bit time stamp or counter: a time has its high word first (§4.3), a counter is a little-endian 64-bit integer. */
function words64(value: number, highFirst: boolean): Uint8Array {
  const high = Math.floor(value / 0x1_0000_0000);
  const low = value >>> 0;
  const bytes = new Uint8Array(8);
  bytes.set(word(highFirst ? high : low), 0);
  bytes.set(word(highFirst ? low : high), 4);
  return bytes;
}

const optionsLength = (options: readonly Option[]): number =>
  options.length === 0 ? 0 : options.reduce((sum, { value }) => sum + 4 + padded(value.length), 4);

/** A block of `type` with `bodyLength` octets of body (zero so far, padded here) and `options` behind it. */
function block(type: number, bodyLength: number, options: readonly Option[]): DataView {
  const total = BLOCK_HEADER + padded(bodyLength) + optionsLength(options) + BLOCK_TRAILER;
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, total, true);
  view.setUint32(total - BLOCK_TRAILER, total, true);
  let at = BLOCK_HEADER + padded(bodyLength);
  for (const { code, value } of options) {
    view.setUint16(at, code, true);
    view.setUint16(at + 2, value.length, true);
    bytes.set(value, at + 4);
    at += 4 + padded(value.length);
  }
  if (options.length > 0) view.setUint16(at, OPT_END, true);
  return view;
}

const octetsOf = (view: DataView): Uint8Array => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

/** The Section Header Block that a capture begins with; its length is left open. §4.1. */
export function sectionHeader(application: string): Uint8Array {
  const view = block(SECTION_HEADER, 16, [{ code: SHB_USER_APPLICATION, value: text(application) }]);
  view.setUint32(BLOCK_HEADER, BYTE_ORDER_MAGIC, true);
  view.setUint16(BLOCK_HEADER + 4, 1, true);
  view.setUint16(BLOCK_HEADER + 6, 0, true);
  view.setBigInt64(BLOCK_HEADER + 8, -1n, true);
  return octetsOf(view);
}

/** The Interface Description Block of the next interface: raw IP, whole packets, times in microseconds. §4.2. */
export function interfaceDescription(name: string): Uint8Array {
  const view = block(INTERFACE_DESCRIPTION, 8, [
    { code: IF_NAME, value: text(name) },
    { code: IF_TIME_RESOLUTION, value: Uint8Array.of(MICROSECONDS) },
  ]);
  view.setUint16(BLOCK_HEADER, LINKTYPE_RAW, true);
  return octetsOf(view);
}

export interface PacketNote {
  /** Since 1970-01-01 00:00 UTC, in microseconds. */
  readonly epochUs: number;
  readonly direction: Direction;
  /** For people; shown beside the packet. */
  readonly comment?: string;
}

/**
 * An Enhanced Packet Block of interface 0 with room for a packet of `length` octets, which the caller writes to
 * `[PACKET_AT, PACKET_AT + length)`. §4.3.
 */
export function enhancedPacket(length: number, note: PacketNote): Uint8Array {
  const options: Option[] = [{ code: EPB_FLAGS, value: word(DIRECTION_FLAG[note.direction]) }];
  if (note.comment !== undefined) options.push({ code: OPT_COMMENT, value: text(note.comment) });
  const view = block(ENHANCED_PACKET, PACKET_AT - BLOCK_HEADER + length, options);
  const bytes = octetsOf(view);
  bytes.set(words64(note.epochUs, true), BLOCK_HEADER + 4);
  view.setUint32(BLOCK_HEADER + 12, length, true);
  view.setUint32(BLOCK_HEADER + 16, length, true);
  return bytes;
}

export interface CaptureStatistics {
  /** Of the capture, since 1970-01-01 00:00 UTC, in microseconds. */
  readonly startEpochUs: number;
  readonly endEpochUs: number;
  /** Packets seen, and of these the ones missing from the capture. */
  readonly received: number;
  readonly dropped: number;
}

/** The Interface Statistics Block of interface 0 that a capture ends with. §4.6. */
export function interfaceStatistics(statistics: CaptureStatistics): Uint8Array {
  const view = block(INTERFACE_STATISTICS, 12, [
    { code: ISB_START, value: words64(statistics.startEpochUs, true) },
    { code: ISB_END, value: words64(statistics.endEpochUs, true) },
    { code: ISB_RECEIVED, value: words64(statistics.received, false) },
    { code: ISB_DROPPED, value: words64(statistics.dropped, false) },
  ]);
  const bytes = octetsOf(view);
  bytes.set(words64(statistics.endEpochUs, true), BLOCK_HEADER + 4);
  return bytes;
}

/** A Decryption Secrets Block with lines of a TLS key log (SSLKEYLOGFILE); it stands before the packets that need it. §4.7. */
export function decryptionSecrets(keyLog: Uint8Array): Uint8Array {
  const view = block(DECRYPTION_SECRETS, 8 + keyLog.length, []);
  const bytes = octetsOf(view);
  view.setUint32(BLOCK_HEADER, TLS_KEY_LOG, true);
  view.setUint32(BLOCK_HEADER + 4, keyLog.length, true);
  bytes.set(keyLog, BLOCK_HEADER + 8);
  return bytes;
}
