import type { X509Certificate } from "node:crypto";

import { assert } from "../../base/assert.ts";
import { fault, isFault, type Fault } from "../alert.ts";
import { parsePeerChain } from "../certificates/peer-chain.ts";
import type { HelloChoice, PeerVerdict } from "../jobs.ts";
import type { KeyShare } from "../keys/named-groups.ts";
import { extendedMasterSecret, masterSecret, type HelloRandoms } from "../keys/key-schedule.ts";
import { PRE_MASTER_OCTETS } from "../keys/rsa-wrapping.ts";
import { SessionSecrets } from "../keys/session-secrets.ts";
import { drawOctets } from "../random-octets.ts";
import type { RecordOpener, RecordSealer } from "../record/protection.ts";
import { TLS_1_2 } from "../record/record.ts";
import type { Session } from "../sessions/session.ts";
import { keyKind, verifyOctets } from "../signature-schemes.ts";
import type { CipherSuite } from "../suites.ts";
import { parseCertificates, writeCertificates } from "./certificate-message.ts";
import { ECDSA_SIGN, RSA_SIGN, writeCertificateRequest } from "./certificate-request.ts";
import { readClientOffer, type ClientOffer } from "./client-offer.ts";
import { RANDOM_OCTETS, SESSION_ID_OCTETS_MAX, writeServerHello } from "./hello.ts";
import {
  parseCertificateVerify,
  parseClientKeyExchange,
  writeNewSessionTicket,
  writeServerKeyExchange,
  writeServerParams,
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
import { checkFinished } from "./finished.ts";
import { serverHelloExtensions, usesEncryptThenMac } from "./server-hello-extensions.ts";
import { choose, isEcdhe, type ServerChoice } from "./server-choice.ts";
import type { ServerConfig } from "./server-config.ts";
import { findSession, type FoundSession, namedBy } from "./server-resumption.ts";

/** What the server waits for, RFC 5246 §7.3 figures 1 and 2. */
const CLIENT_HELLO_DUE = 0,
  CERTIFICATE_DUE = 1,
  KEY_EXCHANGE_DUE = 2,
  CERTIFICATE_VERIFY_DUE = 3,
  CHANGE_CIPHER_SPEC_DUE = 4,
  FINISHED_DUE = 5,
  OVER = 6;
type State = 0 | 1 | 2 | 3 | 4 | 5 | 6;

const NOTHING = Buffer.alloc(0);

/** What is agreed on with ServerHello. */
interface Agreed {
  readonly offer: ClientOffer;
  readonly suite: CipherSuite;
  readonly randoms: HelloRandoms;
  readonly alpnProtocol: string | null;
  /** A NewSessionTicket follows. */
  readonly sendsTicket: boolean;
  /** The ID under which the session will be kept, or that of the one that is resumed; empty where there is none. */
  readonly sessionId: Buffer;
  readonly resumed: boolean;
}

/** Secrets, and how records are protected with them once ChangeCipherSpec says so. */
interface Derived {
  readonly secrets: SessionSecrets;
  readonly opener: RecordOpener;
  readonly sealer: RecordSealer;
}

/** The server's side of a handshake. */
export class ServerMachine implements HandshakeMachine {
  readonly side = "server";
  readonly #wire: HandshakeWire;
  readonly #config: ServerConfig;
  #state: State = CLIENT_HELLO_DUE;
  #agreed: Agreed | null = null;
  #choice: ServerChoice | null = null;
  #share: KeyShare | null = null;
  #exchange: ExchangeFacts | null = null;
  #peerChain: readonly X509Certificate[] = [];
  #authorizationError: string | null = null;
  #derived: Derived | null = null;

  constructor(wire: HandshakeWire, config: ServerConfig) {
    this.#wire = wire;
    this.#config = config;
  }

  start(): void {
    // The client speaks first.
  }

  message(message: HandshakeMessage): Fault | null {
    switch (this.#state) {
      case CLIENT_HELLO_DUE:
        if (message.type === CLIENT_HELLO) return this.#clientHello(message);
        break;
      case CERTIFICATE_DUE:
        if (message.type === CERTIFICATE) return this.#certificate(message);
        break;
      case KEY_EXCHANGE_DUE:
        if (message.type === CLIENT_KEY_EXCHANGE) return this.#clientKeyExchange(message);
        break;
      case CERTIFICATE_VERIFY_DUE:
        if (message.type === CERTIFICATE_VERIFY) return this.#certificateVerify(message);
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
    this.#derived?.secrets.wipe();
    this.#derived?.opener.wipe();
    this.#derived?.sealer.wipe();
  }

  get #hello(): Agreed {
    const agreed = this.#agreed;
    assert(agreed !== null, "ServerHello was sent");
    return agreed;
  }
  get #keys(): Derived {
    const derived = this.#derived;
    assert(derived !== null, "the keys were derived");
    return derived;
  }

  #clientHello({ body, whole }: HandshakeMessage): Fault | null {
    const offer = readClientOffer(body);
    if (isFault(offer)) return offer;
    this.#wire.fixVersion();
    this.#wire.transcript.add(whole);
    const { servername, alpnProtocols } = offer;
    this.#wire.ask({ kind: "choose", servername, alpnProtocols }, (choice) => this.#chosen(offer, choice));
    return null;
  }

  #chosen(offer: ClientOffer, { identities, alpnProtocol }: HelloChoice): Fault | null {
    const found = findSession(offer, this.#config);
    if (found !== null && isFault(found)) return found;
    if (found !== null) return this.#resume(offer, found, alpnProtocol);
    const choice = choose(offer, this.#config, identities);
    if (isFault(choice)) return choice;
    this.#choice = choice;
    const sendsTicket = offer.extendedMasterSecret && offer.ticket !== null && this.#config.sessions.tickets;
    const keepsId = offer.extendedMasterSecret && !sendsTicket;
    this.#sendHello({
      offer,
      suite: choice.suite,
      alpnProtocol,
      sendsTicket,
      sessionId: keepsId ? drawOctets(this.#config.random, SESSION_ID_OCTETS_MAX) : NOTHING,
      resumed: false,
    });
    this.#wire.send(CERTIFICATE, writeCertificates(choice.identity.chain));
    if (isEcdhe(choice)) this.#sendKeyExchange(choice);
    else this.#endFlight();
    return null;
  }

  #sendHello(agreed: Omit<Agreed, "randoms">): void {
    const { offer, suite, sessionId } = agreed;
    const server = drawOctets(this.#config.random, RANDOM_OCTETS);
    this.#agreed = { ...agreed, randoms: { client: offer.hello.random, server } };
    const extensions = serverHelloExtensions(offer, agreed);
    this.#wire.send(
      SERVER_HELLO,
      writeServerHello({ version: TLS_1_2, random: server, sessionId, suite: suite.id, extensions }),
    );
    if (offer.maxFragmentLength !== null) this.#wire.limitFragments(offer.maxFragmentLength);
  }

  /** RFC 8422 §5.4: an ephemeral point, signed together with both randoms. */
  #sendKeyExchange({ group, scheme, identity }: Extract<ServerChoice, { group: unknown }>): void {
    const share = group.makeShare(this.#config.random);
    this.#share = share;
    this.#exchange = { kind: "ecdhe", group: group.name, scheme: scheme.name };
    const params = writeServerParams(group.id, share.point);
    const { client, server } = this.#hello.randoms;
    const octets = Buffer.concat([client, server, params]);
    this.#wire.ask({ kind: "sign", key: identity.key, scheme, octets }, (signature) => {
      this.#wire.send(SERVER_KEY_EXCHANGE, writeServerKeyExchange(params, { scheme: scheme.id, signature }));
      this.#endFlight();
      return null;
    });
  }

  #endFlight(): void {
    const { clientCertificate, schemes, authorities } = this.#config;
    const asks = clientCertificate !== "none";
    if (asks) {
      const types = [ECDSA_SIGN, RSA_SIGN];
      const request = { types, schemes: schemes.map(({ id }) => id), authorities };
      this.#wire.send(CERTIFICATE_REQUEST, writeCertificateRequest(request));
    }
    this.#wire.send(SERVER_HELLO_DONE, NOTHING);
    this.#state = asks ? CERTIFICATE_DUE : KEY_EXCHANGE_DUE;
  }

  /** RFC 5246 §7.4.6. */
  #certificate({ body, whole }: HandshakeMessage): Fault | null {
    this.#wire.transcript.add(whole);
    const certificates = parseCertificates(body);
    if (isFault(certificates)) return certificates;
    this.#state = KEY_EXCHANGE_DUE;
    if (certificates.length === 0) {
      const required = this.#config.clientCertificate === "require";
      return required ? fault("handshake_failure", "the client has no certificate") : null;
    }
    const chain = parsePeerChain(certificates);
    if (isFault(chain)) return chain;
    this.#peerChain = chain;
    this.#wire.ask({ kind: "verify", chain, resumed: false }, (verdict) => this.#verified(verdict));
    return null;
  }

  #verified({ authorizationError }: PeerVerdict): null {
    this.#authorizationError = authorizationError;
    return null;
  }

  #clientKeyExchange({ body, whole }: HandshakeMessage): Fault | null {
    this.#wire.transcript.add(whole);
    const { offer, suite } = this.#hello;
    const exchanged = parseClientKeyExchange(body, suite.keyExchange);
    if (isFault(exchanged)) return exchanged;
    if (suite.keyExchange === "ecdhe") {
      const shared = this.#share?.agree(exchanged) ?? null;
      return shared === null
        ? fault("illegal_parameter", "the client's point is none of the group")
        : this.#derive(shared);
    }
    const key = this.#choice?.identity.unwrapKey ?? null;
    assert(key !== null, "an RSA key was chosen");
    const substitute = drawOctets(this.#config.random, PRE_MASTER_OCTETS);
    const clientVersion = offer.hello.version;
    this.#exchange = { kind: "rsa", modulusBits: 8 * key.modulus.length, wrappedOctets: exchanged.length };
    this.#wire.ask({ kind: "unwrap", key, wrapped: exchanged, clientVersion, substitute }, (preMaster) => {
      substitute.fill(0);
      return this.#derive(preMaster);
    });
    return null;
  }

  /** Owns `preMaster`, and wipes it. */
  #derive(preMaster: Buffer): null {
    const { offer, suite, randoms } = this.#hello;
    const master = offer.extendedMasterSecret
      ? extendedMasterSecret(suite.prf, preMaster, this.#wire.transcript.digest(suite.prf))
      : masterSecret(suite.prf, preMaster, randoms);
    preMaster.fill(0);
    this.#share = null;
    this.#setSecrets(master);
    this.#state = this.#peerChain.length > 0 ? CERTIFICATE_VERIFY_DUE : CHANGE_CIPHER_SPEC_DUE;
    return null;
  }

  #setSecrets(master: Buffer): void {
    const { offer, suite, randoms } = this.#hello;
    const { random } = this.#config;
    const encryptThenMac = usesEncryptThenMac(offer, suite);
    const secrets = new SessionSecrets({ suite, randoms, master, encryptThenMac, random });
    this.#derived = { secrets, ...secrets.protection("server") };
    this.#wire.derived(secrets);
  }

  /** RFC 5246 §7.4.8: proves that the client has the key to its certificate. */
  #certificateVerify({ body, whole }: HandshakeMessage): Fault | null {
    const signed = parseCertificateVerify(body);
    if (isFault(signed)) return signed;
    const scheme = this.#config.schemes.find(({ id }) => id === signed.scheme);
    if (scheme === undefined) return fault("illegal_parameter", "CertificateVerify by a scheme that was not offered");
    const key = this.#peerChain[0].publicKey;
    if (keyKind(key) !== scheme.key) return fault("illegal_parameter", "CertificateVerify by another kind of key");
    if (!verifyOctets(scheme, key, this.#wire.transcript.octets(), signed.signature)) {
      return fault("decrypt_error", "the signature of CertificateVerify is wrong");
    }
    this.#wire.transcript.add(whole);
    this.#state = CHANGE_CIPHER_SPEC_DUE;
    return null;
  }

  #finished({ body, whole }: HandshakeMessage): Fault | null {
    const { secrets } = this.#keys;
    const wrong = checkFinished(body, secrets.verifyData("client", this.#wire.transcript.digest(secrets.suite.prf)));
    if (wrong !== null) return wrong;
    this.#wire.transcript.add(whole);
    if (!this.#hello.resumed) {
      this.#keepSession();
      this.#sendFinished();
    }
    this.#end();
    return null;
  }

  /** In a ticket, or under an ID. The client's Finished has proved that it has the keys. */
  #keepSession(): void {
    const { sendsTicket, sessionId } = this.#hello;
    const { sessions } = this.#config;
    if (sendsTicket) this.#sendTicket(this.#session(this.#keys.secrets.master));
    else if (sessionId.length > 0) sessions.keep(sessionId, this.#session(Buffer.from(this.#keys.secrets.master)));
  }

  #session(masterSecret: Buffer): Session {
    const { suite, offer } = this.#hello;
    return {
      suite,
      masterSecret,
      servername: offer.servername,
      peerChain: this.#peerChain.map(({ raw }) => raw),
      authorizationError: this.#authorizationError,
    };
  }

  /** An empty ticket says that there is none after all (RFC 5077 §3.3). */
  #sendTicket(session: Session): void {
    const sealed = this.#config.sessions.sealTicket(session);
    const { ticket, lifetime: lifetimeHint } = sealed ?? { ticket: NOTHING, lifetime: 0 };
    this.#wire.send(NEW_SESSION_TICKET, writeNewSessionTicket({ ticket, lifetimeHint }));
  }

  #sendFinished(): void {
    const { secrets, sealer } = this.#keys;
    const data = secrets.verifyData("server", this.#wire.transcript.digest(secrets.suite.prf));
    this.#wire.changeCipherSpec(sealer);
    this.#wire.send(FINISHED, data);
  }

  /** RFC 5246 §7.3 figure 2: the server's Finished comes first. */
  #resume(offer: ClientOffer, { session, renew }: FoundSession, alpnProtocol: string | null): Fault | null {
    const { suite, masterSecret: master } = session;
    const sendsTicket = renew && offer.ticket !== null;
    const sessionId = Buffer.from(offer.hello.sessionId);
    const chain = parsePeerChain(session.peerChain);
    if (isFault(chain)) return chain;
    this.#peerChain = chain;
    this.#authorizationError = session.authorizationError;
    const goOn = (): null => {
      this.#sendHello({ offer, suite, alpnProtocol, sendsTicket, sessionId, resumed: true });
      this.#setSecrets(master);
      if (sendsTicket) this.#sendTicket(session);
      this.#sendFinished();
      this.#state = CHANGE_CIPHER_SPEC_DUE;
      return null;
    };
    if (chain.length === 0) return goOn();
    this.#wire.ask({ kind: "verify", chain, resumed: true }, (verdict) => {
      this.#authorizationError ??= verdict.authorizationError;
      return goOn();
    });
    return null;
  }

  #end(): void {
    const { offer, resumed, alpnProtocol, suite } = this.#hello;
    this.#state = OVER;
    this.#wire.finished({
      secrets: this.#keys.secrets,
      resumed,
      resumedBy: resumed ? namedBy(offer) : null,
      alpnProtocol,
      servername: offer.servername,
      extendedMasterSecret: offer.extendedMasterSecret,
      encryptThenMac: usesEncryptThenMac(offer, suite),
      peerChain: this.#peerChain,
      authorizationError: this.#authorizationError,
      exchange: this.#exchange,
    });
    this.#derived = null;
  }
}
