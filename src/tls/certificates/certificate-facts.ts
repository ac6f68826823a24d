import {
  BIT_STRING_TAG,
  bitOf,
  BOOLEAN_TAG,
  childrenOf,
  contentOf,
  contextTag,
  hasTag,
  INTEGER_TAG,
  integerOf,
  OBJECT_IDENTIFIER_TAG,
  objectIdentifierOf,
  parseDer,
  rawOf,
  type DerNode,
} from "./der.ts";

/** What a certificate says about its own use, RFC 5280 §4.2: all that Node's `X509Certificate` does not show. */
export interface CertificateFacts {
  /** Its subject as a Name in DER. */
  readonly subject: Uint8Array;
  /** The object identifier of the algorithm that it is signed with. */
  readonly signatureAlgorithm: string;
  /** basicConstraints; null where it has none. */
  readonly basicConstraints: { readonly ca: boolean; readonly pathLength: number | null } | null;
  /** Null where it has none, which allows all. */
  readonly keyUsage: KeyUsage | null;
  /** Object identifiers; null where it has none, which allows all. */
  readonly extendedKeyUsage: readonly string[] | null;
  /** subjectAltName; none where it has none. */
  readonly altNames: readonly GeneralName[];
  readonly nameConstraints: NameConstraints | null;
  /** A critical extension that is not looked at here: the certificate must not be used (RFC 5280 §4.2). */
  readonly unknownCritical: boolean;
}

export interface KeyUsage {
  readonly digitalSignature: boolean;
  readonly keyEncipherment: boolean;
  readonly keyAgreement: boolean;
  readonly keyCertSign: boolean;
}

/** RFC 5280 §4.2.1.6: the tag says of which kind it is, and the octets are what it holds. */
export interface GeneralName {
  readonly kind: number;
  readonly octets: Uint8Array;
}

/** Tags of a GeneralName. */
export const DNS_NAME = 2,
  DIRECTORY_NAME = 4,
  IP_ADDRESS = 7;

/** RFC 5280 §4.2.1.10. */
export interface NameConstraints {
  readonly permitted: readonly GeneralName[];
  readonly excluded: readonly GeneralName[];
}

const KEY_USAGE = "2.5.29.15",
  SUBJECT_ALT_NAME = "2.5.29.17",
  BASIC_CONSTRAINTS = "2.5.29.19",
  NAME_CONSTRAINTS = "2.5.29.30",
  EXTENDED_KEY_USAGE = "2.5.29.37";
/** Read by OpenSSL's path building, or without meaning for it: key identifiers and policies, which no caller asks for. */
const HARMLESS = new Set(["2.5.29.14", "2.5.29.32", "2.5.29.35"]);
const UNDERSTOOD = new Set([KEY_USAGE, SUBJECT_ALT_NAME, BASIC_CONSTRAINTS, NAME_CONSTRAINTS, EXTENDED_KEY_USAGE]);

/** The tag of the extensions in TBSCertificate, RFC 5280 §4.1. */
const EXTENSIONS = 3;
/** In front of the subject: serial number, signature, issuer, validity; and before them the version, which may be missing. */
const SUBJECT_AT = 4;

interface Extension {
  readonly critical: boolean;
  readonly value: DerNode;
}

/** Null where the certificate cannot be read as RFC 5280 says. Never throws. */
export function certificateFacts(der: Uint8Array): CertificateFacts | null {
  try {
    return read(der);
  } catch {
    return null; // asn1js throws for some values that are cut.
  }
}

function read(der: Uint8Array): CertificateFacts | null {
  const [tbs, algorithm] = childrenOf(parseDer(der));
  const fields = childrenOf(tbs);
  const [oid] = childrenOf(algorithm);
  const versioned = fields.length > 0 && contextTag(fields[0]) === 0;
  const subject = fields.at(versioned ? SUBJECT_AT + 1 : SUBJECT_AT);
  if (subject === undefined || !hasTag(oid, OBJECT_IDENTIFIER_TAG)) return null;
  const extensions = readExtensions(fields.find((field) => contextTag(field) === EXTENSIONS));
  if (extensions === null) return null;
  const valueOf = (id: string): DerNode | undefined => extensions.get(id)?.value;
  return {
    subject: rawOf(subject),
    signatureAlgorithm: objectIdentifierOf(oid),
    basicConstraints: map(valueOf(BASIC_CONSTRAINTS), readBasicConstraints),
    keyUsage: map(valueOf(KEY_USAGE), readKeyUsage),
    extendedKeyUsage: map(valueOf(EXTENDED_KEY_USAGE), (list) => childrenOf(list).map(objectIdentifierOf)),
    altNames: childrenOf(valueOf(SUBJECT_ALT_NAME)).map(generalName),
    nameConstraints: map(valueOf(NAME_CONSTRAINTS), readNameConstraints),
    unknownCritical: [...extensions].some(([id, { critical }]) => critical && !UNDERSTOOD.has(id) && !HARMLESS.has(id)),
  };
}

const map = <T>(node: DerNode | undefined, readNode: (node: DerNode) => T): T | null =>
  node === undefined ? null : readNode(node);

/** By object identifier. Null where one of them is malformed or came twice (RFC 5280 §4.2). */
function readExtensions(field: DerNode | undefined): ReadonlyMap<string, Extension> | null {
  const extensions = new Map<string, Extension>();
  const [list] = childrenOf(field);
  for (const extension of childrenOf(list)) {
    const parts = childrenOf(extension);
    const [id, flag] = parts;
    const value = parseDer(contentOf(parts[parts.length - 1]));
    if (!hasTag(id, OBJECT_IDENTIFIER_TAG) || value === null || extensions.has(objectIdentifierOf(id))) return null;
    const critical = hasTag(flag, BOOLEAN_TAG) && contentOf(flag)[0] !== 0;
    extensions.set(objectIdentifierOf(id), { critical, value });
  }
  return extensions;
}

function readBasicConstraints(node: DerNode): CertificateFacts["basicConstraints"] {
  const parts = childrenOf(node);
  const flag = parts.find((part) => hasTag(part, BOOLEAN_TAG));
  const length = parts.find((part) => hasTag(part, INTEGER_TAG));
  return {
    ca: flag !== undefined && contentOf(flag)[0] !== 0,
    pathLength: length === undefined ? null : integerOf(length),
  };
}

/** RFC 5280 §4.2.1.3. What is no bit string allows nothing. */
function readKeyUsage(node: DerNode): KeyUsage {
  const has = (bit: number): boolean => hasTag(node, BIT_STRING_TAG) && bitOf(node, bit);
  return { digitalSignature: has(0), keyEncipherment: has(2), keyAgreement: has(4), keyCertSign: has(5) };
}

const generalName = (node: DerNode): GeneralName => ({ kind: contextTag(node), octets: contentOf(node) });

function readNameConstraints(node: DerNode): NameConstraints {
  const subtrees = (tag: number): GeneralName[] => {
    const list = childrenOf(node).find((part) => contextTag(part) === tag);
    // Each is a base, and a minimum and a maximum that RFC 5280 leaves no other value than the default.
    return childrenOf(list).map((subtree) => generalName(childrenOf(subtree)[0]));
  };
  return { permitted: subtrees(0), excluded: subtrees(1) };
}
