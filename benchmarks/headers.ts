/** An IPv4 and a TCP header with the options of an open connection, read and written as the stack does for each segment. */
import { toAddress } from "../src/base/address.ts";
import { assert } from "../src/base/assert.ts";
import { Frame } from "../src/base/frame.ts";
import { toSeq } from "../src/base/seq.ts";
import {
  Datagram,
  emitIpv4,
  FLAG_DONT_FRAGMENT,
  IPV4_HEADER,
  parseIpv4,
  PROTOCOL_TCP,
  pseudoHeaderSum,
} from "../src/wire/ipv4.ts";
import { ACK, PSH, Segment } from "../src/wire/segment.ts";
import { emitSegment, parseSegment } from "../src/wire/tcp.ts";
import type { Bench } from "./harness.ts";

const CLIENT = toAddress(0xc612_0001);
const SERVER = toAddress(0xc612_0002);
const TEXT = 100;
/** Datagrams that take turns, so that not always the same octets are read. */
const DATAGRAMS = 64;
const ROOM = 256;
const VOUCHED = -1;

/** As `TcpConnection` fills it for a segment with text: timestamps are its only option. */
function fill(seg: Segment, n: number): void {
  seg.clearOptions();
  seg.srcPort = 80;
  seg.dstPort = 32_768 + n;
  seg.seq = toSeq(n * TEXT);
  seg.ack = toSeq(n);
  seg.flags = ACK | PSH;
  seg.window = 512;
  seg.hasTimestamps = true;
  seg.tsVal = n;
  seg.tsEcr = n - 1;
}

/** One datagram at `at`; returns where it ends. */
function write(frame: Frame, at: number, seg: Segment): number {
  const length = emitSegment(frame, at + IPV4_HEADER, seg, pseudoHeaderSum(SERVER, CLIENT, PROTOCOL_TCP, TEXT + 32));
  const total = IPV4_HEADER + length + TEXT;
  emitIpv4(frame, at, total, 0, 0, FLAG_DONT_FRAGMENT, 64, PROTOCOL_TCP, SERVER, CLIENT);
  return at + total;
}

export async function headers(bench: Bench): Promise<void> {
  const sizes = { smoke: 1_000, full: 5_000_000 };
  const frame = Frame.ofSize(DATAGRAMS * ROOM);
  const seg = new Segment();
  await bench.bench("wire: write the headers of a segment", sizes, (n) => {
    let hash = 0;
    for (let i = 0; i < n; i++) {
      fill(seg, i & (DATAGRAMS - 1));
      hash = (hash + write(frame, (i & (DATAGRAMS - 1)) * ROOM, seg)) | 0;
    }
    return hash;
  });

  for (let i = 0; i < DATAGRAMS; i++) {
    fill(seg, i);
    write(frame, i * ROOM, seg);
  }
  const datagram = new Datagram();
  await bench.bench("wire: read the headers of a segment, its checksum vouched for", sizes, (n) => {
    let hash = 0;
    for (let i = 0; i < n; i++) {
      const at = (i & (DATAGRAMS - 1)) * ROOM;
      const ip = parseIpv4(frame, at, at + ROOM, datagram);
      const tcp = parseSegment(frame, datagram.payloadAt, datagram.end, VOUCHED, seg);
      assert(ip === "ok" && tcp === "ok", "the datagrams are well-formed");
      hash = (hash + seg.seq + seg.tsVal) | 0;
    }
    return hash;
  });
}
