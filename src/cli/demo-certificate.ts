import { generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";

/** What the demo's server shows, what proves that it is its own, and whom the client trusts; PEM each. */
export interface DemoIdentity {
  readonly cert: string;
  readonly key: string;
  readonly root: string;
}

const MODULUS_BITS = 2048;
const DAY_MS = 86_400_000;

/** Tags of X.690. */
const BOOLEAN = 0x01,
  INTEGER = 0x02,
  BIT_STRING = 0x03,
  OCTET_STRING = 0x04,
  OBJECT_IDENTIFIER = 0x06,
  UTF8_STRING = 0x0c,
  UTC_TIME = 0x17,
  SEQUENCE = 0x30,
  SET = 0x31;
/** Context-specific tags of RFC 5280 §4.1 and §4.2.1.6. */
const VERSION = 0xa0,
  EXTENSIONS = 0xa3,
  DNS_NAME = 0x82;

/** Contents of OBJECT IDENTIFIERs. */
const OID = {
  ecdsaWithSha256: "2a8648ce3d040302",
  commonName: "550403",
  keyUsage: "551d0f",
  subjectAltName: "551d11",
  basicConstraints: "551d13",
} as const;

/** One value in distinguished encoding (X.690 §8.1, §10.1), of less than 2^16 octets. */
function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

const oid = (name: keyof typeof OID): Buffer => der(OBJECT_IDENTIFIER, Buffer.from(OID[name], "hex"));
const bits = (octets: Uint8Array): Buffer => der(BIT_STRING, Buffer.from([0]), octets);
const TRUE = der(BOOLEAN, Buffer.from([0xff]));

const commonName = (name: string): Buffer =>
  der(SEQUENCE, der(SET, der(SEQUENCE, oid("commonName"), der(UTF8_STRING, Buffer.from(name)))));

/** RFC 5280 §4.1.2.5.1: "261124034512Z", up to 2049. */
const time = (atMs: number): Buffer =>
  der(UTC_TIME, Buffer.from(`${new Date(atMs).toISOString().replaceAll(/[-:T]/g, "").slice(2, 14)}Z`));

/** One that must be understood. */
const critical = (name: keyof typeof OID, value: Buffer): Buffer =>
  der(SEQUENCE, oid(name), TRUE, der(OCTET_STRING, value));
const extension = (name: keyof typeof OID, value: Buffer): Buffer => der(SEQUENCE, oid(name), der(OCTET_STRING, value));

interface CertificatePlan {
  readonly subject: string;
  readonly issuer: string;
  readonly publicKey: KeyObject;
  /** The issuer's, on P-256. */
  readonly signer: KeyObject;
  readonly extensions: readonly Buffer[];
}

/** RFC 5280 §4.1, valid for a day; in PEM. */
function certificate({ subject, issuer, publicKey, signer, extensions }: CertificatePlan): string {
  const nowMs = Date.now();
  const algorithm = der(SEQUENCE, oid("ecdsaWithSha256"));
  const serial = randomBytes(8);
  serial[0] = 1; // Positive, and its shortest form.
  const signed = der(
    SEQUENCE,
    der(VERSION, der(INTEGER, Buffer.from([2]))), // v3.
    der(INTEGER, serial),
    algorithm,
    commonName(issuer),
    der(SEQUENCE, time(nowMs - DAY_MS), time(nowMs + DAY_MS)),
    commonName(subject),
    publicKey.export({ type: "spki", format: "der" }),
    der(EXTENSIONS, der(SEQUENCE, ...extensions)),
  );
  const whole = der(SEQUENCE, signed, algorithm, bits(sign("sha256", signed, signer)));
  const lines = whole.toString("base64").replaceAll(/.{64}(?=.)/g, "$&\n");
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}

/** A key of RSA-2048 whose certificate names `host`, by an authority of its own. Nothing of it is kept. */
export function makeDemoIdentity(host: string, authority: string): DemoIdentity {
  const issuer = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const own = generateKeyPairSync("rsa", { modulusLength: MODULUS_BITS });
  const bySigner = { issuer: authority, signer: issuer.privateKey };
  const root = certificate({
    ...bySigner,
    subject: authority,
    publicKey: issuer.publicKey,
    extensions: [
      critical("basicConstraints", der(SEQUENCE, TRUE)),
      critical("keyUsage", der(BIT_STRING, Buffer.from([2, 0x04]))), // keyCertSign.
    ],
  });
  const cert = certificate({
    ...bySigner,
    subject: host,
    publicKey: own.publicKey,
    extensions: [
      critical("keyUsage", der(BIT_STRING, Buffer.from([5, 0x20]))), // keyEncipherment: to wrap secrets, and nothing else.
      extension("subjectAltName", der(SEQUENCE, der(DNS_NAME, Buffer.from(host)))),
    ],
  });
  return { cert, key: own.privateKey.export({ type: "pkcs8", format: "pem" }) as string, root };
}
