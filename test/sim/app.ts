import { randomBelow, randomUnit, SeededRandom } from "../../src/base/random.ts";
import type { Timebase } from "../../src/base/timebase.ts";
import type { TcpFailure, TcpHandler, TcpSocket } from "../../src/tcp/handler.ts";
import type { AppPlan } from "./plan.ts";

/** A prime: no segment size divides it, so that octets out of place are seen. */
const PERIOD = 65_521;

/** An endless stream of octets that both sides know: octet `i` is that of one period, repeated. */
export class KnownStream {
  readonly #octets: Buffer;

  constructor(seed: number) {
    const random = new SeededRandom(seed);
    const period = new Int32Array(Math.ceil(PERIOD / 4));
    for (let i = 0; i < period.length; i++) period[i] = random.nextInt32();
    const once = Buffer.from(period.buffer).subarray(0, PERIOD);
    this.#octets = Buffer.concat([once, once, once]);
  }

  /** Octets [at, at + length), for `length` <= 2 periods; not to be changed. */
  slice(at: number, length: number): Buffer {
    const from = at % PERIOD;
    return this.#octets.subarray(from, from + length);
  }
}

/** Why a run is wrong. */
export class Violation extends Error {
  override readonly name = "Violation";
}

/** One side's application: it writes its stream, checks what it receives against the other's, and ends as its plan says. */
export class App implements TcpHandler {
  readonly label: string;
  readonly plan: AppPlan;
  socket: TcpSocket | null = null;
  sent = 0;
  received = 0;
  /** Its own side has ended, in order or not. */
  ended = false;
  /** It went away by itself: "close" or "abort". */
  left = false;
  /** The peer's end was told. */
  peerEnded = false;
  /** `undefined` until `close` is told. */
  outcome: TcpFailure | null | undefined = undefined;
  data?: NonNullable<TcpHandler["data"]>;
  readable?: NonNullable<TcpHandler["readable"]>;
  readonly #timebase: Timebase;
  readonly #random: SeededRandom;
  readonly #sends: KnownStream;
  readonly #expects: KnownStream;
  readonly #readMax: number;
  readonly #violated: (violation: Violation) => void;
  #resting = false;
  #reading = false;
  #blocked = false;

  constructor(options: {
    label: string;
    plan: AppPlan;
    timebase: Timebase;
    seed: number;
    sends: KnownStream;
    expects: KnownStream;
    /** Most octets that may wait for it. */
    readMax: number;
    /** Told what is wrong: a handler that throws is the application's own fault to the stack. */
    violated: (violation: Violation) => void;
  }) {
    this.label = options.label;
    this.plan = options.plan;
    this.#timebase = options.timebase;
    this.#random = new SeededRandom(options.seed);
    this.#sends = options.sends;
    this.#expects = options.expects;
    this.#readMax = options.readMax;
    this.#violated = options.violated;
    if (this.plan.lent) this.data = (_, octets, start, end) => this.#take(octets, start, end);
    else this.readable = () => this.#read();
  }

  /** It has its connection. */
  begin(socket: TcpSocket): void {
    this.socket = socket;
    if (this.plan.noDelay) socket.setNoDelay(true);
    if (this.plan.ending === "abort" || this.plan.ending === "close") {
      this.#timebase.after(this.plan.leaveAtMs, () => this.#leave());
    }
    this.#write();
  }

  open(socket: TcpSocket): void {
    this.begin(socket);
  }

  drain(): void {
    this.#blocked = false;
    this.#write();
  }

  end(): void {
    this.#violates(this.peerEnded, "the peer's end was told twice");
    this.peerEnded = true;
    this.#maybeEnd();
  }

  close(_: TcpSocket, failure: TcpFailure | null): void {
    this.#violates(this.outcome !== undefined, "`close` was told twice");
    // Both FINs in one batch: `close` comes in place of the last `readable`, and `readEnded` tells.
    if (failure === null && this.readable !== undefined && !this.peerEnded) this.#readAll();
    this.outcome = failure;
  }

  #violates(wrong: boolean, text: string): void {
    if (wrong) this.#violated(new Violation(`${this.label}: ${text}`));
  }

  #rests(chance: number): boolean {
    return chance > 0 && randomUnit(this.#random) < chance;
  }

  #restMs(): number {
    return randomBelow(this.#random, this.plan.pauseMsMax * 1000) / 1000;
  }

  #write(): void {
    const { socket, plan } = this;
    if (socket === null || this.ended || this.#resting || this.#blocked || this.outcome !== undefined) return;
    while (this.sent < plan.octets) {
      if (this.#rests(plan.writePause)) {
        this.#resting = true;
        this.#timebase.after(this.#restMs(), () => {
          this.#resting = false;
          this.#write();
        });
        return;
      }
      const length = Math.min(1 + randomBelow(this.#random, plan.writeMax), plan.octets - this.sent);
      const octets = this.#sends.slice(this.sent, length);
      this.sent += length;
      const goesOn = plan.copies ? this.#sendCopied(socket, octets) : socket.send(octets);
      if (!goesOn) {
        this.#blocked = true;
        break;
      }
    }
    this.#maybeEnd();
  }

  /** What was copied is the caller's again. */
  #sendCopied(socket: TcpSocket, octets: Buffer): boolean {
    const mine = Buffer.from(octets);
    const goesOn = socket.sendCopy(mine);
    mine.fill(0xee);
    return goesOn;
  }

  #maybeEnd(): void {
    if (this.ended || this.socket === null || this.sent < this.plan.octets) return;
    if (this.plan.ending === "after-peer" && !this.peerEnded) return;
    this.ended = true;
    this.socket.end();
  }

  #leave(): void {
    if (this.socket === null || this.outcome !== undefined) return;
    this.left = true;
    this.ended = true;
    if (this.plan.ending === "abort") this.socket.abort();
    else this.socket.close();
  }

  #take(octets: Uint8Array, start: number, end: number): void {
    const length = end - start;
    this.#violates(this.peerEnded, "octets came behind the peer's end");
    this.#violates(length <= 0, "nothing was delivered");
    for (let at = 0; at < length; at += PERIOD) {
      const most = Math.min(PERIOD, length - at);
      const expected = this.#expects.slice(this.received + at, most);
      const same = expected.compare(octets, start + at, start + at + most) === 0;
      this.#violates(!same, `octets ${String(this.received + at)} and up are not those that were sent`);
    }
    this.received += length;
    const { socket } = this;
    if (socket === null || !this.plan.lent || !this.#rests(this.plan.readPause)) return;
    socket.pause();
    this.#timebase.after(this.#restMs(), () => {
      if (this.outcome === undefined || this.outcome === null) socket.resume();
    });
  }

  #read(): void {
    const { socket } = this;
    if (socket === null || this.left) return;
    this.#violates(socket.info().unread > this.#readMax, "more waits to be read than the buffer takes");
    if (this.#rests(this.plan.readPause)) {
      this.#timebase.after(this.#restMs(), () => this.#readAll());
      return;
    }
    this.#readAll();
  }

  #readAll(): void {
    const { socket } = this;
    // `read` may call `close` before it returns the last chunk.
    if (socket === null || this.left || this.#reading) return;
    if (this.outcome !== undefined && this.outcome !== null) return; // A reset takes away what was not read.
    this.#reading = true;
    for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) this.#take(chunk, 0, chunk.length);
    this.#reading = false;
    if (socket.readEnded && !this.peerEnded) this.end();
  }
}
