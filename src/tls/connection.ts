import {
  ALERT_CODES,
  ALERT_FATAL,
  ALERT_WARNING,
  alertName,
  decodeFault,
  fault,
  isFault,
  type Fault,
} from "./alert.ts";
import type { Job } from "./jobs.ts";
import { CLIENT_HELLO, frameMessage, HELLO_REQUEST, messageName, MessageReader } from "./handshake/message.ts";
import type { HandshakeMachine, HandshakeOutcome, HandshakeWire, Question } from "./handshake/machine.ts";
import { Transcript } from "./handshake/transcript.ts";
import type { SessionSecrets } from "./keys/session-secrets.ts";
import { PLAIN_OPENER, PLAIN_SEALER, type RecordOpener, type RecordSealer } from "./record/protection.ts";
import { RecordReader, type WireRecord } from "./record/record-reader.ts";
import {
  ALERT,
  APPLICATION_DATA,
  CHANGE_CIPHER_SPEC,
  HANDSHAKE,
  PLAINTEXT_MAX,
  type ContentType,
} from "./record/record.ts";
import type { ResumableSession } from "./sessions/session.ts";

/** Records without text that may follow each other, and warnings: a peer that sends nothing else only costs time. */
export const EMPTY_RECORDS_MAX = 32;
export const WARNINGS_MAX = 5;
/** Requests to renegotiate that are answered with `no_renegotiation`; the next one ends the connection. */
export const RENEGOTIATION_REQUESTS_MAX = 5;

/** Records that are kept back for an alert when a key has sealed as many as it may. */
const RECORDS_KEPT_BACK = 2;

/** Why a connection ended otherwise than in order. */
export type ConnectionFailure =
  /** The peer did what it must not; it was told by `alert`. */
  | ({ readonly kind: "fault" } & Fault)
  /** The peer's fatal alert. */
  | { readonly kind: "alert"; readonly alert: string }
  /** The octets ended without close_notify: they may have been cut off (RFC 5246 §7.2.1). */
  | { readonly kind: "truncated" }
  /** The keys have protected as many records as they may. */
  | { readonly kind: "worn-out" };

/** What a connection tells its owner, during the owner's own calls. */
export interface ConnectionHandler {
  /** Records for the peer; ownership passes. */
  write(octets: Buffer): void;
  /** Octets of the application; ownership passes. */
  data(octets: Uint8Array): void;
  /** Work that the handshake waits for: `resume` or `refuse` it, at once or later. */
  job(job: Job): void;
  secure(outcome: HandshakeOutcome): void;
  /** A session that may be resumed; ownership passes. */
  session(session: ResumableSession): void;
  /** A line for SSLKEYLOGFILE: whoever reads it reads the connection. */
  keyLog(line: string): void;
  /** The peer's close_notify: nothing more comes. */
  end(): void;
  /** It is over. Any alert has been written; what still arrives is to be thrown away. */
  fail(failure: ConnectionFailure): void;
}

type Phase = "handshake" | "open" | "over";

/**
 * One TLS 1.2 connection, RFC 5246: octets in; octets, events and jobs out. It has no clock, no socket and no randomness of
 * its own, so that the same input gives the same output.
 *
 * Errors: never throws for what a peer sends; `fail` tells, once.
 * Bound:  while a job is out, octets are held unread: the owner stops its source as long as `waiting` says so.
 */
export class TlsConnection {
  readonly #handler: ConnectionHandler;
  readonly #machine: HandshakeMachine;
  readonly #transcript = new Transcript();
  readonly #records = new RecordReader();
  readonly #messages = new MessageReader();
  #opener: RecordOpener = PLAIN_OPENER;
  #sealer: RecordSealer = PLAIN_SEALER;
  #fragmentMax = PLAINTEXT_MAX;
  #phase: Phase = "handshake";
  #waiting = false;
  #running = false;
  /** How often something came while a turn was running: a transport may answer inside `write`. */
  #stirs = 0;
  /** Handshake messages that are not sealed yet: those of a flight share their records. */
  #flight: Buffer[] = [];
  /** Sealed records that the handler has not got yet. */
  #sealed: Buffer[] = [];
  #emptyRecords = 0;
  #warnings = 0;
  #renegotiations = 0;
  #closeSent = false;
  #closeReceived = false;
  #secrets: SessionSecrets | null = null;

  constructor(handler: ConnectionHandler, makeMachine: (wire: HandshakeWire) => HandshakeMachine) {
    this.#handler = handler;
    this.#machine = makeMachine(this.#wire());
  }

  /** A job is out. */
  get waiting(): boolean {
    return this.#waiting;
  }
  /** The handshake is over, and the connection is not. */
  get isOpen(): boolean {
    return this.#phase === "open";
  }
  /** Octets that were given to `input` and are held until a job is done. */
  get held(): number {
    return this.#records.unread;
  }

  /** Begins the handshake: a client sends its hello. */
  start(): void {
    this.#run(() => this.#machine.start());
  }

  /** Takes octets of the peer over. */
  input(octets: Uint8Array): void {
    if (this.#phase === "over" || this.#closeReceived) return;
    this.#records.push(octets);
    this.#run(() => {});
  }

  /** The transport's end: nothing more will come in. */
  inputEnded(): void {
    if (this.#phase !== "over" && !this.#closeReceived) this.#over({ kind: "truncated" });
  }

  /** Seals and sends `octets`, as many records as they take. Precondition: `isOpen`, and `end` was not called. */
  write(octets: Uint8Array): void {
    if (this.#phase !== "open" || this.#closeSent) return;
    if (!this.#seal(APPLICATION_DATA, octets)) return this.#wornOut();
    this.#flush();
  }

  /** Sends close_notify: nothing more goes out. What the peer sends still comes in. */
  end(): void {
    if (this.#phase === "over" || this.#closeSent) return;
    this.#closeSent = true;
    this.#seal(ALERT, alert(ALERT_WARNING, ALERT_CODES.close_notify));
    this.#flush();
    if (this.#closeReceived) this.wipe();
  }

  /** Gives the connection up without a word to anybody. */
  abandon(): void {
    this.#phase = "over";
    this.wipe();
  }

  /** RFC 5705. Null where there are no secrets, or no longer. */
  exportKeyingMaterial(label: string, length: number, context: Uint8Array | null): Buffer | null {
    return this.#secrets?.exportKeyingMaterial(label, length, context) ?? null;
  }

  /** Forgets every secret. */
  wipe(): void {
    this.#machine.wipe();
    this.#secrets?.wipe();
    this.#secrets = null;
    this.#opener.wipe();
    this.#sealer.wipe();
    this.#records.clear();
    this.#messages.clear();
    this.#transcript.clear();
  }

  #wire(): HandshakeWire {
    return {
      transcript: this.#transcript,
      send: (type, body) => this.#send(type, body),
      changeCipherSpec: (sealer) => {
        this.#sealFlight();
        this.#seal(CHANGE_CIPHER_SPEC, Buffer.of(1));
        this.#sealer = sealer;
      },
      ask: (job: Question<Job>, answered: (result: never) => Fault | null) => this.#ask(job, answered),
      fixVersion: () => this.#records.fixVersion(),
      limitFragments: (octets) => (this.#fragmentMax = octets),
      derived: (secrets) => this.#handler.keyLog(secrets.keyLogLine()),
      session: (session) => this.#handler.session(session),
      finished: (outcome) => this.#finished(outcome),
    };
  }

  /** Runs one turn: `first`, then everything that has come and can be taken; then sends what there is. */
  #run(first: () => void): void {
    if (this.#running) {
      this.#stirs++;
      return first();
    }
    this.#running = true;
    try {
      first();
      let seen: number;
      do {
        seen = this.#stirs;
        this.#process();
        this.#flush();
      } while (seen !== this.#stirs);
    } finally {
      this.#running = false;
    }
  }

  #process(): void {
    while (this.#phase !== "over" && !this.#waiting && !this.#closeReceived) {
      const message = this.#messages.next();
      if (message !== null) {
        const wrong = isFault(message) ? message : this.#message(message);
        if (wrong !== null) return this.#fault(wrong);
        continue;
      }
      const record = this.#records.next();
      if (record === null) return;
      const wrong = isFault(record) ? record : this.#record(record);
      if (wrong !== null) return this.#fault(wrong);
    }
  }

  #message(message: Parameters<HandshakeMachine["message"]>[0]): Fault | null {
    const { type } = message;
    // RFC 5246 §7.4.1.1: a client that is in a handshake passes it over; it is no part of the transcript.
    if (this.#machine.side === "client" && type === HELLO_REQUEST) return this.#helloRequest(message.body);
    if (this.#phase === "handshake") return this.#machine.message(message);
    if (this.#machine.side === "server" && type === CLIENT_HELLO) return this.#refuseRenegotiation();
    return fault("unexpected_message", `${messageName(type)} after the handshake`);
  }

  #helloRequest(body: Uint8Array): Fault | null {
    return body.length > 0 ? decodeFault("HelloRequest") : this.#refuseRenegotiation();
  }

  /** RFC 5246 §7.2.2: the peer may go on without. Inside a handshake nothing is said (§7.4.1.1). */
  #refuseRenegotiation(): Fault | null {
    this.#renegotiations++;
    if (this.#renegotiations > RENEGOTIATION_REQUESTS_MAX) {
      return fault("handshake_failure", "renegotiation was asked for again and again");
    }
    if (this.#phase === "open" && !this.#closeSent) {
      this.#seal(ALERT, alert(ALERT_WARNING, ALERT_CODES.no_renegotiation));
    }
    return null;
  }

  #record({ type, fragment }: WireRecord): Fault | null {
    if (this.#opener.recordsLeft === 0)
      return fault("internal_error", "the keys have opened as many records as they may");
    if (type === CHANGE_CIPHER_SPEC) return this.#changeCipherSpec(fragment);
    const text = this.#opener.open(type, fragment);
    if (text === null) return fault("bad_record_mac", "a record cannot be opened");
    const wrong = this.#judgeText(type, text);
    if (wrong !== null) return wrong;
    switch (type) {
      case ALERT:
        return this.#alert(text);
      case HANDSHAKE:
        this.#messages.push(text);
        return null;
      case APPLICATION_DATA:
        if (text.length > 0) this.#handler.data(text);
        return null;
    }
  }

  /** RFC 5246 §6.2.1. */
  #judgeText(type: ContentType, text: Uint8Array): Fault | null {
    if (text.length > this.#fragmentMax) return fault("record_overflow", `a record with ${text.length} octets of text`);
    if (this.#messages.partial && type !== HANDSHAKE) {
      return fault("unexpected_message", "another record inside a handshake message");
    }
    if (type === APPLICATION_DATA && this.#phase !== "open") {
      return fault("unexpected_message", "application data before the handshake is over");
    }
    if (text.length > 0) {
      this.#emptyRecords = 0;
      if (type !== ALERT) this.#warnings = 0;
      return null;
    }
    if (type !== APPLICATION_DATA)
      return fault("unexpected_message", "an empty record of a kind that must not be empty");
    this.#emptyRecords++;
    return this.#emptyRecords > EMPTY_RECORDS_MAX ? fault("unexpected_message", "too many empty records") : null;
  }

  /** RFC 5246 §7.1: still under the old keys, and never between the parts of a message. */
  #changeCipherSpec(fragment: Uint8Array): Fault | null {
    if (this.#phase !== "handshake" || this.#messages.partial) {
      return fault("unexpected_message", "ChangeCipherSpec was not due");
    }
    const text = this.#opener.open(CHANGE_CIPHER_SPEC, fragment);
    if (text === null) return fault("bad_record_mac", "a record cannot be opened");
    const opener = this.#machine.changeCipherSpec();
    if (isFault(opener)) return opener;
    if (text.length !== 1 || text[0] !== 1) return decodeFault("ChangeCipherSpec");
    this.#opener = opener;
    return null;
  }

  #alert(text: Uint8Array): Fault | null {
    if (text.length !== 2) return decodeFault("an alert");
    const [level, code] = text;
    if (code === ALERT_CODES.close_notify && (level === ALERT_WARNING || level === ALERT_FATAL))
      return this.#closeNotify();
    if (level === ALERT_FATAL) {
      this.#over({ kind: "alert", alert: alertName(code) });
      return null;
    }
    return level === ALERT_WARNING ? this.#countWarning() : fault("illegal_parameter", `an alert of level ${level}`);
  }

  #closeNotify(): null {
    if (this.#phase === "handshake") {
      this.#over({ kind: "truncated" });
      return null;
    }
    this.#closeReceived = true;
    this.#records.clear(); // What comes behind it is never read.
    this.#handler.end();
    if (this.#closeSent) this.wipe();
    return null;
  }

  /** Warnings without anything else between them. */
  #countWarning(): Fault | null {
    this.#warnings++;
    return this.#warnings > WARNINGS_MAX ? fault("unexpected_message", "too many warnings") : null;
  }

  #ask(question: Question<Job>, answered: (result: never) => Fault | null): void {
    this.#waiting = true;
    let open = true;
    const settle = (act: () => Fault | null): void => {
      if (!open) return;
      open = false;
      this.#waiting = false;
      if (this.#phase === "over") return;
      this.#run(() => {
        const wrong = act();
        if (wrong !== null) this.#fault(wrong);
      });
    };
    const job = {
      ...question,
      resume: (result: never) => {
        const octets: unknown = result;
        if (this.#phase === "over" && octets instanceof Uint8Array) octets.fill(0); // Nobody else will.
        settle(() => answered(result));
      },
      refuse: (refused: Fault) => settle(() => refused),
    };
    this.#handler.job(job as unknown as Job);
  }

  #send(type: number, body: Uint8Array): void {
    const whole = frameMessage(type, body);
    this.#transcript.add(whole);
    this.#flight.push(whole);
  }

  #finished(outcome: HandshakeOutcome): void {
    this.#sealFlight();
    this.#phase = "open";
    this.#secrets = outcome.secrets;
    this.#transcript.clear();
    this.#flush(); // Before anything that the owner writes when it is told.
    this.#handler.secure(outcome);
  }

  #sealFlight(): void {
    if (this.#flight.length === 0) return;
    const messages = Buffer.concat(this.#flight);
    this.#flight = [];
    this.#seal(HANDSHAKE, messages);
  }

  /** Seals `octets` in as few records as they fit in. False where the keys are worn out. */
  #seal(type: ContentType, octets: Uint8Array): boolean {
    const sealer = this.#sealer;
    const records = Math.ceil(octets.length / this.#fragmentMax);
    if (sealer.recordsLeft < records + (type === APPLICATION_DATA ? RECORDS_KEPT_BACK : 0)) return false;
    const into = Buffer.allocUnsafe(octets.length + records * sealer.overhead);
    let end = 0;
    for (let at = 0; at < octets.length; at += this.#fragmentMax) {
      end = sealer.seal(type, octets.subarray(at, at + this.#fragmentMax), into, end);
    }
    if (end > 0) this.#sealed.push(into.subarray(0, end));
    return true;
  }

  #flush(): void {
    this.#sealFlight();
    const sealed = this.#sealed;
    if (sealed.length === 0) return;
    this.#sealed = [];
    this.#handler.write(sealed.length === 1 ? sealed[0] : Buffer.concat(sealed));
  }

  #fault(found: Fault): void {
    this.#sealFlight();
    if (!this.#closeSent) this.#seal(ALERT, alert(ALERT_FATAL, ALERT_CODES[found.alert]));
    this.#over({ kind: "fault", ...found });
  }

  /** RFC 5246 §6.1: the numbers of records must not wrap; GCM's own limit comes much earlier. */
  #wornOut(): void {
    this.end();
    this.#over({ kind: "worn-out" });
  }

  #over(failure: ConnectionFailure): void {
    if (this.#phase === "over") return;
    this.#phase = "over";
    this.#flush();
    this.wipe();
    this.#handler.fail(failure);
  }
}

const alert = (level: number, code: number): Buffer => Buffer.of(level, code);
