import { constants, createHash, publicEncrypt, X509Certificate } from "node:crypto";

import { ExtensionWriter, EXTENDED_MASTER_SECRET, RENEGOTIATION_INFO } from "../../../src/tls/handshake/extensions.ts";
import { parseServerHello, writeClientHello, type ServerHello } from "../../../src/tls/handshake/hello.ts";
import { writeRenegotiationInfo } from "../../../src/tls/handshake/hello-extensions.ts";
import { parseCertificates } from "../../../src/tls/handshake/certificate-message.ts";
import { writeClientKeyExchange } from "../../../src/tls/handshake/key-exchange-messages.ts";
import {
  CERTIFICATE,
  CLIENT_HELLO,
  CLIENT_KEY_EXCHANGE,
  FINISHED,
  frameMessage,
  SERVER_HELLO,
} from "../../../src/tls/handshake/message.ts";
import { isFault, type Fault } from "../../../src/tls/alert.ts";
import { extendedMasterSecret } from "../../../src/tls/keys/key-schedule.ts";
import { SessionSecrets } from "../../../src/tls/keys/session-secrets.ts";
import type { RecordOpener, RecordSealer } from "../../../src/tls/record/protection.ts";
import { CHANGE_CIPHER_SPEC, HANDSHAKE, type ContentType } from "../../../src/tls/record/record.ts";
import { alertName } from "../../../src/tls/alert.ts";
import type { Endpoint } from "./endpoint.ts";
import { seededOctets, suiteNamed } from "./endpoint.ts";
import { readMessages, readRecords, record } from "./wire.ts";

const legal = <T extends object>(parsed: T | Fault): T => {
  if (isFault(parsed)) throw new Error(parsed.reason);
  return parsed;
};

export interface HandHello {
  readonly version: number;
  readonly suites: readonly number[];
  readonly sessionId: Buffer;
  readonly extensions: ExtensionWriter;
}

export const plainExtensions = (): ExtensionWriter =>
  new ExtensionWriter().add(EXTENDED_MASTER_SECRET).add(RENEGOTIATION_INFO, writeRenegotiationInfo);

/**
 * A client of the RSA key exchange whose every message can be made wrong: what the attacker of a server has. Each step sends
 * at once; a step that is left out is simply not made.
 */
export class HandClient {
  readonly server: Endpoint;
  readonly random = Buffer.alloc(32, 0xc1);
  /** The pre-master secret that it means. */
  readonly preMaster = Buffer.concat([Buffer.of(3, 3), Buffer.alloc(46, 0x5e)]);
  suite = suiteNamed("AES128-GCM-SHA256");
  readonly #transcript: Buffer[] = [];
  #hello: ServerHello | null = null;
  #certificate: X509Certificate | null = null;
  #secrets: SessionSecrets | null = null;
  #sealer: RecordSealer | null = null;
  #opener: RecordOpener | null = null;
  /** What the server has sent, behind its first flight. */
  #heard = Buffer.alloc(0);
  /** The server's ChangeCipherSpec has been heard. */
  #encrypted = false;

  constructor(server: Endpoint) {
    this.server = server;
  }

  /** Sends handshake messages in one record, and takes them into the transcript. */
  say(type: number, body: Uint8Array): this {
    const whole = frameMessage(type, body);
    this.#transcript.push(whole);
    return this.raw(record(HANDSHAKE, whole));
  }
  raw(octets: Uint8Array): this {
    this.server.feed(octets);
    this.#listen();
    return this;
  }

  hello(over: Partial<HandHello> = {}): this {
    const {
      version = 0x0303,
      suites = [this.suite.id],
      sessionId = Buffer.alloc(0),
      extensions = plainExtensions(),
    } = over;
    return this.say(CLIENT_HELLO, writeClientHello({ version, random: this.random, sessionId, suites, extensions }));
  }

  /** The pre-master secret between the parts of PKCS#1 v1.5; `edit` may spoil it. */
  block(edit: (block: Buffer) => void = () => {}): Buffer {
    const block = Buffer.alloc(256, 0xaa);
    block[0] = 0;
    block[1] = 2;
    block[256 - 49] = 0;
    block.set(this.preMaster, 256 - 48);
    edit(block);
    return block;
  }
  /** Of the server's public key, big-endian. */
  modulus(): Buffer {
    const { n = "" } = this.#certificate?.publicKey.export({ format: "jwk" }) ?? {};
    return Buffer.from(n, "base64url");
  }
  /** What the server's public key makes of `block`. */
  wrap(block: Buffer): Buffer {
    if (this.#certificate === null) throw new Error("no certificate has come");
    return publicEncrypt({ key: this.#certificate.publicKey, padding: constants.RSA_NO_PADDING }, block);
  }
  keyExchange(wrapped = this.wrap(this.block())): this {
    this.say(CLIENT_KEY_EXCHANGE, writeClientKeyExchange(wrapped, "rsa"));
    this.derive();
    return this;
  }
  /** The keys that follow from `preMaster` and what was said so far. */
  derive(): void {
    const randoms = { client: this.random, server: this.#hello?.random ?? Buffer.alloc(32) };
    const master = extendedMasterSecret(this.suite.prf, this.preMaster, this.digest());
    const random = seededOctets(3);
    this.#secrets = new SessionSecrets({ suite: this.suite, randoms, master, encryptThenMac: false, random });
    const { sealer, opener } = this.#secrets.protection("client");
    this.#sealer = sealer;
    this.#opener = opener;
  }
  digest(): Buffer {
    return createHash(this.suite.prf).update(Buffer.concat(this.#transcript)).digest();
  }
  changeCipherSpec(fragment = Buffer.of(1)): this {
    return this.raw(record(CHANGE_CIPHER_SPEC, fragment));
  }
  verifyData(): Buffer {
    if (this.#secrets === null) throw new Error("no keys");
    return this.#secrets.verifyData("client", this.digest());
  }
  finished(data = this.verifyData()): this {
    const whole = frameMessage(FINISHED, data);
    const sealed = this.seal(HANDSHAKE, whole);
    this.#transcript.push(whole);
    return this.raw(sealed);
  }
  /** A whole handshake in order. */
  complete(): this {
    return this.hello().keyExchange().changeCipherSpec().finished();
  }

  /** A record under the connection's keys. */
  seal(type: ContentType, text: Uint8Array): Buffer {
    if (this.#sealer === null) throw new Error("no keys");
    const into = Buffer.alloc(text.length + this.#sealer.overhead);
    return into.subarray(0, this.#sealer.seal(type, text, into, 0));
  }

  /** What the server has sent behind its first flight and nobody has read yet, in hexadecimal. */
  heard(): string {
    this.#listen();
    const heard = this.#heard.toString("hex");
    this.#heard = Buffer.alloc(0);
    return heard;
  }

  /** Alerts that the server has sent, in the clear and under its keys: "fatal decode_error". */
  alerts(): string[] {
    this.#listen();
    const alerts: string[] = [];
    for (const { type, fragment } of readRecords(this.#heard)) {
      const text = this.#encrypted ? this.#opener?.open(type, fragment) : fragment;
      if (text === null || text === undefined) throw new Error("the server's record cannot be opened");
      if (type === CHANGE_CIPHER_SPEC) this.#encrypted = true;
      if (type === 21) alerts.push(`${text[0] === 2 ? "fatal" : "warning"} ${alertName(text[1])}`);
    }
    this.#heard = Buffer.alloc(0);
    return alerts;
  }

  /** Reads the server's first flight; what comes later is kept for `alerts`. */
  #listen(): void {
    const octets = this.server.take();
    this.#heard = Buffer.concat([this.#heard, octets]);
    if (this.#hello !== null || octets.length === 0 || octets[0] !== HANDSHAKE) return;
    for (const { type, body, whole } of readMessages(octets)) {
      this.#transcript.push(whole);
      if (type === SERVER_HELLO) this.#hello = legal(parseServerHello(body));
      if (type === CERTIFICATE) this.#certificate = new X509Certificate(legal(parseCertificates(body))[0]);
    }
  }
}
