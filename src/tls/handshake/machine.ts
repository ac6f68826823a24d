import type { Fault } from "../alert.ts";
import type { ChooseJob, HelloFacts, Job, SignJob, UnwrapJob, VerifyJob } from "../jobs.ts";
import type { Side, SessionSecrets } from "../keys/session-secrets.ts";
import type { RecordOpener, RecordSealer } from "../record/protection.ts";
import type { X509Certificate } from "node:crypto";
import type { ResumableSession } from "../sessions/session.ts";
import type { HandshakeMessage } from "./message.ts";
import type { Transcript } from "./transcript.ts";

/** A job without what answers it: the wire adds that. */
export type Question<J extends Job> = Omit<J, "resume" | "refuse">;

type ResultOf<J extends Job> = Parameters<J["resume"]>[0];

/** What a handshake's state machine asks of its connection. */
export interface HandshakeWire {
  /** Every message of both sides so far. */
  readonly transcript: Transcript;
  /** Sends a message, and takes it into the transcript. */
  send(type: number, body: Uint8Array): void;
  /** Sends ChangeCipherSpec; from now on `sealer` protects what is sent. */
  changeCipherSpec(sealer: RecordSealer): void;
  /** Hands out a job: no message comes before its result did. */
  ask(job: Question<UnwrapJob>, answered: (result: ResultOf<UnwrapJob>) => Fault | null): void;
  ask(job: Question<SignJob>, answered: (result: ResultOf<SignJob>) => Fault | null): void;
  ask(job: Question<VerifyJob>, answered: (result: ResultOf<VerifyJob>) => Fault | null): void;
  ask(job: Question<ChooseJob>, answered: (result: ResultOf<ChooseJob>) => Fault | null): void;
  /** The version is agreed: records must name it. */
  fixVersion(): void;
  /** The most octets of text that a record may hold in either direction, RFC 6066 §4. */
  limitFragments(octets: number): void;
  /** The secrets are there. They stay the machine's until the handshake is over. */
  derived(secrets: SessionSecrets): void;
  /** A session that may be resumed; a client's. */
  session(session: ResumableSession): void;
  /** The handshake is over; the secrets are the connection's. */
  finished(outcome: HandshakeOutcome): void;
}

export interface HandshakeMachine {
  readonly side: Side;
  start(): void;
  /** One message of the peer's, in the order in which they come. A copy: the machine may keep views of it. */
  message(message: HandshakeMessage): Fault | null;
  /** The peer's ChangeCipherSpec; what opens its records from now on. */
  changeCipherSpec(): RecordOpener | Fault;
  /** Forgets what is secret, if the handshake did not get to its end. */
  wipe(): void;
}

/** What the two sides have agreed on. */
export interface HandshakeOutcome extends HelloOutcome {
  readonly secrets: SessionSecrets;
  /** A session was resumed. */
  readonly resumed: boolean;
  /** What the client named it by: a ticket that the server opened, or the ID under which the server kept it; null without. */
  readonly resumedBy: "ticket" | "id" | null;
  /** The peer's own certificate first; none where it showed none. */
  readonly peerChain: readonly X509Certificate[];
  /** What is wrong with them, in Node's codes; null for nothing. */
  readonly authorizationError: string | null;
  /** How the pre-master secret came about; null where a session was resumed. */
  readonly exchange: ExchangeFacts | null;
}

export interface HelloOutcome {
  readonly alpnProtocol: string | null;
  /** The name that the client asked for. */
  readonly servername: HelloFacts["servername"];
  readonly extendedMasterSecret: boolean;
  readonly encryptThenMac: boolean;
}

export type ExchangeFacts =
  | { readonly kind: "rsa"; readonly modulusBits: number; readonly wrappedOctets: number }
  | { readonly kind: "ecdhe"; readonly group: string; readonly scheme: string };
