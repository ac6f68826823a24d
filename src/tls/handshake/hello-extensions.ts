import { isIP } from "node:net";

import { decodeFault, fault, isFault, type Fault } from "../alert.ts";
import { OctetReader } from "../octet-reader.ts";
import type { OctetWriter } from "../octet-writer.ts";
import { PLAINTEXT_MAX } from "../record/record.ts";
import {
  ALPN,
  EC_POINT_FORMATS,
  MAX_FRAGMENT_LENGTH,
  RENEGOTIATION_INFO,
  SERVER_NAME,
  SIGNATURE_ALGORITHMS,
  SUPPORTED_GROUPS,
  SUPPORTED_VERSIONS,
  type Extensions,
} from "./extensions.ts";

/** The bodies of the extensions, each with its reader beside its writer. A reader answers null where the extension is missing. */

const HOST_NAME = 0;
const UNCOMPRESSED = 0;
/** RFC 1035 §2.3.4. */
const NAME_OCTETS_MAX = 255;

/** RFC 6066 §3: the one host name. Names of other kinds are passed over. */
export function readServerName(extensions: Extensions): string | Fault | null {
  const body = extensions.get(SERVER_NAME);
  if (body === undefined) return null;
  const reader = new OctetReader(body);
  const list = new OctetReader(reader.vector(2, 1));
  let name: string | null = null;
  while (list.left > 0 && list.ok) {
    const kind = list.uint(1);
    const octets = list.vector(2, 1, NAME_OCTETS_MAX);
    if (kind !== HOST_NAME) continue;
    if (name !== null) return fault("illegal_parameter", "two host names in server_name");
    name = Buffer.from(octets).toString("latin1");
  }
  if (!list.ok || !reader.complete) return decodeFault("server_name");
  if (name === null) return null;
  if (!/^[!-~]+$/.test(name)) return fault("illegal_parameter", "server_name is no text");
  // Some clients send an address, or a dot at the end: they asked for no name that a certificate could have.
  return isHostName(name) ? name.toLowerCase() : null;
}

/** Labels of letters, digits, "-" and "_" in ASCII, without a dot at the end; addresses are no names (RFC 6066 §3). */
export const isHostName = (name: string): boolean =>
  name.length <= NAME_OCTETS_MAX && /^[a-z\d_-]{1,63}(\.[a-z\d_-]{1,63})*$/i.test(name) && isIP(name) === 0;

export const writeServerName = (name: string) => (into: OctetWriter) =>
  into.vector(2, (list) => list.uint(1, HOST_NAME).vector(2, (octets) => octets.octets(Buffer.from(name, "latin1"))));

/** RFC 7301 §3.1. Protocols are octets; as text they are latin1, as in Node. */
export function readAlpn(extensions: Extensions): readonly string[] | Fault | null {
  const body = extensions.get(ALPN);
  if (body === undefined) return null;
  const reader = new OctetReader(body);
  const list = new OctetReader(reader.vector(2, 2));
  const protocols: string[] = [];
  while (list.left > 0 && list.ok) protocols.push(Buffer.from(list.vector(1, 1)).toString("latin1"));
  return list.ok && reader.complete ? protocols : decodeFault("application_layer_protocol_negotiation");
}

export const writeAlpn = (protocols: readonly string[]) => (into: OctetWriter) =>
  into.vector(2, (list) => {
    for (const protocol of protocols) list.vector(1, (octets) => octets.octets(Buffer.from(protocol, "latin1")));
  });

export const readGroups = (extensions: Extensions): readonly number[] | Fault | null =>
  readUints(extensions, SUPPORTED_GROUPS, 2, 2, "supported_groups");

export const readSchemes = (extensions: Extensions): readonly number[] | Fault | null =>
  readUints(extensions, SIGNATURE_ALGORITHMS, 2, 2, "signature_algorithms");

/** RFC 8446 §4.2.1: a client that speaks newer versions lists them here. */
export const readVersions = (extensions: Extensions): readonly number[] | Fault | null =>
  readUints(extensions, SUPPORTED_VERSIONS, 1, 2, "supported_versions");

/** Groups and schemes are written alike: two octets each. */
export const writeIds = (ids: readonly number[]) => (into: OctetWriter) =>
  into.vector(2, (list) => {
    for (const id of ids) list.uint(2, id);
  });

/** RFC 8422 §5.1.2: who sends it must take uncompressed points. */
export function checkPointFormats(extensions: Extensions): Fault | null {
  const formats = readUints(extensions, EC_POINT_FORMATS, 1, 1, "ec_point_formats");
  if (formats === null || isFault(formats)) return formats;
  return formats.includes(UNCOMPRESSED) ? null : fault("illegal_parameter", "ec_point_formats without uncompressed");
}

export const writePointFormats = (into: OctetWriter) => into.vector(1, (list) => list.uint(1, UNCOMPRESSED));

function readUints(extensions: Extensions, type: number, lengthOctets: number, size: number, name: string) {
  const body = extensions.get(type);
  if (body === undefined) return null;
  const reader = new OctetReader(body);
  const values = reader.uints(lengthOctets, size, size);
  return reader.complete ? values : decodeFault(name);
}

/** RFC 5746 §3.6: renegotiation is refused, so that the only body ever is the empty one of a first handshake. */
export function checkRenegotiationInfo(extensions: Extensions): Fault | null {
  const body = extensions.get(RENEGOTIATION_INFO);
  if (body === undefined) return null;
  const reader = new OctetReader(body);
  const verified = reader.vector(1);
  if (!reader.complete) return decodeFault("renegotiation_info");
  return verified.length === 0 ? null : fault("handshake_failure", "renegotiation_info of another handshake");
}

export const writeRenegotiationInfo = (into: OctetWriter) => into.vector(1, () => {});

/** Octets of a fragment, as RFC 6066 §4 numbers them. */
const FRAGMENT_LENGTHS: Readonly<Record<number, number>> = { 1: 512, 2: 1024, 3: 2048, 4: 4096 };

/** In octets. */
export function readMaxFragmentLength(extensions: Extensions): number | Fault | null {
  const body = extensions.get(MAX_FRAGMENT_LENGTH);
  if (body === undefined) return null;
  if (body.length !== 1) return decodeFault("max_fragment_length");
  const octets = FRAGMENT_LENGTHS[body[0]] ?? 0;
  return octets > 0 ? octets : fault("illegal_parameter", `max_fragment_length ${body[0]}`);
}

export const isFragmentLength = (octets: number): boolean =>
  octets < PLAINTEXT_MAX && Object.values(FRAGMENT_LENGTHS).includes(octets);

/** Precondition: `isFragmentLength(octets)`. */
export const writeMaxFragmentLength = (octets: number) => (into: OctetWriter) => into.uint(1, Math.log2(octets) - 8);

/** An extension whose presence says all: its body must be empty. */
export function readFlag(extensions: Extensions, type: number, name: string): boolean | Fault {
  const body = extensions.get(type);
  if (body === undefined) return false;
  return body.length === 0 || decodeFault(name);
}
