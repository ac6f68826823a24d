import { isIP } from "node:net";
import { domainToASCII } from "node:url";

import { DNS_NAME, IP_ADDRESS, type CertificateFacts } from "./certificate-facts.ts";

/**
 * Whether a certificate is one of `host`, a name or an address, by RFC 9525 §6. Null for yes, else what is wrong, in the
 * words of `node:tls`.
 *
 * Departs from `node:tls`: only subjectAltName counts, the common name never does (RFC 9525 §2).
 */
export function hostMismatch(host: string, { altNames }: CertificateFacts): string | null {
  if (isIP(host) > 0) {
    const octets = addressOctets(host);
    const listed = altNames.filter(({ kind }) => kind === IP_ADDRESS);
    if (listed.some((name) => Buffer.compare(name.octets, octets) === 0)) return null;
    return `IP: ${host} is not in the cert's list: ${listed.map(({ octets: own }) => addressText(own)).join(", ")}`;
  }
  const name = domainToASCII(host.replace(/\.$/, "")).toLowerCase();
  const patterns = altNames.filter(({ kind }) => kind === DNS_NAME).map(({ octets }) => latin1(octets));
  if (name !== "" && patterns.some((pattern) => matches(name, pattern))) return null;
  if (patterns.length === 0) return "Cert does not contain a DNS name";
  return `Host: ${host}. is not in the cert's altnames: ${patterns.map((pattern) => `DNS:${pattern}`).join(", ")}`;
}

/** RFC 9525 §6.3: "*" stands for exactly one label, the first one, and at least two follow it. */
function matches(name: string, pattern: string): boolean {
  const wanted = pattern.toLowerCase().split(".");
  const labels = name.split(".");
  if (labels.length !== wanted.length || wanted.includes("") || labels.includes("")) return false;
  const [first, ...rest] = wanted;
  if (first === "*" && rest.length < 2) return false;
  return (first === "*" || first === labels[0]) && rest.every((label, at) => label === labels[at + 1]);
}

const latin1 = (octets: Uint8Array): string => Buffer.from(octets).toString("latin1");

/** The octets of an address in text: 4, or 16. Precondition: `isIP(host)`. */
export function addressOctets(host: string): Buffer {
  if (isIP(host) === 4) return Buffer.from(host.split(".").map(Number));
  const [zoneless] = host.split("%");
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(zoneless);
  const text = dotted === null ? zoneless : dotted[1] + pair(dotted[2], dotted[3]) + ":" + pair(dotted[4], dotted[5]);
  const [head, tail = ""] = text.split("::");
  const groups = (part: string): number[] => (part === "" ? [] : part.split(":").map((group) => parseInt(group, 16)));
  const before = groups(head);
  const after = text.includes("::") ? groups(tail) : [];
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => 0);
  return Buffer.from([...before, ...zeros, ...after].flatMap((group) => [group >> 8, group & 0xff]));
}

const pair = (high: string, low: string): string => (Number(high) * 256 + Number(low)).toString(16);

/** An address as a certificate has it, for people. */
function addressText(octets: Uint8Array): string {
  if (octets.length === 4) return octets.join(".");
  return (
    Buffer.from(octets)
      .toString("hex")
      .match(/.{1,4}/g) ?? []
  ).join(":");
}
