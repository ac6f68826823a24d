import type { KeyObject, X509Certificate } from "node:crypto";

import type { Fault } from "./alert.ts";
import type { UnwrapRequest } from "./keys/rsa-unwrapping.ts";
import type { ServerIdentities } from "./identity.ts";
import type { SignatureScheme } from "./signature-schemes.ts";

/**
 * What a handshake waits for: work that is long (a private key's operation), needs the time (certificates), or is the
 * application's (a callback). The core stands still from when it hands out a job until `resume` or `refuse` is called,
 * once, now or later; when the connection has ended meanwhile, the call changes nothing.
 */
interface Answerable<Result> {
  readonly resume: (result: Result) => void;
  /** Ends the connection: "internal_error" where it is our own fault that there is no answer. */
  readonly refuse: (fault: Fault) => void;
}

/** Server: unwraps the pre-master secret (`unwrapSteps`). The result is the core's to wipe. */
export interface UnwrapJob extends UnwrapRequest, Answerable<Buffer> {
  readonly kind: "unwrap";
}

/** Signs ServerKeyExchange or CertificateVerify (`signatureKey`). */
export interface SignJob extends Answerable<Buffer> {
  readonly kind: "sign";
  readonly key: KeyObject;
  readonly scheme: SignatureScheme;
  readonly octets: Uint8Array;
}

/** What became of the peer's certificate. */
export interface PeerVerdict {
  /** One of Node's codes ("CERT_HAS_EXPIRED", …) where it is not to be trusted but the application goes on all the same. */
  readonly authorizationError: string | null;
}

/** Judges the peer's certificates; `refuse` with an alert on certificates ends the handshake. */
export interface VerifyJob extends Answerable<PeerVerdict> {
  readonly kind: "verify";
  /** The peer's own certificate first. One at least. */
  readonly chain: readonly X509Certificate[];
  /** They were verified when the session was made: only what may have changed since needs a look. */
  readonly resumed: boolean;
}

/** What a client asks for, before anything was chosen. */
export interface HelloFacts {
  /** The server name (SNI), or null. */
  readonly servername: string | null;
  /** Its application protocols, most wanted first. */
  readonly alpnProtocols: readonly string[];
}

export interface HelloChoice {
  readonly identities: ServerIdentities;
  /** The application protocol; null for none. */
  readonly alpnProtocol: string | null;
}

/** Server: chooses certificates and application protocol. */
export interface ChooseJob extends HelloFacts, Answerable<HelloChoice> {
  readonly kind: "choose";
}

export type Job = UnwrapJob | SignJob | VerifyJob | ChooseJob;
