import { fault } from "../../../src/tls/alert.ts";
import { TrustStore } from "../../../src/tls/certificates/trust-store.ts";
import { verifyPeer } from "../../../src/tls/certificates/verify-peer.ts";
import { runJob } from "../../../src/tls/job-runner.ts";
import type { Job } from "../../../src/tls/jobs.ts";
import {
  ALERT,
  CHANGE_CIPHER_SPEC,
  CIPHERTEXT_MAX,
  HANDSHAKE,
  RECORD_HEADER_OCTETS,
} from "../../../src/tls/record/record.ts";
import type { Endpoint } from "../../tls/support/endpoint.ts";
import { certificatePem } from "../../tls/support/fixtures.ts";
import { readRecords } from "../../tls/support/wire.ts";
import type { Dice } from "./dice.ts";
import { mutate, type Sent } from "./mutations.ts";
import type { Recording } from "./recordings.ts";
import type { StepCounter } from "./steps.ts";

/** Records that a target may write beyond what the recording's own course makes it write. */
const WRITTEN_MAX = 120;
const OCTET_BY_OCTET_MAX = 3000;
/** Cases of which one has something happening besides. */
const INTERFERENCE_ONCE_IN = 6;
const roots = new TrustStore([certificatePem("root")]);

/** What became of a case: counted, so that one sees where the cases end. */
export type Verdict = string;

/** One case: a recording, changed, is given to its target, whatever happens there besides. Throws where a promise is broken. */
export class Siege {
  readonly #recording: Recording;
  readonly #sent: Sent;
  readonly #dice: Dice;
  readonly #target: Endpoint;
  /** Jobs that are answered later, or twice. */
  readonly #jobs: Job[] = [];
  readonly #isLate: boolean;
  readonly #written: Buffer[] = [];
  /** Our own side was ended, or given up: then no alert is owed. */
  #left = false;
  #abandoned = false;

  constructor(recordings: readonly Recording[], dice: Dice) {
    const recording = dice.pick(recordings);
    this.#recording = recording;
    this.#dice = dice;
    this.#sent = mutate(recording, recordings, dice);
    this.#isLate = dice.once(6);
    this.#target = recording.makeTarget((job) => this.#work(job));
  }

  run(steps: StepCounter): Verdict {
    const pieces = this.#pieces();
    steps.begin(this.#sent.octets.length, pieces.length);
    for (const piece of pieces) {
      this.#target.feed(piece);
      this.#interfere(pieces.length);
      this.#check();
    }
    this.#target.connection.inputEnded();
    this.#check();
    for (const job of this.#jobs.splice(0)) this.#answer(job);
    this.#check();
    return this.#judge();
  }

  #pieces(): readonly Buffer[] {
    const { octets } = this.#sent;
    const way = this.#dice.below(4);
    if (way === 0) return [octets];
    const pieces: Buffer[] = [];
    const most = way === 1 && octets.length < OCTET_BY_OCTET_MAX ? 1 : 700;
    for (let at = 0; at < octets.length;) {
      const length = 1 + this.#dice.below(most);
      pieces.push(octets.subarray(at, at + length));
      at += length;
    }
    return pieces;
  }

  #work(job: Job): void {
    if (this.#isLate) this.#jobs.push(job);
    else this.#answer(job);
  }

  #answer(job: Job): void {
    const dice = this.#dice;
    if (dice.once(60)) return job.refuse(fault("internal_error", "refused"));
    if (dice.once(30)) this.#jobs.push(job); // It will be answered again.
    if (job.kind === "verify" && dice.once(8)) this.#verify(job);
    if (this.#recording.answer(job)) return;
    if (dice.once(50)) return runJob(job, { verify: () => {}, choose: () => {} });
    if (job.kind === "unwrap") job.resume(Buffer.from(job.substitute));
    if (job.kind === "sign") job.resume(dice.octets(64));
  }

  /** The chain was changed, perhaps: its verdict is passed over, but there must be one. */
  #verify({ chain, resumed }: Extract<Job, { kind: "verify" }>): void {
    verifyPeer({ chain, resumed, roots, purpose: "server", nowMs: 1_795_000_000_000, host: "localhost" });
  }

  /** What the application, the transport and the workers may do at any time. */
  #interfere(pieces: number): void {
    const { connection } = this.#target;
    const dice = this.#dice;
    if (this.#jobs.length > 0 && dice.once(3)) for (const job of this.#jobs.splice(0, 1)) this.#answer(job);
    if (!dice.once(INTERFERENCE_ONCE_IN * pieces)) return;
    switch (dice.below(4)) {
      case 0:
        if (connection.isOpen) connection.write(dice.octets(dice.skewed(200)));
        break;
      case 1:
        this.#left = true;
        connection.end();
        break;
      case 2:
        this.#left = true;
        this.#abandoned = true;
        connection.abandon();
        break;
      default:
        connection.inputEnded();
    }
  }

  /** What must hold after every step. */
  #check(): void {
    const { connection, failures, ends } = this.#target;
    this.#written.push(this.#target.take());
    promise(failures.length <= 1, "a failure is told once");
    promise(ends <= 1, "an end is told once");
    const over = failures.length > 0;
    promise(!over || !connection.isOpen, "what has failed is not open");
    promise(!over || connection.held === 0, "what has failed holds nothing");
    const bound = RECORD_HEADER_OCTETS + CIPHERTEXT_MAX;
    promise(connection.waiting || connection.held <= bound, "one record is held at most");
  }

  /** What must hold in the end. */
  #judge(): Verdict {
    const { failures, ends, outcome, text } = this.#target;
    const [failure] = failures;
    promise(this.#abandoned || failures.length + ends > 0, "a connection whose transport has ended has ended");
    const records = readRecords(Buffer.concat(this.#written));
    promise(records.length <= WRITTEN_MAX, "answers are bounded");
    if (failure?.kind === "fault" && !this.#left)
      promise(records.at(-1)?.type === ALERT, "a fault is told to the peer");
    promise(ends === 0 || outcome !== null, "only what is open ends in order");
    const { records: byPeer } = this.#sent;
    if (outcome !== null) promise(this.#heardWell(), "a handshake that was changed is never finished");
    if (byPeer === null) {
      const { data } = this.#recording;
      promise(data.subarray(0, text.length).equals(text), "nobody on the path changes a text");
      promise(ends === 0 || text.equals(data), "nobody on the path makes an end");
    }
    const how = failure === undefined ? "ended" : failure.kind === "fault" ? failure.alert : failure.kind;
    return `${this.#recording.target} ${outcome === null ? "in the handshake" : "open"}: ${how}`;
  }

  /**
   * Whether the handshake that was sent is the recorded one, as far as it counts: in the clear by the octets, which may undo
   * what the peer has changed; sealed by what the peer has sealed.
   */
  #heardWell(): boolean {
    const { records: byPeer, octets } = this.#sent;
    const clear: { type: number; text: Buffer }[] = [];
    for (let at = 0; at + RECORD_HEADER_OCTETS <= octets.length && octets[at] !== CHANGE_CIPHER_SPEC;) {
      const end = at + RECORD_HEADER_OCTETS + octets.readUInt16BE(at + 3);
      clear.push({ type: octets[at], text: octets.subarray(at + RECORD_HEADER_OCTETS, end) });
      at = end;
    }
    const sealed = (byPeer ?? this.#recording.records).filter((one) => one.sealed);
    return heard([...clear, ...sealed]).startsWith(relevant(this.#recording.handshake));
  }
}

const heard = (records: readonly { readonly type: number; readonly text: Buffer }[]): string =>
  relevant(Buffer.concat(records.filter(({ type }) => type === HANDSHAKE).map(({ text }) => text)));

/** In hexadecimal, without HelloRequests: these are no part of a handshake (RFC 5246 §7.4.1.1). */
function relevant(handshake: Buffer): string {
  const kept: string[] = [];
  for (let at = 0; at < handshake.length;) {
    const end = at + 4 <= handshake.length ? at + 4 + handshake.readUIntBE(at + 1, 3) : handshake.length;
    const message = handshake.subarray(at, end).toString("hex");
    if (message !== "00000000") kept.push(message);
    at = end;
  }
  return kept.join("");
}

function promise(holds: boolean, what: string): void {
  if (!holds) throw new Error(`broken: ${what}`);
}
