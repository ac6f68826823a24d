import { decodeFault, fault, isFault, type Fault } from "../alert.ts";
import { OctetReader } from "../octet-reader.ts";
import { OctetWriter } from "../octet-writer.ts";

/** RFC 8422 §5.4: the only kind of curve that is not deprecated. */
const NAMED_CURVE = 3;

/** A signature with its scheme: `digitally-signed`, RFC 5246 §4.7. */
export interface Signed {
  readonly scheme: number;
  readonly signature: Uint8Array;
}

/** RFC 8422 §5.4. */
export interface ServerKeyExchange extends Signed {
  readonly group: number;
  readonly point: Uint8Array;
  /** What was signed after both randoms. */
  readonly params: Uint8Array;
}

export function parseServerKeyExchange(body: Uint8Array): ServerKeyExchange | Fault {
  const reader = new OctetReader(body);
  const curveType = reader.uint(1);
  const group = reader.uint(2);
  const point = reader.vector(1, 1);
  const params = body.subarray(0, body.length - reader.left);
  if (!reader.ok) return decodeFault("ServerKeyExchange");
  if (curveType !== NAMED_CURVE) return fault("illegal_parameter", "ServerKeyExchange names no curve");
  const signed = readSigned(reader, "ServerKeyExchange");
  return isFault(signed) ? signed : { ...signed, group, point, params };
}

export const writeServerParams = (group: number, point: Uint8Array): Buffer =>
  new OctetWriter()
    .uint(1, NAMED_CURVE)
    .uint(2, group)
    .vector(1, (into) => into.octets(point))
    .finish();

export const writeServerKeyExchange = (params: Uint8Array, signed: Signed): Buffer =>
  writeSigned(new OctetWriter().octets(params), signed);

/** RFC 5246 §7.4.8. */
export const parseCertificateVerify = (body: Uint8Array): Signed | Fault =>
  readSigned(new OctetReader(body), "CertificateVerify");

export const writeCertificateVerify = (signed: Signed): Buffer => writeSigned(new OctetWriter(), signed);

function readSigned(reader: OctetReader, what: string): Signed | Fault {
  const scheme = reader.uint(2);
  const signature = reader.vector(2);
  return reader.complete ? { scheme, signature } : decodeFault(what);
}

const writeSigned = (writer: OctetWriter, { scheme, signature }: Signed): Buffer =>
  writer
    .uint(2, scheme)
    .vector(2, (into) => into.octets(signature))
    .finish();

/** ClientKeyExchange: RFC 5246 §7.4.7.1 the wrapped pre-master secret, RFC 8422 §5.7 the client's point. */
export function parseClientKeyExchange(body: Uint8Array, keyExchange: "rsa" | "ecdhe"): Uint8Array | Fault {
  const reader = new OctetReader(body);
  const exchanged = reader.vector(keyExchange === "rsa" ? 2 : 1);
  return reader.complete ? exchanged : decodeFault("ClientKeyExchange");
}

export const writeClientKeyExchange = (exchanged: Uint8Array, keyExchange: "rsa" | "ecdhe"): Buffer =>
  new OctetWriter().vector(keyExchange === "rsa" ? 2 : 1, (into) => into.octets(exchanged)).finish();

/** RFC 5077 §3.3. */
export interface NewSessionTicket {
  /** In seconds; 0 leaves it to the client. */
  readonly lifetimeHint: number;
  readonly ticket: Uint8Array;
}

export function parseNewSessionTicket(body: Uint8Array): NewSessionTicket | Fault {
  const reader = new OctetReader(body);
  const lifetimeHint = reader.uint(4);
  const ticket = reader.vector(2);
  return reader.complete ? { lifetimeHint, ticket } : decodeFault("NewSessionTicket");
}

export const writeNewSessionTicket = ({ lifetimeHint, ticket }: NewSessionTicket): Buffer =>
  new OctetWriter()
    .uint(4, lifetimeHint)
    .vector(2, (into) => into.octets(ticket))
    .finish();
