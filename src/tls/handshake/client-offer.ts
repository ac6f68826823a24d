import { fault, isFault, type Fault } from "../alert.ts";
import { TLS_1_2 } from "../record/record.ts";
import { EMPTY_RENEGOTIATION_INFO_SCSV, FALLBACK_SCSV } from "../suites.ts";
import { ENCRYPT_THEN_MAC, EXTENDED_MASTER_SECRET, RENEGOTIATION_INFO, SESSION_TICKET } from "./extensions.ts";
import { offersNullCompression, parseClientHello, type ClientHello } from "./hello.ts";
import {
  checkPointFormats,
  checkRenegotiationInfo,
  readAlpn,
  readFlag,
  readGroups,
  readMaxFragmentLength,
  readSchemes,
  readServerName,
  readVersions,
} from "./hello-extensions.ts";

/** A ClientHello that was read and found legal: what the server may choose from. */
export interface ClientOffer {
  readonly hello: ClientHello;
  readonly servername: string | null;
  readonly alpnProtocols: readonly string[];
  /** Null where the client did not say. */
  readonly groups: readonly number[] | null;
  readonly schemes: readonly number[] | null;
  readonly extendedMasterSecret: boolean;
  readonly encryptThenMac: boolean;
  readonly maxFragmentLength: number | null;
  /** The ticket; empty where the client only takes one; null where it does not. */
  readonly ticket: Uint8Array | null;
  readonly secureRenegotiation: boolean;
}

export function readClientOffer(body: Uint8Array): ClientOffer | Fault {
  const hello = parseClientHello(body);
  if (isFault(hello)) return hello;
  const refused = checkVersion(hello) ?? checkForm(hello);
  return refused ?? readExtensions(hello);
}

/** RFC 5246 appendix E.1, RFC 7507 §3, RFC 8446 §4.2.1. */
function checkVersion({ version, suites, extensions }: ClientHello): Fault | null {
  const versions = readVersions(extensions);
  if (versions !== null && isFault(versions)) return versions;
  const speaks = version >= TLS_1_2 && (versions === null || versions.includes(TLS_1_2));
  if (speaks) return null;
  if (version < TLS_1_2 && suites.includes(FALLBACK_SCSV)) {
    return fault("inappropriate_fallback", "the client fell back to an older version than it needs to");
  }
  return fault("protocol_version", "the client does not offer TLS 1.2");
}

function checkForm(hello: ClientHello): Fault | null {
  if (!offersNullCompression(hello)) return fault("illegal_parameter", "ClientHello without null compression");
  return checkRenegotiationInfo(hello.extensions) ?? checkPointFormats(hello.extensions);
}

function readExtensions(hello: ClientHello): ClientOffer | Fault {
  const { extensions, suites } = hello;
  const servername = readServerName(extensions);
  if (typeof servername === "object" && servername !== null) return servername;
  const alpnProtocols = readAlpn(extensions);
  if (alpnProtocols !== null && isFault(alpnProtocols)) return alpnProtocols;
  const groups = readGroups(extensions);
  if (groups !== null && isFault(groups)) return groups;
  const schemes = readSchemes(extensions);
  if (schemes !== null && isFault(schemes)) return schemes;
  const extendedMasterSecret = readFlag(extensions, EXTENDED_MASTER_SECRET, "extended_master_secret");
  if (typeof extendedMasterSecret === "object") return extendedMasterSecret;
  const encryptThenMac = readFlag(extensions, ENCRYPT_THEN_MAC, "encrypt_then_mac");
  if (typeof encryptThenMac === "object") return encryptThenMac;
  const maxFragmentLength = readMaxFragmentLength(extensions);
  if (typeof maxFragmentLength === "object" && maxFragmentLength !== null) return maxFragmentLength;
  return {
    hello,
    servername,
    alpnProtocols: alpnProtocols ?? [],
    groups,
    schemes,
    extendedMasterSecret,
    encryptThenMac,
    maxFragmentLength,
    ticket: extensions.get(SESSION_TICKET) ?? null,
    secureRenegotiation: extensions.has(RENEGOTIATION_INFO) || suites.includes(EMPTY_RENEGOTIATION_INFO_SCSV),
  };
}
