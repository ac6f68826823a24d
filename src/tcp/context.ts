import type { Address } from "../base/address.ts";
import type { Clock } from "../base/clock.ts";
import type { MemoryBudget } from "../base/memory-budget.ts";
import { type Seq, toSeq } from "../base/seq.ts";
import { type SipKey, sipHash24 } from "../base/siphash.ts";
import type { TxBatch } from "../base/tx-batch.ts";
import { Segment } from "../wire/segment.ts";
import type { TcpConfig } from "./config.ts";
import type { TcpConnection } from "./connection.ts";
import type { CongestionAlgorithm, CongestionController } from "./congestion/controller.ts";
import { CopyArena } from "./copy-arena.ts";
import type { TcpCounters } from "./counters.ts";
import { Sender } from "./sender.ts";

const SPARE_SENDERS = 1024;

/** What TCP asks of the layer below. The stack gives it IPv4's. */
export interface TcpNetwork {
  /** The folded sum over the pseudo-header. */
  pseudoSum(local: Address, remote: Address, tcpLength: number): number;
  /** Completes the newest row of `tx`: its network header. */
  seal(tx: TxBatch, row: number, local: Address, remote: Address, ttl: number, trafficClass: number): void;
}

/** What a connection asks of the stack that holds it. */
export interface TcpHost {
  /** The application has called, outside of a turn perhaps: what it does now happens now. */
  refreshClock(): void;
  /** It has something to send: serve it in turn. */
  ready(connection: TcpConnection): void;
  /** `connection.onTimer` wants to be called at `deadlineMs` (int32 ms of the clock); replaces what was asked before. */
  arm(connection: TcpConnection, deadlineMs: number): void;
  /** Its handler wants `readable`, once, when the batch is through. */
  notify(connection: TcpConnection): void;
  /** It has entered TIME-WAIT. False: there is no place for one more. */
  lingers(connection: TcpConnection): boolean;
  /** Sends an RST with `seq`, and with `ack` where `flags` hold ACK. Bounded and counted. */
  reset(tuple: FourTuple, seq: Seq, ack: Seq, flags: number): void;
  /** It is CLOSED: its four-tuple is free. */
  released(connection: TcpConnection): void;
}

/** What all connections of one stack share. */
export class TcpContext {
  readonly clock: Clock;
  readonly config: TcpConfig;
  readonly counters: TcpCounters;
  readonly network: TcpNetwork;
  readonly host: TcpHost;
  readonly arena = new CopyArena();
  /** What the ACK in work has shown: filled, told, forgotten. */
  readonly delivery = { octets: 0, rttUs: 0, srttUs: 0, nowUs: 0, sndUna: 0, sndNxt: 0 };
  /** The segment being sent: filled, emitted, forgotten. */
  readonly out = new Segment();
  /** What all queues of the stack may hold, and hold. */
  readonly memory: MemoryBudget;
  readonly #secret: SipKey;
  readonly #spareSenders: Sender[] = [];
  readonly #spareControllers: CongestionController[] = [];
  readonly #words = new Int32Array(3);
  readonly #hash = new Int32Array(2);

  constructor(options: {
    clock: Clock;
    config: TcpConfig;
    memory: MemoryBudget;
    counters: TcpCounters;
    network: TcpNetwork;
    host: TcpHost;
    secret: SipKey;
  }) {
    this.clock = options.clock;
    this.config = options.config;
    this.memory = options.memory;
    this.counters = options.counters;
    this.network = options.network;
    this.host = options.host;
    this.#secret = options.secret;
  }

  /**
   * Chooses `iss` and the origin of timestamps: a clock of 4 us plus a keyed hash of the four-tuple.
   * RFC 9293 §3.4.1 MUST-8, MUST-9, SHLD-1; RFC 6528 §3; RFC 7323 §5.4 for the timestamps.
   */
  chooseOrigins(connection: { iss: Seq; tsOffset: number } & FourTuple): void {
    this.#words[0] = connection.local;
    this.#words[1] = connection.remote;
    this.#words[2] = (connection.localPort << 16) | connection.remotePort;
    sipHash24(this.#secret, this.#words, 3, this.#hash);
    connection.iss = toSeq(this.#hash[0] + Math.floor(this.clock.nowUs / 4));
    connection.tsOffset = this.#hash[1];
  }

  /** The value that a timestamp of `tuple`'s would have now: cookies go on where the connection will. */
  timestampFor(tuple: FourTuple): number {
    const { local, localPort, remote, remotePort } = tuple;
    const origins = { local, localPort, remote, remotePort, iss: toSeq(0), tsOffset: 0 };
    this.chooseOrigins(origins);
    return (this.clock.nowMs + origins.tsOffset) | 0;
  }

  takeSender(sndNxt: Seq): Sender {
    const sender = this.#spareSenders.pop() ?? new Sender(this.memory);
    sender.reset(sndNxt);
    this.memory.queues++;
    return sender;
  }

  /** A controller of the stack's own algorithm may have served others; any other is made. */
  takeController(algorithm: CongestionAlgorithm): CongestionController {
    const spare = algorithm === this.config.congestion ? this.#spareControllers.pop() : undefined;
    spare?.reset();
    return spare ?? algorithm.create();
  }

  giveBackController(controller: CongestionController, algorithm: CongestionAlgorithm): void {
    if (algorithm !== this.config.congestion || this.#spareControllers.length >= SPARE_SENDERS) return;
    this.#spareControllers.push(controller);
  }

  giveBackSender(sender: Sender): void {
    this.memory.queues--;
    sender.reset(toSeq(0));
    if (this.#spareSenders.length >= SPARE_SENDERS) return;
    sender.shrink();
    this.#spareSenders.push(sender);
  }
}

export interface FourTuple {
  readonly local: Address;
  readonly localPort: number;
  readonly remote: Address;
  readonly remotePort: number;
}
