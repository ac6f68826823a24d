import { createPrivateKey, X509Certificate, type KeyObject } from "node:crypto";
import { rootCertificates } from "node:tls";

import { TrustStore } from "./certificates/trust-store.ts";
import { parsePeerChain } from "./certificates/peer-chain.ts";
import { isFault } from "./alert.ts";
import type { Identity, ServerIdentities } from "./identity.ts";
import { NAMED_GROUPS, type NamedGroup } from "./keys/named-groups.ts";
import { rsaUnwrapKey } from "./keys/rsa-unwrapping.ts";
import { keyKind, SIGNATURE_SCHEMES, type SignatureScheme } from "./signature-schemes.ts";
import { CIPHER_SUITES, type CipherSuite, type KeyExchange } from "./suites.ts";
import { TlsError } from "./tls-error.ts";

export type Pem = string | Buffer;
type OneOrMore<T> = T | readonly T[];

/** A key, with the passphrase that it is encrypted under. */
export interface EncryptedKey {
  readonly pem: Pem;
  readonly passphrase?: string | undefined;
}

/** Options of `createSecureContext`; names and meaning are those of `node:tls`. */
export interface SecureContextOptions {
  /** A chain in PEM, its own certificate first; or several, one for each kind of key (RSA, ECDSA). */
  readonly cert?: OneOrMore<Pem> | undefined;
  /** The private keys in PEM, in any order. */
  readonly key?: OneOrMore<Pem | EncryptedKey> | undefined;
  readonly passphrase?: string | undefined;
  /** The roots to trust, in place of Node's own list. */
  readonly ca?: OneOrMore<Pem> | undefined;
  /** Cipher suites in the order of preference, by OpenSSL's names or IANA's, joined by ":". */
  readonly ciphers?: string | undefined;
  /** Only suites with this key exchange. "rsa" is the exchange in which the client wraps the secret: see docs/tls.md on why not. */
  readonly keyExchange?: KeyExchange | undefined;
  /** Groups in the order of preference, joined by ":": X25519, prime256v1, secp384r1. */
  readonly ecdhCurve?: string | undefined;
  /** Signature schemes in the order of preference, joined by ":", by the names of RFC 8446 ("rsa_pss_rsae_sha256"). */
  readonly sigalgs?: string | undefined;
}

/** Certificates, keys and what is allowed, read once for many connections. */
export class SecureContext {
  readonly identities: ServerIdentities;
  /** Null for Node's own list. */
  readonly roots: TrustStore | null;
  readonly suites: readonly CipherSuite[];
  readonly groups: readonly NamedGroup[];
  readonly schemes: readonly SignatureScheme[];

  /** Errors: `TlsError` (`ERR_TLS_INVALID_CONTEXT`) that says what is wrong. */
  constructor(options: SecureContextOptions = {}) {
    this.identities = readIdentities(options);
    this.roots = options.ca === undefined ? null : readRoots(options.ca);
    this.suites = chooseSuites(options);
    this.groups = pick(options.ecdhCurve, NAMED_GROUPS, ({ name }) => [name, ...ALIASES[name]], "ecdhCurve");
    this.schemes = pick(options.sigalgs, SIGNATURE_SCHEMES, ({ name }) => [name], "sigalgs");
  }

  /** The one to show where only one can be. */
  get identity(): Identity | null {
    return this.identities.ecdsa ?? this.identities.rsa;
  }
}

/** Node's own list of roots. */
export const defaultRoots = (): TrustStore => new TrustStore(rootCertificates);

const ALIASES: Readonly<Record<NamedGroup["name"], readonly string[]>> = {
  X25519: ["x25519"],
  prime256v1: ["P-256", "secp256r1"],
  secp384r1: ["P-384"],
};

const wrong = (message: string): TlsError => new TlsError("ERR_TLS_INVALID_CONTEXT", message);

const listOf = <T>(given: OneOrMore<T> | undefined): readonly T[] => {
  if (given === undefined) return [];
  return Array.isArray(given) ? (given as readonly T[]) : [given as T];
};

function chooseSuites({ ciphers, keyExchange }: SecureContextOptions): readonly CipherSuite[] {
  const named = pick(ciphers, CIPHER_SUITES, ({ name, standardName }) => [name, standardName], "ciphers");
  const suites = named.filter((suite) => keyExchange === undefined || suite.keyExchange === keyExchange);
  if (suites.length === 0) throw wrong("options.ciphers and options.keyExchange leave no cipher suite");
  return suites;
}

/** What `text` lists of `known`, in its order; all of it where there is no text. */
function pick<T>(
  text: string | undefined,
  known: readonly T[],
  names: (one: T) => readonly string[],
  option: string,
): T[] {
  if (text === undefined) return [...known];
  const picked = text.split(":").map((name) => {
    const found = known.find((one) => names(one).includes(name));
    if (found === undefined)
      throw wrong(
        `options.${option}: "${name}" is not known; there are ${known.map((one) => names(one)[0]).join(", ")}`,
      );
    return found;
  });
  return [...new Set(picked)];
}

const PEM_CERTIFICATE =
  /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]+-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g;
/** What DER begins with: a SEQUENCE whose length takes two octets. */
const DER_START = 0x30;

/** Each certificate in PEM text, or the one that is DER. */
function splitCertificates(given: Pem, option: string): readonly Pem[] {
  if (typeof given !== "string" && given[0] === DER_START) return [given];
  const found = given.toString().match(PEM_CERTIFICATE) ?? [];
  if (found.length === 0) throw wrong(`options.${option} holds no certificate in PEM`);
  return found;
}

function readCertificate(pem: Pem, option: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw wrong(`options.${option}: a certificate cannot be read`);
  }
}

function readRoots(ca: OneOrMore<Pem>): TrustStore {
  const certificates = listOf(ca).flatMap((given) => splitCertificates(given, "ca"));
  for (const certificate of certificates) readCertificate(certificate, "ca");
  return new TrustStore(certificates);
}

function readIdentities(options: SecureContextOptions): ServerIdentities {
  const keys = listOf(options.key).map((key) => readKey(key, options.passphrase));
  const chains = listOf(options.cert).map((given) =>
    splitCertificates(given, "cert").map((pem) => readCertificate(pem, "cert")),
  );
  if (keys.length > 0 && chains.length === 0) throw wrong("options.key is given without options.cert");
  const identities = chains.map((chain) => readIdentity(chain, keys));
  return {
    rsa: identities.find(({ kind }) => kind === "rsa") ?? null,
    ecdsa: identities.find(({ kind }) => kind === "ecdsa") ?? null,
  };
}

function readKey(given: Pem | EncryptedKey, passphrase: string | undefined): KeyObject {
  const encrypted = typeof given === "object" && "pem" in given;
  const key = encrypted ? given.pem : given;
  const word = encrypted ? (given.passphrase ?? passphrase) : passphrase;
  try {
    return createPrivateKey(word === undefined ? key : { key, passphrase: word });
  } catch (error) {
    throw wrong(`options.key cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function readIdentity(chain: readonly X509Certificate[], keys: readonly KeyObject[]): Identity {
  const [own] = chain;
  const key = keys.find((candidate) => own.checkPrivateKey(candidate));
  if (key === undefined) throw wrong("options.cert has a certificate to which no key of options.key belongs");
  const raw = chain.map((certificate) => certificate.raw);
  const judged = parsePeerChain(raw);
  if (isFault(judged)) throw wrong(`options.cert: ${judged.reason}`);
  const kind = keyKind(key) === "rsa" ? "rsa" : "ecdsa";
  return { chain: raw, key, kind, unwrapKey: kind === "rsa" ? rsaUnwrapKey(key) : null };
}
