/** The cipher suites spoken here: RFC 5246 §A.5, RFC 5288 (GCM), RFC 5289 (ECDHE), RFC 7905 (ChaCha20-Poly1305). */

export type KeyExchange = "rsa" | "ecdhe";
export type HashName = "sha256" | "sha384";

/** How records are protected: an AEAD, or AES-CBC with an HMAC. `keyLength` and the others in octets. */
export type RecordCipher =
  | { readonly kind: "gcm"; readonly keyLength: 16 | 32 }
  | { readonly kind: "chacha20-poly1305"; readonly keyLength: 32 }
  | { readonly kind: "cbc"; readonly keyLength: 16 | 32; readonly mac: "sha1" | "sha256" };

export interface CipherSuite {
  readonly id: number;
  /** OpenSSL's name, which `node:tls` uses in `ciphers` and `getCipher().name`. */
  readonly name: string;
  /** IANA's name. */
  readonly standardName: string;
  readonly keyExchange: KeyExchange;
  /** The kind of key in the server's certificate. */
  readonly authentication: "rsa" | "ecdsa";
  readonly cipher: RecordCipher;
  /** Of the PRF and of Finished. */
  readonly prf: HashName;
}

const GCM_128 = { kind: "gcm", keyLength: 16 } as const;
const GCM_256 = { kind: "gcm", keyLength: 32 } as const;
const CHACHA = { kind: "chacha20-poly1305", keyLength: 32 } as const;
const cbc = (keyLength: 16 | 32, mac: "sha1" | "sha256") => ({ kind: "cbc", keyLength, mac }) as const;

type Row = readonly [
  id: number,
  name: string,
  standardName: string,
  keyExchange: KeyExchange,
  authentication: "rsa" | "ecdsa",
  cipher: RecordCipher,
  prf: HashName,
];

/** In the order of preference: forward secrecy first, AEADs first. */
const ROWS: readonly Row[] = [
  [
    0xc02b,
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "ecdhe",
    "ecdsa",
    GCM_128,
    "sha256",
  ],
  [0xc02f, "ECDHE-RSA-AES128-GCM-SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ecdhe", "rsa", GCM_128, "sha256"],
  [
    0xc02c,
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "ecdhe",
    "ecdsa",
    GCM_256,
    "sha384",
  ],
  [0xc030, "ECDHE-RSA-AES256-GCM-SHA384", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ecdhe", "rsa", GCM_256, "sha384"],
  [
    0xcca9,
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "ecdhe",
    "ecdsa",
    CHACHA,
    "sha256",
  ],
  [
    0xcca8,
    "ECDHE-RSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "ecdhe",
    "rsa",
    CHACHA,
    "sha256",
  ],
  [0x009c, "AES128-GCM-SHA256", "TLS_RSA_WITH_AES_128_GCM_SHA256", "rsa", "rsa", GCM_128, "sha256"],
  [0x009d, "AES256-GCM-SHA384", "TLS_RSA_WITH_AES_256_GCM_SHA384", "rsa", "rsa", GCM_256, "sha384"],
  [0x003c, "AES128-SHA256", "TLS_RSA_WITH_AES_128_CBC_SHA256", "rsa", "rsa", cbc(16, "sha256"), "sha256"],
  [0x003d, "AES256-SHA256", "TLS_RSA_WITH_AES_256_CBC_SHA256", "rsa", "rsa", cbc(32, "sha256"), "sha256"],
  [0x002f, "AES128-SHA", "TLS_RSA_WITH_AES_128_CBC_SHA", "rsa", "rsa", cbc(16, "sha1"), "sha256"],
  [0x0035, "AES256-SHA", "TLS_RSA_WITH_AES_256_CBC_SHA", "rsa", "rsa", cbc(32, "sha1"), "sha256"],
];

export const CIPHER_SUITES: readonly CipherSuite[] = ROWS.map(
  ([id, name, standardName, keyExchange, authentication, cipher, prf]) => ({
    id,
    name,
    standardName,
    keyExchange,
    authentication,
    cipher,
    prf,
  }),
);

const BY_ID = new Map(CIPHER_SUITES.map((suite) => [suite.id, suite] as const));

export const suiteById = (id: number): CipherSuite | undefined => BY_ID.get(id);

/** RFC 5746 §3.3 and RFC 7507: values in a ClientHello's list that are no suites. */
export const EMPTY_RENEGOTIATION_INFO_SCSV = 0x00ff,
  FALLBACK_SCSV = 0x5600;
