import { readFileSync } from "node:fs";

/** What a TLS server under test does with a connection once it is open. */
export const TLS_ROLES = [
  "tls-greet", // Nothing: the handshake is what is measured.
  "tls-source", // Never stops sending.
  "tls-sink", // Discards.
  "tls-echo", // Sends back what comes.
] as const;
export type TlsRole = (typeof TLS_ROLES)[number];

/** What the peer does until its time is up. */
export const PEER_TASKS = [
  "full", // Opens connections with a full handshake, some at a time.
  "resumed", // The same with the session of a first one.
  "receive", // Discards what a source sends.
  "send", // Never stops sending.
  "ping-pong", // Sends 64 octets and waits for them.
] as const;
export type PeerTask = (typeof PEER_TASKS)[number];

/** The issue's: the client wraps the secret with an RSA key of 2048 bits; records are sealed by AES-128-GCM. */
export const SUITE = "AES128-GCM-SHA256";

const fixture = (file: string): Buffer => readFileSync(new URL(`../../test/tls/fixtures/${file}`, import.meta.url));

/** Shape: what both libraries' `createServer` take. */
export const serverOptions = () => ({ cert: fixture("rsa.pem"), key: fixture("rsa.key"), ciphers: SUITE });

/** What bulk is written in, by either end: a large write lets both libraries fill their records. */
export const BULK_BLOCK = new Uint8Array(262_144).fill(0x61);
export const PING_OCTETS = 64;

/** The member of `known` that was asked for on the command line. */
export function memberOf<T extends string>(known: readonly T[], text: string | undefined): T {
  const found = known.find((name) => name === text);
  if (found === undefined) throw new Error(`no ${String(text)}; there are ${known.join(", ")}`);
  return found;
}
