import { decodeFault, type Fault } from "../alert.ts";
import { OctetReader } from "../octet-reader.ts";
import { OctetWriter } from "../octet-writer.ts";

/** RFC 5246 §7.4.4, RFC 8422 §5.5. */
export const RSA_SIGN = 1,
  ECDSA_SIGN = 64;

export interface CertificateRequest {
  readonly types: readonly number[];
  readonly schemes: readonly number[];
  /** Distinguished names in DER; none stands for any. */
  readonly authorities: readonly Uint8Array[];
}

export function parseCertificateRequest(body: Uint8Array): CertificateRequest | Fault {
  const reader = new OctetReader(body);
  const types = reader.uints(1, 1, 1);
  const schemes = reader.uints(2, 2, 2);
  const list = new OctetReader(reader.vector(2));
  const authorities: Uint8Array[] = [];
  while (list.left > 0 && list.ok) authorities.push(list.vector(2, 1));
  return reader.complete && list.ok ? { types, schemes, authorities } : decodeFault("CertificateRequest");
}

export function writeCertificateRequest({ types, schemes, authorities }: CertificateRequest): Buffer {
  return new OctetWriter()
    .vector(1, (list) => {
      for (const type of types) list.uint(1, type);
    })
    .vector(2, (list) => {
      for (const scheme of schemes) list.uint(2, scheme);
    })
    .vector(2, (list) => {
      for (const name of authorities) list.vector(2, (into) => into.octets(name));
    })
    .finish();
}
