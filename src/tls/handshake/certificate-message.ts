import { decodeFault, fault, type Fault } from "../alert.ts";
import { OctetReader } from "../octet-reader.ts";
import { OctetWriter } from "../octet-writer.ts";

/** Certificates that a peer may send. */
export const CHAIN_MAX = 10;

/** RFC 5246 §7.4.2: the sender's own certificate first, DER each. May be empty. The octets are copies. */
export function parseCertificates(body: Uint8Array): readonly Buffer[] | Fault {
  const reader = new OctetReader(body);
  const list = new OctetReader(reader.vector(3));
  const chain: Buffer[] = [];
  while (list.left > 0 && list.ok) {
    if (chain.length === CHAIN_MAX) return fault("bad_certificate", `a chain of more than ${CHAIN_MAX} certificates`);
    chain.push(Buffer.from(list.vector(3, 1)));
  }
  return reader.complete && list.ok ? chain : decodeFault("Certificate");
}

export function writeCertificates(chain: readonly Uint8Array[]): Buffer {
  return new OctetWriter()
    .vector(3, (list) => {
      for (const certificate of chain) list.vector(3, (into) => into.octets(certificate));
    })
    .finish();
}
