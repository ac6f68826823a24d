import { fault, isFault, type Fault } from "../alert.ts";
import { TLS_1_2 } from "../record/record.ts";
import type { CipherSuite } from "../suites.ts";
import type { ClientConfig } from "./client-config.ts";
import type { SentHello } from "./client-hello-plan.ts";
import {
  ENCRYPT_THEN_MAC,
  EXTENDED_MASTER_SECRET,
  RENEGOTIATION_INFO,
  SERVER_NAME,
  SESSION_TICKET,
  type Extensions,
} from "./extensions.ts";
import { isNullCompression, parseServerHello, type ServerHello } from "./hello.ts";
import {
  checkPointFormats,
  checkRenegotiationInfo,
  readAlpn,
  readFlag,
  readMaxFragmentLength,
} from "./hello-extensions.ts";

/** RFC 8446 §4.1.3: the end of a random of a server that speaks TLS 1.2 and was made to speak an older version. */
const DOWNGRADE_BELOW_1_2 = Buffer.from("DOWNGRD\0", "latin1");

/** A ServerHello that was read and found legal as an answer to what was sent. */
export interface ServerAnswer {
  readonly hello: ServerHello;
  readonly suite: CipherSuite;
  readonly resumed: boolean;
  readonly alpnProtocol: string | null;
  readonly extendedMasterSecret: boolean;
  readonly encryptThenMac: boolean;
  readonly maxFragmentLength: number | null;
  readonly sendsTicket: boolean;
}

export function readServerAnswer(body: Uint8Array, sent: SentHello, config: ClientConfig): ServerAnswer | Fault {
  const hello = parseServerHello(body);
  if (isFault(hello)) return hello;
  const suite = config.suites.find(({ id }) => id === hello.suite);
  const refused = checkHello(hello) ?? checkExtensions(hello.extensions, sent);
  if (refused !== null) return refused;
  if (suite === undefined) return fault("illegal_parameter", "a cipher suite that was not offered");
  const resumed = sent.session !== null && sent.sessionId.equals(hello.sessionId);
  const answer = readExtensions(hello, suite, resumed, config);
  if (isFault(answer)) return answer;
  return checkResumption(answer, sent) ?? answer;
}

function checkHello(hello: ServerHello): Fault | null {
  if (hello.version !== TLS_1_2) return fault("protocol_version", "the server does not speak TLS 1.2");
  if (!isNullCompression(hello)) return fault("illegal_parameter", "ServerHello with compression");
  // A newer server ends it in "DOWNGRD" and 1 as it should; this one says that it was asked for less than TLS 1.2.
  const sentinel = Buffer.from(hello.random).subarray(-DOWNGRADE_BELOW_1_2.length);
  return sentinel.equals(DOWNGRADE_BELOW_1_2) ? fault("illegal_parameter", "the handshake was downgraded") : null;
}

function checkExtensions(extensions: Extensions, sent: SentHello): Fault | null {
  for (const type of extensions.keys()) {
    if (!sent.extensions.has(type)) return fault("unsupported_extension", `extension ${type} was not offered`);
  }
  // RFC 5746 §3.4 leaves it to the client: a server without it can be made to renegotiate with somebody else's octets.
  if (!extensions.has(RENEGOTIATION_INFO)) {
    return fault("handshake_failure", "the server does not know secure renegotiation");
  }
  return checkRenegotiationInfo(extensions) ?? checkPointFormats(extensions);
}

function readExtensions(
  hello: ServerHello,
  suite: CipherSuite,
  resumed: boolean,
  config: ClientConfig,
): ServerAnswer | Fault {
  const { extensions } = hello;
  const named = readFlag(extensions, SERVER_NAME, "server_name");
  if (typeof named === "object") return named;
  const alpnProtocol = readAlpnAnswer(extensions, config);
  if (typeof alpnProtocol === "object" && alpnProtocol !== null) return alpnProtocol;
  const extendedMasterSecret = readFlag(extensions, EXTENDED_MASTER_SECRET, "extended_master_secret");
  if (typeof extendedMasterSecret === "object") return extendedMasterSecret;
  const encryptThenMac = readFlag(extensions, ENCRYPT_THEN_MAC, "encrypt_then_mac");
  if (typeof encryptThenMac === "object") return encryptThenMac;
  if (encryptThenMac && suite.cipher.kind !== "cbc") {
    return fault("illegal_parameter", "encrypt_then_mac with an AEAD"); // RFC 7366 §3.
  }
  const maxFragmentLength = readMaxFragmentLength(extensions);
  if (typeof maxFragmentLength === "object" && maxFragmentLength !== null) return maxFragmentLength;
  if (maxFragmentLength !== null && maxFragmentLength !== config.maxFragmentLength) {
    return fault("illegal_parameter", "another max_fragment_length than was asked for");
  }
  const sendsTicket = readFlag(extensions, SESSION_TICKET, "session_ticket");
  if (typeof sendsTicket === "object") return sendsTicket;
  return { hello, suite, resumed, alpnProtocol, extendedMasterSecret, encryptThenMac, maxFragmentLength, sendsTicket };
}

/** RFC 7301 §3.1: exactly one, and one of ours. */
function readAlpnAnswer(extensions: Extensions, { alpnProtocols }: ClientConfig): string | Fault | null {
  const chosen = readAlpn(extensions);
  if (chosen === null || isFault(chosen)) return chosen;
  const [protocol] = chosen;
  if (chosen.length === 1 && alpnProtocols.includes(protocol)) return protocol;
  return fault("illegal_parameter", "an application protocol that was not offered");
}

/** RFC 5246 §7.4.1.3, RFC 7627 §5.3: a session goes on with what it was made with. */
function checkResumption({ resumed, suite, extendedMasterSecret }: ServerAnswer, { session }: SentHello): Fault | null {
  if (!resumed || session === null) return null;
  if (suite.id !== session.suite.id)
    return fault("illegal_parameter", "a session is resumed with another cipher suite");
  if (extendedMasterSecret) return null;
  return fault("handshake_failure", "a session is resumed without its extended master secret");
}
