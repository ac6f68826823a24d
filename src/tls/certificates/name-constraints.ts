import {
  DIRECTORY_NAME,
  DNS_NAME,
  IP_ADDRESS,
  type CertificateFacts,
  type GeneralName,
  type NameConstraints,
} from "./certificate-facts.ts";
import { childrenOf, contentOf, objectIdentifierOf, parseDer, type DerNode } from "./der.ts";

/**
 * RFC 5280 §4.2.1.10: whether every name of a certificate lies where a CA above it may give names. Null for yes, else what
 * is wrong. Names of a kind that is constrained and not understood here are refused.
 */
export function violatedConstraint(facts: CertificateFacts, { permitted, excluded }: NameConstraints): string | null {
  for (const name of namesOf(facts)) {
    const alike = (constraint: GeneralName): boolean => constraint.kind === name.kind;
    if (excluded.filter(alike).some((constraint) => lies(name, constraint) !== false))
      return "excluded subtree violation";
    const allowed = permitted.filter(alike);
    if (allowed.length > 0 && !allowed.some((constraint) => lies(name, constraint) === true)) {
      return "permitted subtree violation";
    }
  }
  return null;
}

/** The alternative names, and the subject where it is not empty. */
function namesOf({ altNames, subject }: CertificateFacts): readonly GeneralName[] {
  const empty = childrenOf(parseDer(subject)).length === 0;
  return empty ? altNames : [...altNames, { kind: DIRECTORY_NAME, octets: subject }];
}

/** Whether `name` lies in the subtree of `constraint`, which is of the same kind; null where that cannot be told. */
function lies(name: GeneralName, constraint: GeneralName): boolean | null {
  switch (constraint.kind) {
    case DNS_NAME:
      return liesInDomain(textOf(name), textOf(constraint));
    case IP_ADDRESS:
      return liesInNetwork(name.octets, constraint.octets);
    case DIRECTORY_NAME:
      return liesInDirectory(name.octets, constraint.octets);
    default:
      return null;
  }
}

const textOf = ({ octets }: GeneralName): string => Buffer.from(octets).toString("latin1").toLowerCase();

/** "host.example" lies in "example", and in ".example" as OpenSSL and others read it. Everything lies in "". */
function liesInDomain(name: string, domain: string): boolean {
  if (domain === "" || name === domain) return true;
  return name.endsWith(domain.startsWith(".") ? domain : `.${domain}`);
}

/** Address and mask, 4 octets each for IPv4 and 16 for IPv6. */
function liesInNetwork(address: Uint8Array, network: Uint8Array): boolean | null {
  if (network.length !== 8 && network.length !== 32) return null;
  if (2 * address.length !== network.length) return false;
  return address.every(
    (octet, at) => (octet & network[address.length + at]) === (network[at] & network[address.length + at]),
  );
}

/** The constraint's relative names must be the first of the name's. */
function liesInDirectory(name: Uint8Array, base: Uint8Array): boolean | null {
  const names = childrenOf(parseDer(name)).map(canonicalName);
  const bases = childrenOf(parseDer(base)).map(canonicalName);
  if (names.includes(null) || bases.includes(null)) return null;
  return bases.every((part, at) => part === names[at]);
}

/** Tags of strings whose octets are ASCII where they matter: UTF8, numeric, printable, teletex, IA5. */
const STRING_TAGS: readonly number[] = [12, 18, 19, 20, 22];

/** A relative name in a form in which equal ones are the same text (RFC 5280 §7.1): case and runs of spaces do not count. */
function canonicalName(relative: DerNode): string | null {
  const parts: string[] = [];
  for (const attribute of childrenOf(relative)) {
    const pair = childrenOf(attribute);
    const [type, value] = pair;
    if (pair.length !== 2 || !STRING_TAGS.includes(value.idBlock.tagNumber)) return null;
    const text = Buffer.from(contentOf(value)).toString("utf8").trim().toLowerCase().replaceAll(/\s+/g, " ");
    parts.push(`${objectIdentifierOf(type)}=${text}`);
  }
  return parts.sort().join("+");
}
