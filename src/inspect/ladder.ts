import { formatAddress } from "../base/address.ts";
import { Frame } from "../base/frame.ts";
import { DATAGRAM_MAX, RX_LINK_ROOM, RxBatch } from "../base/rx-batch.ts";
import { type Seq, seqDiff } from "../base/seq.ts";
import type { Timebase } from "../base/timebase.ts";
import type { TxBatch } from "../base/tx-batch.ts";
import type { Device, DeviceEvents, Offload } from "../device/device.ts";
import type { Tcp, TcpListener, TcpSocket, TcpStateName } from "../sockets/tcp.ts";
import { Datagram, parseIpv4, PROTOCOL_TCP } from "../wire/ipv4.ts";
import { ACK, CWR, ECE, FIN, PSH, RST, Segment, SYN, URG } from "../wire/segment.ts";
import { parseSegment } from "../wire/tcp.ts";

/** Segments that one ladder keeps; those that follow are counted alone. */
export const RUNGS_MAX = 10_000;

export type LadderSide = "left" | "right";

/** One segment of the connection: what the sender's socket was once it had been sent, and the receiver's once it had arrived. */
export interface Rung {
  /** Microseconds since the first segment. */
  readonly atUs: number;
  readonly from: LadderSide;
  readonly sourceAddress: string;
  readonly sourcePort: number;
  readonly destinationAddress: string;
  readonly destinationPort: number;
  /** In the order SYN, FIN, RST, PSH, ACK, URG, ECE, CWR. */
  readonly flags: readonly string[];
  /** As on the wire: 0 to 2^32 - 1. */
  readonly seq: number;
  /** Counted from the initial sequence number of its direction. */
  readonly relativeSeq: number;
  /** Null without the ACK flag. */
  readonly ack: number | null;
  readonly relativeAck: number | null;
  /** As on the wire, not scaled. */
  readonly window: number;
  /** Octets of text. */
  readonly length: number;
  /** In words, as "mss 1460"; the timestamps of segments other than SYNs are left out. */
  readonly options: readonly string[];
  /** Null where there is no such socket (yet, or any more). */
  readonly leftState: TcpStateName | null;
  readonly rightState: TcpStateName | null;
  /** The listening socket's state, on whichever side was sent the SYN. Null once it is closed. */
  readonly listenerState: "LISTEN" | null;
  /** False while it is under way, and for good where it was lost. */
  readonly arrived: boolean;
}

type Draft = { -readonly [K in keyof Rung]: Rung[K] };

/** Whose sockets are looked at. */
interface Watched {
  readonly tcp: Pick<Tcp, "connections" | "listeners">;
}

/** The four-tuple as the left side names it. */
interface Followed {
  readonly leftPort: number;
  readonly leftAddress: string;
  readonly rightPort: number;
  readonly rightAddress: string;
  /** Who sent the SYN; the listener is on the other side. */
  readonly opener: LadderSide;
}

const FLAG_NAMES: readonly (readonly [number, string])[] = [
  [SYN, "SYN"],
  [FIN, "FIN"],
  [RST, "RST"],
  [PSH, "PSH"],
  [ACK, "ACK"],
  [URG, "URG"],
  [ECE, "ECE"],
  [CWR, "CWR"],
];

/**
 * Watches one TCP connection between two stacks, from both ends of the link between them: the first connection whose SYN
 * passes. `tap` goes around each stack's device, `watch` tells the stack; then `rungs` grows as segments pass.
 *
 * A tap hands over one datagram a read, so that the sockets can be looked at between one segment and the next: it is for
 * people to look at, not for load.
 */
export class Ladder {
  readonly #timebase: Timebase;
  readonly #rungs: Draft[] = [];
  readonly #stacks: { left: Watched | null; right: Watched | null } = { left: null, right: null };
  readonly #initial: { left: Seq | null; right: Seq | null } = { left: null, right: null };
  readonly #datagram = new Datagram();
  readonly #segment = new Segment();
  #followed: Followed | null = null;
  #startUs = 0;
  #notKept = 0;

  constructor(options: { readonly timebase: Timebase }) {
    this.#timebase = options.timebase;
  }

  /** In the order in which they were sent. */
  get rungs(): readonly Rung[] {
    return this.#rungs;
  }

  /** Segments beyond `RUNGS_MAX`. */
  get notKept(): number {
    return this.#notKept;
  }

  /** The device to open that side's stack on. */
  tap(side: LadderSide, device: Device): Device {
    return new LadderTap(device, {
      sent: (frame, end) => this.#sent(side, frame, end),
      arrived: (rung) => this.#arrived(rung),
      find: (frame, at, end) => this.#find(side, frame, at, end),
    });
  }

  /** Tells whose sockets are on that side; before any segment passes. */
  watch(side: LadderSide, stack: Watched): void {
    this.#stacks[side] = stack;
  }

  /** Returns whether a TCP segment lies in `frame.bytes[at, end)`; the records hold it then. */
  #parse(frame: Frame, at: number, end: number): boolean {
    const datagram = this.#datagram;
    if (parseIpv4(frame, at, end, datagram) !== "ok" || datagram.protocol !== PROTOCOL_TCP) return false;
    if (datagram.fragmentOffset > 0 || datagram.moreFragments) return false;
    return parseSegment(frame, datagram.payloadAt, datagram.end, -1, this.#segment) === "ok";
  }

  #sent(side: LadderSide, frame: Frame, end: number): void {
    if (!this.#parse(frame, 0, end)) return;
    this.#followed ??= this.#begin(side);
    if (this.#followed === null || !this.#isFollowed(side, this.#followed)) return;
    if (this.#rungs.length >= RUNGS_MAX) {
      this.#notKept++;
      return;
    }
    const rung = this.#draft(side);
    this.#rungs.push(rung);
    this.#look(rung, "left");
    this.#look(rung, "right");
  }

  /** A SYN alone begins a connection. */
  #begin(side: LadderSide): Followed | null {
    const { source, destination } = this.#datagram;
    const { srcPort, dstPort, flags } = this.#segment;
    if ((flags & (SYN | ACK)) !== SYN) return null;
    this.#startUs = this.#timebase.nowUs();
    const ends = [
      { address: formatAddress(source), port: srcPort },
      { address: formatAddress(destination), port: dstPort },
    ];
    const [left, right] = side === "left" ? ends : ends.reverse();
    return {
      leftAddress: left.address,
      leftPort: left.port,
      rightAddress: right.address,
      rightPort: right.port,
      opener: side,
    };
  }

  #isFollowed(from: LadderSide, followed: Followed): boolean {
    const { srcPort, dstPort } = this.#segment;
    const [leftPort, rightPort] = from === "left" ? [srcPort, dstPort] : [dstPort, srcPort];
    const { source, destination } = this.#datagram;
    const [left, right] = from === "left" ? [source, destination] : [destination, source];
    return (
      followed.leftPort === leftPort &&
      followed.rightPort === rightPort &&
      followed.leftAddress === formatAddress(left) &&
      followed.rightAddress === formatAddress(right)
    );
  }

  #draft(from: LadderSide): Draft {
    const seg = this.#segment;
    const to = from === "left" ? "right" : "left";
    if (seg.syn) this.#initial[from] = seg.seq;
    const base = this.#initial[from] ?? seg.seq;
    const peerBase = this.#initial[to] ?? seg.ack;
    return {
      atUs: this.#timebase.nowUs() - this.#startUs,
      from,
      sourceAddress: formatAddress(this.#datagram.source),
      sourcePort: seg.srcPort,
      destinationAddress: formatAddress(this.#datagram.destination),
      destinationPort: seg.dstPort,
      flags: FLAG_NAMES.filter(([bit]) => (seg.flags & bit) !== 0).map(([, name]) => name),
      seq: seg.seq >>> 0,
      relativeSeq: seqDiff(seg.seq, base),
      ack: seg.acks ? seg.ack >>> 0 : null,
      relativeAck: seg.acks ? seqDiff(seg.ack, peerBase) : null,
      window: seg.window,
      length: seg.textLength,
      options: optionsOf(seg),
      leftState: null,
      rightState: null,
      listenerState: null,
      arrived: false,
    };
  }

  /** The rung of the segment that is being read on `side`: the oldest like it that has not arrived. */
  #find(side: LadderSide, frame: Frame, at: number, end: number): Draft | null {
    if (!this.#parse(frame, at, end)) return null;
    const { seq, ack, flags, textLength, srcPort, dstPort } = this.#segment;
    const acknowledged = (flags & ACK) === 0 ? null : ack >>> 0;
    const isIt = (rung: Draft): boolean =>
      !rung.arrived &&
      rung.from !== side &&
      rung.seq === seq >>> 0 &&
      rung.ack === acknowledged &&
      rung.length === textLength &&
      rung.sourcePort === srcPort &&
      rung.destinationPort === dstPort;
    return this.#rungs.find(isIt) ?? null;
  }

  #arrived(rung: Draft): void {
    rung.arrived = true;
    this.#look(rung, rung.from === "left" ? "right" : "left");
  }

  /** Writes down what the socket of that side is now, and the listener. */
  #look(rung: Draft, side: LadderSide): void {
    const followed = this.#followed;
    if (followed === null) return;
    const { left, right } = this.#stacks;
    const { leftAddress, leftPort, rightAddress, rightPort } = followed;
    if (side === "left") rung.leftState = stateOf(left, leftAddress, leftPort, rightAddress, rightPort);
    else rung.rightState = stateOf(right, rightAddress, rightPort, leftAddress, leftPort);
    const [listening, port] = followed.opener === "left" ? [right, rightPort] : [left, leftPort];
    rung.listenerState = hasListener(listening, port) ? "LISTEN" : null;
  }
}

/** RFC 9293 §3.2 and what RFC 7323 and 2018 add. */
function optionsOf(seg: Segment): readonly string[] {
  const options: string[] = [];
  if (seg.mss > 0) options.push(`mss ${seg.mss}`);
  if (seg.windowScale >= 0) options.push(`window scale ${seg.windowScale}`);
  if (seg.sackPermitted) options.push("SACK permitted");
  if (seg.hasTimestamps && seg.syn) options.push("timestamps");
  for (let i = 0; i < seg.sackCount; i++) {
    options.push(`SACK ${seg.sackEdges[2 * i] >>> 0}-${seg.sackEdges[2 * i + 1] >>> 0}`);
  }
  return options;
}

function stateOf(
  stack: Watched | null,
  localAddress: string,
  localPort: number,
  remoteAddress: string,
  remotePort: number,
): TcpStateName | null {
  const isIt = (socket: TcpSocket): boolean =>
    socket.localPort === localPort &&
    socket.remotePort === remotePort &&
    socket.localAddress === localAddress &&
    socket.remoteAddress === remoteAddress;
  for (const socket of stack?.tcp.connections() ?? []) if (isIt(socket)) return socket.stateName;
  return null;
}

function hasListener(stack: Watched | null, port: number): boolean {
  const listeners: Iterable<TcpListener> = stack?.tcp.listeners() ?? [];
  for (const listener of listeners) if (listener.port === port) return true;
  return false;
}

/** What a tap tells its ladder. */
interface TapEvents {
  /** `frame.bytes[0, end)` has been taken by the device. */
  sent(frame: Frame, end: number): void;
  /** The stack has dealt with it. */
  arrived(rung: Draft): void;
  find(frame: Frame, at: number, end: number): Draft | null;
}

/** A device that tells of each datagram when it has been sent, and when the stack behind it has dealt with it. */
class LadderTap implements Device {
  readonly #inner: Device;
  readonly #events: TapEvents;
  readonly #one = new RxBatch(1, DATAGRAM_MAX + RX_LINK_ROOM);
  /** What the stack was given by the last read. */
  #given: Draft | null = null;

  constructor(inner: Device, events: TapEvents) {
    this.#inner = inner;
    this.#events = events;
  }

  get name(): string {
    return this.#inner.name;
  }
  get mtu(): number {
    return this.#inner.mtu;
  }
  get offload(): Offload {
    return this.#inner.offload;
  }

  start(events: DeviceEvents): void {
    this.#inner.start(events);
  }

  /** The driver reads again once its core has consumed what it read: that is when the sockets show it. */
  read(rx: RxBatch): number {
    rx.clear();
    this.#settle();
    const one = this.#one;
    if (this.#inner.read(one) === 0) return 0;
    const at = rx.used;
    const length = one.end[0] - one.at[0];
    rx.frame.bytes.set(one.frame.bytes.subarray(one.at[0], one.end[0]), at);
    rx.push(at, at + length, one.vouched[0] === 1, one.gsoSize[0]);
    this.#given = this.#events.find(rx.frame, at, at + length);
    return rx.rows;
  }

  write(tx: TxBatch): void {
    this.#settle();
    const frames: Frame[] = [];
    const pending = tx.pending;
    for (let row = tx.first; row < tx.rows; row++) {
      const frame = Frame.ofSize(tx.length[row]);
      tx.gather(row, frame.bytes, 0);
      frames.push(frame);
    }
    this.#inner.write(tx);
    for (const frame of frames.slice(0, pending - tx.pending)) this.#events.sent(frame, frame.bytes.length);
  }

  ref(): void {
    this.#inner.ref();
  }
  unref(): void {
    this.#inner.unref();
  }
  close(): void {
    this.#settle();
    this.#inner.close();
  }

  #settle(): void {
    const given = this.#given;
    this.#given = null;
    if (given !== null) this.#events.arrived(given);
  }
}
