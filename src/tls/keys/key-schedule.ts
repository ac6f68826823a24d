import { AeadOpener, AeadSealer, type AeadKind } from "../record/aead.ts";
import { recordsMax } from "../record/key-limits.ts";
import type { RecordOpener, RecordSealer } from "../record/protection.ts";
import type { RandomOctets } from "../random-octets.ts";
import type { CipherSuite, HashName } from "../suites.ts";
import { CbcOpener, CbcSealer } from "../record/cbc.ts";
import { prf } from "./prf.ts";

/** RFC 5246 §8.1 and §7.4.9, in octets. */
export const MASTER_SECRET_OCTETS = 48;
export const VERIFY_DATA_OCTETS = 12;

/** The two randoms of a connection: RFC 5246 §7.4.1. */
export interface HelloRandoms {
  readonly client: Uint8Array;
  readonly server: Uint8Array;
}

/** RFC 5246 §8.1. The pre-master secret is the caller's to wipe. */
export const masterSecret = (hash: HashName, preMaster: Uint8Array, { client, server }: HelloRandoms): Buffer =>
  prf(hash, preMaster, "master secret", [client, server], MASTER_SECRET_OCTETS);

/** RFC 7627 §4: bound to the hash of everything up to ClientKeyExchange, so that no two connections share it. */
export const extendedMasterSecret = (hash: HashName, preMaster: Uint8Array, sessionHash: Uint8Array): Buffer =>
  prf(hash, preMaster, "extended master secret", [sessionHash], MASTER_SECRET_OCTETS);

/** RFC 5246 §7.4.9. */
export const verifyData = (
  hash: HashName,
  master: Uint8Array,
  sender: "client" | "server",
  transcriptHash: Uint8Array,
): Buffer => prf(hash, master, `${sender} finished`, [transcriptHash], VERIFY_DATA_OCTETS);

/** RFC 5705 §4. Without a context and with an empty one are two things. */
export function exportKeyingMaterial(
  hash: HashName,
  master: Uint8Array,
  { client, server }: HelloRandoms,
  label: string,
  length: number,
  context: Uint8Array | null,
): Buffer {
  const seed = [client, server];
  if (context !== null) {
    const size = Buffer.alloc(2);
    size.writeUInt16BE(context.length);
    seed.push(size, context);
  }
  return prf(hash, master, label, seed, length);
}

/** One direction's secrets. */
interface WriteKeys {
  readonly mac: Buffer;
  readonly key: Buffer;
  readonly iv: Buffer;
}

const MAC_OCTETS = { sha1: 20, sha256: 32 } as const;

/** Octets of each secret, RFC 5246 §6.3 (for CBC there are no IVs among them: §6.2.3.2). */
function keyLengths({ cipher }: CipherSuite): { mac: number; key: number; iv: number } {
  switch (cipher.kind) {
    case "gcm":
      return { mac: 0, key: cipher.keyLength, iv: 4 };
    case "chacha20-poly1305":
      return { mac: 0, key: cipher.keyLength, iv: 12 };
    case "cbc":
      return { mac: MAC_OCTETS[cipher.mac], key: cipher.keyLength, iv: 0 };
  }
}

export interface ConnectionKeys {
  readonly client: WriteKeys;
  readonly server: WriteKeys;
}

/** RFC 5246 §6.3: the key block, cut in its order. The randoms stand the other way round than for the master secret. */
export function deriveKeys(suite: CipherSuite, master: Uint8Array, { client, server }: HelloRandoms): ConnectionKeys {
  const { mac, key, iv } = keyLengths(suite);
  const block = prf(suite.prf, master, "key expansion", [server, client], 2 * (mac + key + iv));
  let at = 0;
  const cut = (length: number): Buffer => Buffer.from(block.subarray(at, (at += length)));
  const [clientMac, serverMac] = [cut(mac), cut(mac)];
  const [clientKey, serverKey] = [cut(key), cut(key)];
  const [clientIv, serverIv] = [cut(iv), cut(iv)];
  block.fill(0);
  return {
    client: { mac: clientMac, key: clientKey, iv: clientIv },
    server: { mac: serverMac, key: serverKey, iv: serverIv },
  };
}

const aeadKind = ({ cipher }: CipherSuite): AeadKind => {
  if (cipher.kind === "chacha20-poly1305") return { algorithm: "chacha20-poly1305", explicit: 0 };
  return { algorithm: cipher.keyLength === 16 ? "aes-128-gcm" : "aes-256-gcm", explicit: 8 };
};

/** How both directions are protected beyond what the suite says. */
export interface ProtectionChoice {
  /** RFC 7366; means nothing to an AEAD. */
  readonly encryptThenMac: boolean;
  /** For the IVs of CBC. */
  readonly random: RandomOctets;
}

/** Owns `keys` from now on. */
export function makeSealer(suite: CipherSuite, keys: WriteKeys, choice: ProtectionChoice): RecordSealer {
  const { cipher } = suite;
  const limit = recordsMax(cipher);
  if (cipher.kind === "cbc") return new CbcSealer({ ...cipher, ...choice }, keys, limit);
  return new AeadSealer(aeadKind(suite), keys, limit);
}

export function makeOpener(suite: CipherSuite, keys: WriteKeys, choice: ProtectionChoice): RecordOpener {
  const { cipher } = suite;
  const limit = recordsMax(cipher);
  if (cipher.kind === "cbc") return new CbcOpener({ ...cipher, ...choice }, keys, limit);
  return new AeadOpener(aeadKind(suite), keys, limit);
}
