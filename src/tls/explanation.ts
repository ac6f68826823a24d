import type { HandshakeOutcome } from "./handshake/machine.ts";
import type { Side } from "./keys/session-secrets.ts";
import type { CipherSuite } from "./suites.ts";

/** What both sides derive for each direction, RFC 5246 §6.3; in octets. */
interface KeyLengths {
  readonly key: number;
  /** The part of the nonce that is derived; 0 for CBC, whose IVs cross with the records. */
  readonly nonce: number;
  /** 0 for an AEAD. */
  readonly mac: number;
}

const MAC_LENGTHS = { sha1: 20, sha256: 32 };

function keyLengths({ cipher }: CipherSuite): KeyLengths {
  switch (cipher.kind) {
    case "gcm":
      return { key: cipher.keyLength, nonce: 4, mac: 0 };
    case "chacha20-poly1305":
      return { key: cipher.keyLength, nonce: 12, mac: 0 };
    case "cbc":
      return { key: cipher.keyLength, nonce: 0, mac: MAC_LENGTHS[cipher.mac] };
  }
}

/** Width of the left column: who, or from whom to whom. */
const WHO_COLUMNS = 18;
const CLIENT_SENT = "client > server",
  SERVER_SENT = "server > client";

const line = (who: string, what: string): string => `${who.padEnd(WHO_COLUMNS)}${what}`;

/**
 * A handshake in lines for people: who chose which random, what crossed in the clear and what was wrapped, and which keys each
 * side derived. Without secrets: all that is shown had crossed in the clear.
 */
export function explainHandshake(outcome: HandshakeOutcome, side: Side): string {
  const { randoms, suite } = outcome.secrets;
  const name = outcome.servername === null ? "" : `, and the name ${outcome.servername}`;
  return [
    line("suite", `${suite.standardName}, TLS 1.2`),
    line(CLIENT_SENT, `in the clear: random ${hex(randoms.client)}${name}`),
    line(SERVER_SENT, `in the clear: random ${hex(randoms.server)}`),
    ...certificateLines(outcome, side),
    ...resumptionLines(outcome),
    ...secretLines(outcome),
    ...keyLines(outcome),
    line("both", "proved by Finished, under these keys, that they saw the same handshake"),
  ].join("\n");
}

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString("hex");

/** The peer's certificate: one's own is no news. */
function certificateLines({ peerChain, resumed }: HandshakeOutcome, side: Side): string[] {
  const certificate = peerChain.at(0);
  if (certificate === undefined || resumed) return [];
  const subject = certificate.subject.split("\n").join(", ") || "no subject";
  const sender = side === "client" ? SERVER_SENT : CLIENT_SENT;
  return [line(sender, `in the clear: ${peerChain.length} of its certificates, the first one that of ${subject}`)];
}

/** What the earlier session was named by: nothing of it can be read on the way. */
function resumptionLines({ resumedBy }: HandshakeOutcome): string[] {
  switch (resumedBy) {
    case null:
      return [];
    case "ticket":
      return [line(CLIENT_SENT, "a ticket: the session, encrypted by the server under a key of its own")];
    case "id":
      return [line(CLIENT_SENT, "in the clear: the ID of a session that both have kept")];
  }
}

/** How the two came to have a secret that nobody on the way has. */
function secretLines({ exchange }: HandshakeOutcome): string[] {
  if (exchange === null) return [line("both", "have the master secret of that session: no secret crossed")];
  if (exchange.kind === "rsa") {
    const { modulusBits, wrappedOctets } = exchange;
    return [
      line("client", "alone made the pre-master secret: its version and 46 random octets"),
      line(
        CLIENT_SENT,
        `wrapped with the server's RSA key of ${modulusBits} bits: that secret, as ${wrappedOctets} octets`,
      ),
      line("server", "unwrapped it with its private key"),
    ];
  }
  const { group, scheme } = exchange;
  return [
    line("server", `drew a scalar on ${group}`),
    line(SERVER_SENT, `in the clear: its point, signed (${scheme})`),
    line("client", `drew a scalar on ${group}`),
    line(CLIENT_SENT, "in the clear: its point"),
    line("both", "made the pre-master secret from their own scalar and the other's point: it never crossed"),
  ];
}

function keyLines({ exchange, extendedMasterSecret, secrets }: HandshakeOutcome): string[] {
  const { key, nonce, mac } = keyLengths(secrets.suite);
  const from = extendedMasterSecret ? "the hash of the handshake (RFC 7627)" : "both randoms (RFC 5246 §8.1)";
  const parts = [
    `a key of ${key}`,
    ...(nonce > 0 ? [`a nonce of ${nonce}`] : []),
    ...(mac > 0 ? [`a MAC key of ${mac}`] : []),
  ];
  return [
    ...(exchange === null ? [] : [line("both", `derived the master secret of 48 octets from it and ${from}`)]),
    line("both", `derived from that and both randoms, for each direction: ${parts.join(" and ")} octets`),
  ];
}
