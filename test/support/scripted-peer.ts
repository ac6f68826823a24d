import { expect } from "vitest";
import { type Address, ANY_ADDRESS, toAddress } from "../../src/base/address.ts";
import { sumOctets } from "../../src/base/checksum.ts";
import { Frame } from "../../src/base/frame.ts";
import { SeededRandom } from "../../src/base/random.ts";
import { RxBatch } from "../../src/base/rx-batch.ts";
import { toSeq } from "../../src/base/seq.ts";
import { TxBatch } from "../../src/base/tx-batch.ts";
import { completeChecksum } from "../../src/device/offload.ts";
import { StackCore } from "../../src/stack/core.ts";
import type { TcpConfig } from "../../src/tcp/config.ts";
import { TcpConnection } from "../../src/tcp/connection.ts";
import { newReno } from "../../src/tcp/congestion/new-reno.ts";
import type { TcpFailure, TcpHandler, TcpSocket } from "../../src/tcp/handler.ts";
import type { TcpListenHandler, TcpListener } from "../../src/tcp/listener.ts";
import { sealIcmp } from "../../src/wire/icmp.ts";
import { emitIpv4, PROTOCOL_ICMP, PROTOCOL_TCP, pseudoHeaderSum } from "../../src/wire/ipv4.ts";
import { ACK, CWR, ECE, FIN, PSH, RST, Segment, SYN, URG } from "../../src/wire/segment.ts";
import { emitSegment, parseSegment } from "../../src/wire/tcp.ts";

export const HOST: Address = toAddress(0xc612_0002); // 198.18.0.2, the stack under test.
export const PEER: Address = toAddress(0xc612_0001);
const HOST_PORT = 80;
const PEER_PORT = 40_000;
/** The peer's initial sequence number; the host's is learnt from its SYN. */
const PEER_ISS = 1_000_000;

const FLAG_NAMES: readonly (readonly [string, number])[] = [
  ["SYN", SYN],
  ["FIN", FIN],
  ["RST", RST],
  ["PSH", PSH],
  ["ACK", ACK],
  ["URG", URG],
  ["ECE", ECE],
  ["CWR", CWR],
];

/** A segment as tests write it; sequence numbers count from the initial ones of their side. */
export interface Wire {
  flags: string;
  seq: number;
  /** Absent without ACK. */
  ack?: number;
  len: number;
  win: number;
  urg: number;
  /** Where it is a super-segment: the text of each that the device will make of it; else 0. */
  gso: number;
  /** The port of the peer's that it goes to. */
  dport: number;
  mss?: number;
  ws?: number;
  sackOk?: boolean;
  ts?: readonly [val: number, ecr: number];
  sack?: readonly (readonly [number, number])[];
  text: Uint8Array;
}

export interface ScriptOptions {
  tcp?: Partial<TcpConfig>;
  memoryMax?: number;
  /** What the peer's SYN offers. Default: MSS 1460 alone. */
  peer?: { mss?: number; ws?: number; sackOk?: boolean; ts?: boolean; win?: number };
  mtu?: number;
  /** The device cuts super-segments. */
  offload?: boolean;
  handler?: TcpHandler;
  listen?: Partial<TcpListenHandler>;
  backlog?: number;
  /** What a handler throws; without it, the test that calls. */
  faulted?: (error: unknown) => void;
}

/**
 * The core with a scripted peer and a hand-wound clock. No device, no timers, nothing real: a test is a row of calls.
 *
 * Text: `inject("FIN,ACK seq=1 ack=2 len=10 win=1000 ws=7 mss=1460 sackOk ts=5,6 sack=1-5,7-9")`; absent `ack` is what the host
 *       last sent, absent `win` is 65535; `sport`, `dport`, `from`, `to` and `gso` name the four-tuple and the offload. `expect` takes the same form and compares only what it names.
 */
export class ScriptedPeer {
  readonly core: StackCore;
  readonly received: number[] = [];
  /** What the handler was told, in order: "open", "data 5", "end", "close ECONNRESET", … */
  readonly told: string[] = [];
  readonly accepted: TcpSocket[] = [];
  socket: TcpSocket | null = null;
  listener: TcpListener | null = null;
  readonly options: ScriptOptions;
  /** Segments that the host has sent and no `expect` has taken yet. */
  readonly #sent: Wire[] = [];
  readonly #rx = new RxBatch();
  readonly #tx = new TxBatch();
  readonly #seg = new Segment();
  readonly #link: number;
  #hostIss: number | null = null;
  #hostPort = HOST_PORT;
  #hostNext = 0;

  constructor(options: ScriptOptions = {}) {
    this.options = options;
    this.core = new StackCore({
      random: new SeededRandom(1),
      startUs: 1_000_000_000,
      // Windows that are easy to reckon with: NewReno's, and a receive buffer that does not grow.
      tcp: { congestion: newReno, receiveBuffer: 1 << 20, ...options.tcp },
      ...(options.memoryMax === undefined ? {} : { memoryMax: options.memoryMax }),
      events: {
        faulted: (error) => {
          if (options.faulted === undefined) throw error;
          options.faulted(error);
        },
        wake: () => undefined,
        refreshClock: () => undefined,
      },
    });
    const mtu = options.mtu ?? 1500;
    this.core.links.add(65_535, { checksum: true, segmentMax: 65_535 });
    this.#link = this.core.links.add(mtu, { checksum: true, segmentMax: options.offload === true ? 65_535 : 0 });
    this.core.routes.addLink({ link: this.#link, mtu });
    this.core.routes.addAddress({ link: this.#link, address: HOST, prefixLength: 24 });
  }

  // The host's side.

  /** The handler that records what it is told. */
  #recorder(): TcpHandler {
    return {
      open: () => void this.told.push("open"),
      data: (_, octets, start, end) => {
        this.received.push(...octets.subarray(start, end));
        this.told.push(`data ${String(end - start)}`);
      },
      drain: () => void this.told.push("drain"),
      end: () => void this.told.push("end"),
      close: (_, failure: TcpFailure | null) => void this.told.push(failure === null ? "close" : `close ${failure}`),
      softError: (_, failure) => void this.told.push(`soft ${failure}`),
      ...this.options.handler,
    };
  }

  listening(): this {
    const listener = this.core.tcp.listen({
      address: ANY_ADDRESS,
      port: HOST_PORT,
      backlog: this.options.backlog ?? 16,
      handler: {
        accept: (connection) => {
          connection.handler = this.#recorder();
          this.accepted.push(connection);
          this.socket = connection;
        },
        ...this.options.listen,
      },
    });
    if (typeof listener === "string") throw new Error(listener);
    this.listener = listener;
    return this;
  }

  /** Begins an active open to the peer; `expect` the SYN next. */
  connecting(): this {
    const socket = this.core.tcp.connect({
      address: PEER,
      port: PEER_PORT,
      localAddress: ANY_ADDRESS,
      localPort: 0,
      handler: this.#recorder(),
    });
    if (typeof socket === "string") throw new Error(socket);
    this.socket = socket;
    this.#hostPort = socket.localPort;
    return this.#flush();
  }

  /** A passive open up to ESTABLISHED; both sides' next sequence number is 1. */
  established(): this {
    const { ts = false, win = 65_535 } = this.options.peer ?? {};
    this.listening().inject(`SYN seq=0 ${this.peerOptions}`).expect("SYN,ACK seq=0 ack=1");
    this.inject(`ACK seq=1 ack=1 win=${String(win)} ${ts ? "ts=100,0" : ""}`).silent();
    return this.stateIs("ESTABLISHED");
  }

  /** An active open up to ESTABLISHED; both sides' next sequence number is 1. */
  connected(): this {
    this.connecting().expectNext("SYN seq=0");
    return this.inject(`SYN,ACK seq=0 ack=1 ${this.peerOptions}`)
      .expect("ACK seq=1 ack=1")
      .stateIs("ESTABLISHED")
      .toldIs("open");
  }

  /** What the peer's SYN offers, as `inject` takes it. */
  get peerOptions(): string {
    const { mss = 1460, ws, sackOk = false, ts = false, win = 65_535 } = this.options.peer ?? {};
    return [
      `win=${String(win)}`,
      mss === 0 ? "" : `mss=${String(mss)}`,
      ws === undefined ? "" : `ws=${String(ws)}`,
      sackOk ? "sackOk" : "",
      ts ? "ts=100,0" : "",
    ].join(" ");
  }

  /** The connection as the stack has it. */
  get tcb(): TcpConnection {
    const connection = this.#connection();
    if (!(connection instanceof TcpConnection)) throw new Error("the connection is not the stack's own");
    return connection;
  }

  /** After the connection's end: nothing of it is left in the stack. */
  leavesNothing(): this {
    expect(this.core.tcp.size, "connections").toBe(0);
    expect(this.core.nextDelayMs(), "timers").toBe(Infinity);
    expect(this.core.tcpCounters.currEstab, "open connections").toBe(0);
    const { memory } = this.core;
    expect([memory.used, memory.queues], "octets kept, queues").toEqual([0, 0]);
    return this.silent();
  }

  send(octets: number, fill = 97): this {
    this.#connection().send(new Uint8Array(octets).fill(fill));
    return this.#flush();
  }
  close(): this {
    this.#connection().end();
    return this.#flush();
  }
  abort(): this {
    this.#connection().abort();
    return this.#flush();
  }
  /** Any other call of the application's. */
  call(what: (socket: TcpSocket) => void): this {
    what(this.#connection());
    return this.#flush();
  }

  #connection(): TcpSocket {
    if (this.socket === null) throw new Error("there is no connection yet");
    return this.socket;
  }

  // The peer's side.

  /** One segment arrives, alone in its batch. */
  inject(text: string, payload?: Uint8Array): this {
    return this.injectBatch([text], payload);
  }

  /** Several segments arrive in one batch. */
  injectBatch(texts: readonly string[], payload?: Uint8Array): this {
    this.#rx.clear();
    for (const text of texts) this.#put(text, payload);
    this.#arrive();
    return this.#flush();
  }

  /** The slab is lent for the length of `input`: it is spoilt afterwards, so that whoever keeps a piece of it is found out. */
  #arrive(): void {
    this.core.input(this.#rx, this.#link);
    this.#rx.frame.bytes.fill(0xdd, 0, this.#rx.used);
    this.core.notifyOwners();
  }

  /** An ICMP error arrives that quotes our segment with `seq`; `rest` is the message's second word. */
  icmp(type: number, code: number, seq: number, rest = 0): this {
    this.#rx.clear();
    const { frame } = this.#rx;
    const message = Frame.ofSize(8 + 20 + 8);
    emitIpv4(message, 8, 1500, 0, 0, 0x4000, 64, PROTOCOL_TCP, HOST, PEER);
    message.view.setUint16(28, this.#hostPort);
    message.view.setUint16(30, PEER_PORT);
    message.view.setInt32(32, (this.#hostIss ?? 0) + seq);
    sealIcmp(message, type, code, rest);
    emitIpv4(frame, 0, 20 + message.bytes.length, 0, 0, 0, 64, PROTOCOL_ICMP, PEER, HOST);
    frame.bytes.set(message.bytes, 20);
    this.#rx.push(0, 20 + message.bytes.length, false, 0);
    this.#arrive();
    return this.#flush();
  }

  /** One segment arrives that was damaged on its way. */
  injectSpoilt(text: string): this {
    this.#rx.clear();
    this.#put(text);
    this.#rx.frame.bytes[this.#rx.end[0] - 1] ^= 1;
    this.#arrive();
    return this.#flush();
  }

  #put(text: string, payload?: Uint8Array): void {
    const { flags, fields } = readText(text);
    const seg = this.#seg;
    seg.clearOptions();
    seg.srcPort = Number(fields.get("sport") ?? PEER_PORT);
    seg.dstPort = Number(fields.get("dport") ?? this.#hostPort);
    seg.flags = flags;
    seg.seq = toSeq(PEER_ISS + Number(fields.get("seq") ?? 0));
    const ack = fields.get("ack");
    seg.ack = toSeq((flags & ACK) === 0 ? 0 : (this.#hostIss ?? 0) + Number(ack ?? this.#hostNext));
    seg.window = Number(fields.get("win") ?? 65_535);
    seg.urgentPointer = Number(fields.get("urg") ?? 0);
    seg.mss = Number(fields.get("mss") ?? 0);
    seg.windowScale = Number(fields.get("ws") ?? -1);
    seg.sackPermitted = fields.has("sackOk");
    this.#putOptions(seg, fields);
    const length = payload?.length ?? Number(fields.get("len") ?? 0);
    const { frame } = this.#rx;
    const at = this.#rx.used;
    const headers = 20 + 20 + seg.optionsLength;
    const end = at + headers + length;
    const from = toAddress(Number(fields.get("from") ?? PEER));
    const to = toAddress(Number(fields.get("to") ?? HOST));
    emitIpv4(frame, at, headers + length, 0, 0, 0x4000, 64, PROTOCOL_TCP, from, to);
    const sum = pseudoHeaderSum(from, to, PROTOCOL_TCP, headers - 20 + length);
    emitSegment(frame, at + 20, seg, sum);
    if (payload === undefined) for (let i = 0; i < length; i++) frame.bytes[at + headers + i] = 65 + (i % 26);
    else frame.bytes.set(payload, at + headers);
    frame.view.setUint16(at + 36, ~sumOctets(frame.bytes, at + 20, end, 0) & 0xffff);
    this.#rx.push(at, end, false, Number(fields.get("gso") ?? 0));
  }

  #putOptions(seg: Segment, fields: ReadonlyMap<string, string>): void {
    const ts = fields.get("ts");
    seg.hasTimestamps = ts !== undefined;
    if (ts !== undefined) [seg.tsVal, seg.tsEcr] = ts.split(",").map((n) => Number(n) | 0) as [number, number];
    const sack = fields.get("sack");
    if (sack === undefined) return;
    const blocks = sack.split(",").map((block) => block.split("-").map(Number));
    seg.sackCount = blocks.length;
    blocks.forEach(([left, right], i) => {
      seg.sackEdges[2 * i] = toSeq((this.#hostIss ?? 0) + left);
      seg.sackEdges[2 * i + 1] = toSeq((this.#hostIss ?? 0) + right);
    });
  }

  // Time.

  /** Lets `ms` pass, firing whatever is due on the way, each at its time. */
  pass(ms: number): this {
    const { clock } = this.core;
    const endUs = clock.nowUs + ms * 1000;
    for (let guard = 0; guard < 100_000; guard++) {
      const nextUs = clock.nowUs + Math.max(this.core.nextDelayMs(), 0) * 1000;
      if (nextUs > endUs) break;
      clock.nowUs = Math.max(nextUs, clock.nowUs + (nextUs === clock.nowUs ? 1000 : 0));
      if (clock.nowUs > endUs) break;
      this.core.expire();
      this.#flush();
    }
    clock.nowUs = endUs;
    this.core.expire();
    return this.#flush();
  }

  /** The application's turn without time passing: what it queued by other means goes out. */
  flush(): this {
    return this.#flush();
  }

  #flush(): this {
    const tx = this.#tx;
    for (;;) {
      this.core.output(tx, this.#link);
      if (tx.pending === 0) return this;
      for (let row = tx.first; row < tx.rows; row++) this.#sent.push(...this.#read(row));
      tx.clear();
    }
  }

  /** RFC 9293 MUST-2 and MUST-45 are checked on everything that leaves. */
  #read(row: number): Wire[] {
    const tx = this.#tx;
    const gsoSize = tx.gsoSize[row];
    if (gsoSize === 0) completeChecksum(tx, row);
    const bytes = new Uint8Array(tx.length[row]);
    const end = tx.gather(row, bytes, 0);
    const frame = new Frame(bytes);
    const seg = new Segment();
    const pseudoSum = gsoSize > 0 ? -1 : pseudoHeaderSum(HOST, PEER, PROTOCOL_TCP, end - 20);
    if (bytes[9] !== PROTOCOL_TCP) return [];
    expect(parseSegment(frame, 20, end, pseudoSum, seg)).toBe("ok");
    expect(frame.view.getInt32(12), "the source address").toBe(HOST);
    if ((seg.flags & SYN) !== 0 && (this.#hostIss === null || (seg.flags & RST) === 0)) this.#hostIss = seg.seq;
    this.#hostNext = Math.max(this.#hostNext, ((seg.seq - (this.#hostIss ?? 0)) | 0) + seg.len);
    return [this.#toWire(seg, gsoSize)];
  }

  #toWire(seg: Segment, gsoSize: number): Wire {
    const host = this.#hostIss ?? 0;
    const wire: Wire = {
      flags: flagText(seg.flags),
      seq: (seg.seq - host) | 0,
      len: seg.textLength,
      win: seg.window,
      urg: seg.urgentPointer,
      gso: gsoSize,
      dport: seg.dstPort,
      text: seg.frame.bytes.slice(seg.textAt, seg.textAt + seg.textLength),
    };
    if (seg.acks) wire.ack = (seg.ack - PEER_ISS) | 0;
    if (seg.mss > 0) wire.mss = seg.mss;
    if (seg.windowScale >= 0) wire.ws = seg.windowScale;
    if (seg.sackPermitted) wire.sackOk = true;
    if (seg.hasTimestamps) wire.ts = [seg.tsVal, seg.tsEcr];
    if (seg.sackCount > 0) {
      wire.sack = Array.from({ length: seg.sackCount }, (_, i) => [
        (seg.sackEdges[2 * i] - PEER_ISS) | 0,
        (seg.sackEdges[2 * i + 1] - PEER_ISS) | 0,
      ]);
    }
    return wire;
  }

  // What is expected.

  /** Each text describes the next segment that the host has sent, in order, in what it names; and there are no others. */
  expect(...texts: readonly string[]): this {
    for (const text of texts) this.expectNext(text);
    return this.silent();
  }

  /** The next segment, with more perhaps behind it. */
  expectNext(text: string): this {
    const wire = this.#sent.shift();
    if (wire === undefined) throw new Error(`expected "${text}", but nothing was sent`);
    const { flags, fields } = readText(text);
    // PSH depends on how the application wrote; it is compared where a test names it.
    const got = flagBits(wire.flags);
    expect(flagText(flags & PSH ? got : got & ~PSH), `flags of ${show(wire)}`).toBe(flagText(flags));
    for (const [name, value] of fields) {
      const actual = wireField(wire, name);
      expect(`${name}=${actual}`, `in ${show(wire)}`).toBe(`${name}=${value}`);
    }
    return this;
  }

  /** Nothing (more) was sent. */
  silent(): this {
    expect(this.#sent.map(show), "segments that nothing expected").toEqual([]);
    return this;
  }

  /** Takes everything that was sent, for a test that looks for itself. */
  take(): Wire[] {
    return this.#sent.splice(0);
  }

  stateIs(name: string): this {
    expect(this.#connection().stateName).toBe(name);
    return this;
  }

  toldIs(...events: readonly string[]): this {
    expect(this.told.splice(0)).toEqual(events);
    return this;
  }
}

export const scripted = (options: ScriptOptions = {}): ScriptedPeer => new ScriptedPeer(options);

const flagText = (flags: number): string =>
  FLAG_NAMES.filter(([, bit]) => (flags & bit) !== 0)
    .map(([name]) => name)
    .join(",");

const flagBits = (text: string): number =>
  text.split(",").reduce((bits, name) => bits | (FLAG_NAMES.find(([known]) => known === name)?.[1] ?? 0), 0);

function readText(text: string): { flags: number; fields: Map<string, string> } {
  const [flags, ...rest] = text.trim().split(/\s+/);
  const fields = new Map<string, string>();
  for (const word of rest) {
    const [name, value = "true"] = word.split("=");
    fields.set(name, value);
  }
  return { flags: flagBits(flags), fields };
}

function wireField(wire: Wire, name: string): string {
  switch (name) {
    case "ts":
      return wire.ts === undefined ? "none" : wire.ts.join(",");
    case "sack":
      return wire.sack === undefined ? "none" : wire.sack.map((block) => block.join("-")).join(",");
    case "seq":
    case "ack":
    case "len":
    case "win":
    case "mss":
    case "ws":
    case "sackOk":
    case "gso":
    case "dport":
      return String(wire[name] ?? "none");
    default:
      throw new Error(`a segment has no field "${name}"`);
  }
}

const show = (wire: Wire): string =>
  `${wire.flags} seq=${String(wire.seq)} ack=${String(wire.ack ?? "none")} len=${String(wire.len)} win=${String(wire.win)}` +
  (wire.sack === undefined ? "" : ` sack=${wireField(wire, "sack")}`);
