import { fault, type Fault } from "../alert.ts";
import { OctetReader } from "../octet-reader.ts";
import { OctetWriter } from "../octet-writer.ts";

/** IANA's TLS ExtensionType values that are spoken here. */
export const SERVER_NAME = 0, // RFC 6066 §3.
  MAX_FRAGMENT_LENGTH = 1, // RFC 6066 §4.
  SUPPORTED_GROUPS = 10, // RFC 8422 §5.1.1.
  EC_POINT_FORMATS = 11, // RFC 8422 §5.1.2.
  SIGNATURE_ALGORITHMS = 13, // RFC 5246 §7.4.1.4.1.
  ALPN = 16, // RFC 7301.
  ENCRYPT_THEN_MAC = 22, // RFC 7366.
  EXTENDED_MASTER_SECRET = 23, // RFC 7627.
  SESSION_TICKET = 35, // RFC 5077.
  SUPPORTED_VERSIONS = 43, // RFC 8446 §4.2.1.
  RENEGOTIATION_INFO = 0xff01; // RFC 5746.

/** Extensions of one hello, at most; browsers send some 20. */
export const EXTENSIONS_MAX = 64;

export type Extensions = ReadonlyMap<number, Uint8Array>;

/** Reads the extensions that end a hello; that there are none at all is legal. Duplicates are not (RFC 5246 §7.4.1.4). */
export function parseExtensions(reader: OctetReader): Extensions | Fault {
  const found = new Map<number, Uint8Array>();
  if (reader.left === 0) return found;
  const list = new OctetReader(reader.vector(2));
  while (list.left > 0) {
    const type = list.uint(2);
    const body = list.vector(2);
    if (!list.ok) break;
    if (found.has(type)) return fault("illegal_parameter", `extension ${type} came twice`);
    if (found.size === EXTENSIONS_MAX) return fault("illegal_parameter", `more than ${EXTENSIONS_MAX} extensions`);
    found.set(type, body);
  }
  return list.complete && reader.complete ? found : fault("decode_error", "the list of extensions is malformed");
}

/** Collects the extensions of a hello. */
export class ExtensionWriter {
  readonly #parts: (readonly [type: number, body: Uint8Array])[] = [];

  add(type: number, write: (body: OctetWriter) => void = () => {}): this {
    const body = new OctetWriter();
    write(body);
    this.#parts.push([type, body.finish()]);
    return this;
  }

  get types(): ReadonlySet<number> {
    return new Set(this.#parts.map(([type]) => type));
  }

  /** Writes the list; without any extension nothing, not even its length. */
  writeTo(hello: OctetWriter): void {
    if (this.#parts.length === 0) return;
    hello.vector(2, (list) => {
      for (const [type, body] of this.#parts) list.uint(2, type).vector(2, (into) => into.octets(body));
    });
  }
}
