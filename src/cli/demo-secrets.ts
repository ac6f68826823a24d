import { createPrivateKey } from "node:crypto";

import { assert } from "../base/assert.ts";
import type { OverheardTls } from "../inspect/overheard-tls.ts";
import { type Fault, isFault } from "../tls/alert.ts";
import { CRYPTO_RANDOM } from "../tls/crypto-random-source.ts";
import { parseClientHello, parseServerHello } from "../tls/handshake/hello.ts";
import { parseClientKeyExchange } from "../tls/handshake/key-exchange-messages.ts";
import {
  CLIENT_HELLO,
  CLIENT_KEY_EXCHANGE,
  type HandshakeMessage,
  NEW_SESSION_TICKET,
  SERVER_HELLO,
} from "../tls/handshake/message.ts";
import { Transcript } from "../tls/handshake/transcript.ts";
import { deriveKeys, extendedMasterSecret, makeOpener, MASTER_SECRET_OCTETS } from "../tls/keys/key-schedule.ts";
import { rsaUnwrapKey, unwrapPreMaster } from "../tls/keys/rsa-unwrapping.ts";
import { APPLICATION_DATA } from "../tls/record/record.ts";
import { type CipherSuite, suiteById } from "../tls/suites.ts";

/** What was overheard, and what the server's private key makes of it. */
export interface OpenedSecrets {
  readonly suite: CipherSuite;
  readonly wrapped: Uint8Array;
  readonly preMaster: Buffer;
  readonly master: Buffer;
  readonly clientKey: Buffer;
  readonly serverKey: Buffer;
  /** The client's first application data, as it crossed and as it is. */
  readonly sealed: Buffer;
  readonly text: string;
}

interface Directions {
  readonly client: OverheardTls;
  readonly server: OverheardTls;
}

/** Precondition: a whole handshake by RSA key exchange with an extended master secret, and a request behind it. */
export function openOverheard({ client, server }: Directions, privateKey: string): OpenedSecrets {
  const clientHello = parsed(client, CLIENT_HELLO, parseClientHello);
  const serverHello = parsed(server, SERVER_HELLO, parseServerHello);
  const wrapped = parsed(client, CLIENT_KEY_EXCHANGE, (body) => parseClientKeyExchange(body, "rsa"));
  const suite = suiteById(serverHello.suite);
  assert(suite !== undefined, "the server has chosen a suite of ours");
  const preMaster = unwrapPreMaster({
    key: rsaUnwrapKey(createPrivateKey(privateKey)),
    wrapped,
    clientVersion: clientHello.version,
    substitute: Buffer.alloc(MASTER_SECRET_OCTETS),
  });
  const master = extendedMasterSecret(suite.prf, preMaster, sessionHash({ client, server }, suite));
  const keys = deriveKeys(suite, master, { client: clientHello.random, server: serverHello.random });
  const [clientKey, serverKey] = [Buffer.from(keys.client.key), Buffer.from(keys.server.key)];
  const opener = makeOpener(suite, keys.client, { encryptThenMac: false, random: CRYPTO_RANDOM });
  for (const { encrypted, type, fragment } of client.records) {
    if (!encrypted) continue;
    const sealed = Buffer.from(fragment); // Some openers work in place.
    const text = opener.open(type, fragment);
    assert(text !== null, "these are the keys");
    if (type !== APPLICATION_DATA) continue;
    return { suite, wrapped, preMaster, master, clientKey, serverKey, sealed, text: Buffer.from(text).toString() };
  }
  assert(false, "a request was sent");
}

function parsed<T extends object>(from: OverheardTls, type: number, parse: (body: Uint8Array) => T): Exclude<T, Fault> {
  const message = from.messages.find((candidate) => candidate.type === type);
  assert(message !== undefined, "the handshake is whole");
  const read = parse(message.body);
  assert(!isFault(read), "it is well formed");
  return read as Exclude<T, Fault>;
}

/** RFC 7627 §3: of everything up to ClientKeyExchange. A ticket comes behind that. */
function sessionHash({ client, server }: Directions, suite: CipherSuite): Buffer {
  const [hello, ...rest] = client.messages;
  const flight = server.messages.filter(({ type }) => type !== NEW_SESSION_TICKET);
  const transcript = new Transcript();
  const add = ({ whole }: HandshakeMessage): void => transcript.add(whole);
  [hello, ...flight, ...rest].forEach(add);
  return transcript.digest(suite.prf);
}
