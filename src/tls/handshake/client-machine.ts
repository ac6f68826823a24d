import type { X509Certificate } from "node:crypto";

import { assert } from "../../base/assert.ts";
import { decodeFault, fault, isFault, type Fault } from "../alert.ts";
import { parsePeerChain } from "../certificates/peer-chain.ts";
import type { Identity } from "../identity.ts";
import type { PeerVerdict } from "../jobs.ts";
import { extendedMasterSecret, masterSecret, type HelloRandoms } from "../keys/key-schedule.ts";
import { modulusOctets, wrapPreMaster } from "../keys/rsa-wrapping.ts";
import { SessionSecrets } from "../keys/session-secrets.ts";
import type { RecordOpener, RecordSealer } from "../record/protection.ts";
import { TICKET_KEPT_MAX, type ResumableSession } from "../sessions/session.ts";
import { keyKind, verifyOctets, type SignatureScheme } from "../signature-schemes.ts";
import { parseCertificates, writeCertificates } from "./certificate-message.ts";
import { ECDSA_SIGN, parseCertificateRequest, RSA_SIGN, type CertificateRequest } from "./certificate-request.ts";
import type { ClientConfig } from "./client-config.ts";
import { planClientHello, type SentHello } from "./client-hello-plan.ts";
import { checkFinished } from "./finished.ts";
import {
  parseNewSessionTicket,
  parseServerKeyExchange,
  writeCertificateVerify,
  writeClientKeyExchange,
} from "./key-exchange-messages.ts";
import type { ExchangeFacts, HandshakeMachine, HandshakeWire } from "./machine.ts";
import {
  CERTIFICATE,
  CERTIFICATE_REQUEST,
  CERTIFICATE_VERIFY,
  CLIENT_HELLO,
  CLIENT_KEY_EXCHANGE,
  FINISHED,
  messageName,
  NEW_SESSION_TICKET,
  SERVER_HELLO,
  SERVER_HELLO_DONE,
  SERVER_KEY_EXCHANGE,
  type HandshakeMessage,
} from "./message.ts";
import { readServerAnswer, type ServerAnswer } from "./server-answer.ts";

/** What the client waits for, RFC 5246 §7.3 figures 1 and 2, RFC 5077 §3.1. */
const SERVER_HELLO_DUE = 0,
  CERTIFICATE_DUE = 1,
  SERVER_KEY_EXCHANGE_DUE = 2,
  REQUEST_OR_DONE_DUE = 3,
  DONE_DUE = 4,
  TICKET_DUE = 5,
  CHANGE_CIPHER_SPEC_DUE = 6,
  FINISHED_DUE = 7,
  OVER = 8;
type State = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

/** What is agreed on with ServerHello. */
interface Agreed extends ServerAnswer {
  readonly randoms: HelloRandoms;
}

/** Secrets, and how records are protected with them once ChangeCipherSpec says so. */
interface Derived {
  readonly secrets: SessionSecrets;
  readonly opener: RecordOpener;
  readonly sealer: RecordSealer;
}

/** What goes into ClientKeyExchange, and the secret that comes of it. */
interface Exchanged {
  readonly octets: Buffer;
  readonly preMaster: Buffer;
}

/** The client's side of a handshake. */
export class ClientMachine implements HandshakeMachine {
  readonly side = "client";
  readonly #wire: HandshakeWire;
  readonly #config: ClientConfig;
  readonly #sent: SentHello;
  #state: State = SERVER_HELLO_DUE;
  #agreed: Agreed | null = null;
  #exchange: ExchangeFacts | null = null;
  #exchanged: Exchanged | null = null;
  #request: CertificateRequest | null = null;
  #peerChain: readonly X509Certificate[] = [];
  #authorizationError: string | null = null;
  #derived: Derived | null = null;
  #ticket: Buffer | null = null;
  #lifetimeHint = 0;

  constructor(wire: HandshakeWire, config: ClientConfig) {
    this.#wire = wire;
    this.#config = config;
    this.#sent = planClientHello(config);
  }

  start(): void {
    this.#wire.send(CLIENT_HELLO, this.#sent.body);
  }

  message(message: HandshakeMessage): Fault | null {
    switch (this.#state) {
      case SERVER_HELLO_DUE:
        if (message.type === SERVER_HELLO) return this.#serverHello(message);
        break;
      case CERTIFICATE_DUE:
        if (message.type === CERTIFICATE) return this.#certificate(message);
        break;
      case SERVER_KEY_EXCHANGE_DUE:
        if (message.type === SERVER_KEY_EXCHANGE) return this.#serverKeyExchange(message);
        break;
      case REQUEST_OR_DONE_DUE:
        if (message.type === CERTIFICATE_REQUEST) return this.#certificateRequest(message);
        if (message.type === SERVER_HELLO_DONE) return this.#serverHelloDone(message);
        break;
      case DONE_DUE:
        if (message.type === SERVER_HELLO_DONE) return this.#serverHelloDone(message);
        break;
      case TICKET_DUE:
        if (message.type === NEW_SESSION_TICKET) return this.#newSessionTicket(message);
        break;
      case FINISHED_DUE:
        if (message.type === FINISHED) return this.#finished(message);
        break;
      case CHANGE_CIPHER_SPEC_DUE:
      case OVER:
        break;
    }
    return fault("unexpected_message", `${messageName(message.type)} was not due`);
  }

  changeCipherSpec(): RecordOpener | Fault {
    if (this.#state !== CHANGE_CIPHER_SPEC_DUE) return fault("unexpected_message", "ChangeCipherSpec was not due");
    this.#state = FINISHED_DUE;
    return this.#keys.opener;
  }

  wipe(): void {
    this.#exchanged?.preMaster.fill(0);
    this.#derived?.secrets.wipe();
    this.#derived?.opener.wipe();
    this.#derived?.sealer.wipe();
  }

  get #hello(): Agreed {
    const agreed = this.#agreed;
    assert(agreed !== null, "ServerHello has come");
    return agreed;
  }
  get #keys(): Derived {
    const derived = this.#derived;
    assert(derived !== null, "the keys were derived");
    return derived;
  }

  #serverHello({ body, whole }: HandshakeMessage): Fault | null {
    const answer = readServerAnswer(body, this.#sent, this.#config);
    if (isFault(answer)) return answer;
    this.#wire.fixVersion();
    this.#wire.transcript.add(whole);
    this.#agreed = { ...answer, randoms: { client: this.#sent.random, server: answer.hello.random } };
    if (answer.maxFragmentLength !== null) this.#wire.limitFragments(answer.maxFragmentLength);
    const { session } = this.#sent;
    if (answer.resumed && session !== null) return this.#resume(session);
    this.#state = CERTIFICATE_DUE;
    return null;
  }

  #resume(session: ResumableSession): Fault | null {
    const chain = parsePeerChain(session.peerChain);
    if (isFault(chain)) return chain;
    this.#peerChain = chain;
    this.#setSecrets(Buffer.from(session.masterSecret));
    this.#state = this.#hello.sendsTicket ? TICKET_DUE : CHANGE_CIPHER_SPEC_DUE;
    this.#wire.ask({ kind: "verify", chain, resumed: true }, ({ authorizationError }) => {
      this.#authorizationError = session.authorizationError ?? authorizationError;
      return null;
    });
    return null;
  }

  #certificate({ body, whole }: HandshakeMessage): Fault | null {
    const certificates = parseCertificates(body);
    if (isFault(certificates)) return certificates;
    if (certificates.length === 0) return fault("decode_error", "the server has no certificate");
    const chain = parsePeerChain(certificates);
    if (isFault(chain)) return chain;
    const { suite } = this.#hello;
    if (keyKind(chain[0].publicKey) !== suite.authentication) {
      return fault("illegal_parameter", "the certificate's key is not of the kind that the cipher suite names");
    }
    this.#wire.transcript.add(whole);
    this.#peerChain = chain;
    this.#state = suite.keyExchange === "ecdhe" ? SERVER_KEY_EXCHANGE_DUE : REQUEST_OR_DONE_DUE;
    this.#wire.ask({ kind: "verify", chain, resumed: false }, (verdict) => this.#verified(verdict));
    return null;
  }

  #verified({ authorizationError }: PeerVerdict): null {
    this.#authorizationError = authorizationError;
    return null;
  }

  /** RFC 8422 §5.4: the server's ephemeral point, which its certificate's key has signed. */
  #serverKeyExchange({ body, whole }: HandshakeMessage): Fault | null {
    const exchange = parseServerKeyExchange(body);
    if (isFault(exchange)) return exchange;
    const { randoms } = this.#hello;
    const group = this.#config.groups.find(({ id }) => id === exchange.group);
    if (group === undefined) return fault("illegal_parameter", "a group that was not offered");
    const key = this.#peerChain[0].publicKey;
    const scheme = this.#config.schemes.find(({ id }) => id === exchange.scheme);
    if (scheme?.key !== keyKind(key)) return fault("illegal_parameter", "a signature scheme that was not offered");
    const signed = Buffer.concat([randoms.client, randoms.server, exchange.params]);
    if (!verifyOctets(scheme, key, signed, exchange.signature)) {
      return fault("decrypt_error", "the signature of ServerKeyExchange is wrong");
    }
    const share = group.makeShare(this.#config.random);
    const preMaster = share.agree(exchange.point);
    if (preMaster === null) return fault("illegal_parameter", "the server's point is none of the group");
    this.#wire.transcript.add(whole);
    this.#exchanged = { octets: share.point, preMaster };
    this.#exchange = { kind: "ecdhe", group: group.name, scheme: scheme.name };
    this.#state = REQUEST_OR_DONE_DUE;
    return null;
  }

  #certificateRequest({ body, whole }: HandshakeMessage): Fault | null {
    const request = parseCertificateRequest(body);
    if (isFault(request)) return request;
    this.#wire.transcript.add(whole);
    this.#request = request;
    this.#state = DONE_DUE;
    return null;
  }

  #serverHelloDone({ body, whole }: HandshakeMessage): Fault | null {
    if (body.length > 0) return decodeFault("ServerHelloDone");
    this.#wire.transcript.add(whole);
    const proof = this.#sendCertificate();
    const exchanged = this.#exchanged ?? this.#wrap();
    if (exchanged === null) return fault("bad_certificate", "the certificate's key cannot encrypt");
    this.#sendKeyExchange(exchanged);
    if (proof === null) this.#endFlight();
    else this.#sendProof(proof);
    return null;
  }

  /** Answers CertificateRequest, with an empty list where there is nothing that fits (RFC 5246 §7.4.6). */
  #sendCertificate(): { readonly identity: Identity; readonly scheme: SignatureScheme } | null {
    const request = this.#request;
    if (request === null) return null;
    const { identity, schemes } = this.#config;
    const type = identity?.kind === "ecdsa" ? ECDSA_SIGN : RSA_SIGN;
    const scheme = schemes.find(({ id, key }) => key === identity?.kind && request.schemes.includes(id));
    const fits = identity !== null && scheme !== undefined && request.types.includes(type);
    this.#wire.send(CERTIFICATE, writeCertificates(fits ? identity.chain : []));
    return fits ? { identity, scheme } : null;
  }

  #sendKeyExchange({ octets, preMaster }: Exchanged): void {
    const { suite, randoms, extendedMasterSecret: extended } = this.#hello;
    this.#wire.send(CLIENT_KEY_EXCHANGE, writeClientKeyExchange(octets, suite.keyExchange));
    const master = extended
      ? extendedMasterSecret(suite.prf, preMaster, this.#wire.transcript.digest(suite.prf))
      : masterSecret(suite.prf, preMaster, randoms);
    preMaster.fill(0);
    this.#exchanged = null;
    this.#setSecrets(master);
  }

  /** The hybrid encryption: the client makes the secret, and only the server's private key unwraps it. */
  #wrap(): Exchanged | null {
    const key = this.#peerChain[0].publicKey;
    const secret = wrapPreMaster(key, this.#config.random);
    if (secret === null) return null;
    const { preMaster, wrapped } = secret;
    this.#exchange = { kind: "rsa", modulusBits: 8 * modulusOctets(key), wrappedOctets: wrapped.length };
    return { octets: wrapped, preMaster };
  }

  #setSecrets(master: Buffer): void {
    const { suite, randoms, encryptThenMac } = this.#hello;
    const { random } = this.#config;
    const secrets = new SessionSecrets({ suite, randoms, master, encryptThenMac, random });
    this.#derived = { secrets, ...secrets.protection("client") };
    this.#wire.derived(secrets);
  }

  /** RFC 5246 §7.4.8. */
  #sendProof({ identity, scheme }: { readonly identity: Identity; readonly scheme: SignatureScheme }): void {
    const octets = this.#wire.transcript.octets();
    this.#wire.ask({ kind: "sign", key: identity.key, scheme, octets }, (signature) => {
      this.#wire.send(CERTIFICATE_VERIFY, writeCertificateVerify({ scheme: scheme.id, signature }));
      this.#endFlight();
      return null;
    });
  }

  #endFlight(): void {
    this.#sendFinished();
    this.#state = this.#hello.sendsTicket ? TICKET_DUE : CHANGE_CIPHER_SPEC_DUE;
  }

  #sendFinished(): void {
    const { secrets, sealer } = this.#keys;
    const data = secrets.verifyData("client", this.#wire.transcript.digest(secrets.suite.prf));
    this.#wire.changeCipherSpec(sealer);
    this.#wire.send(FINISHED, data);
  }

  #newSessionTicket({ body, whole }: HandshakeMessage): Fault | null {
    const parsed = parseNewSessionTicket(body);
    if (isFault(parsed)) return parsed;
    this.#wire.transcript.add(whole);
    // RFC 5077 §3.3: an empty one takes the offer back.
    const { length } = parsed.ticket;
    if (length > 0 && length <= TICKET_KEPT_MAX) this.#ticket = Buffer.from(parsed.ticket);
    this.#lifetimeHint = parsed.lifetimeHint;
    this.#state = CHANGE_CIPHER_SPEC_DUE;
    return null;
  }

  #finished({ body, whole }: HandshakeMessage): Fault | null {
    const { secrets } = this.#keys;
    const wrong = checkFinished(body, secrets.verifyData("server", this.#wire.transcript.digest(secrets.suite.prf)));
    if (wrong !== null) return wrong;
    this.#wire.transcript.add(whole);
    if (this.#hello.resumed) this.#sendFinished();
    this.#offerSession();
    this.#end();
    return null;
  }

  /** Tells of a session that is new: with a ticket, or under the ID that the server gave it. */
  #offerSession(): void {
    const { suite, resumed, hello, extendedMasterSecret: extended } = this.#hello;
    const id = this.#ticket === null && !resumed ? Buffer.from(hello.sessionId) : Buffer.alloc(0);
    if (!extended || (this.#ticket === null && id.length === 0)) return;
    this.#wire.session({
      suite,
      masterSecret: Buffer.from(this.#keys.secrets.master),
      servername: this.#config.servername,
      peerChain: this.#peerChain.map(({ raw }) => raw),
      authorizationError: this.#authorizationError,
      id,
      ticket: this.#ticket,
      lifetimeHint: this.#lifetimeHint,
    });
  }

  #end(): void {
    const { resumed, alpnProtocol, extendedMasterSecret: extended, encryptThenMac } = this.#hello;
    const namedBy = this.#sent.session?.ticket ? "ticket" : "id";
    this.#state = OVER;
    this.#wire.finished({
      secrets: this.#keys.secrets,
      resumed,
      resumedBy: resumed ? namedBy : null,
      alpnProtocol,
      servername: this.#config.servername,
      extendedMasterSecret: extended,
      encryptThenMac,
      peerChain: this.#peerChain,
      authorizationError: this.#authorizationError,
      exchange: this.#exchange,
    });
    this.#derived = null;
  }
}
