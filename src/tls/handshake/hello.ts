import { decodeFault, isFault, type Fault } from "../alert.ts";
import { OctetReader } from "../octet-reader.ts";
import { OctetWriter } from "../octet-writer.ts";
import { parseExtensions, type Extensions, type ExtensionWriter } from "./extensions.ts";

export const RANDOM_OCTETS = 32;
export const SESSION_ID_OCTETS_MAX = 32;
const NULL_COMPRESSION = 0;

/** RFC 5246 §7.4.1.2, as it came; nothing is judged but its form. */
export interface ClientHello {
  readonly version: number;
  readonly random: Uint8Array;
  readonly sessionId: Uint8Array;
  readonly suites: readonly number[];
  readonly compressions: readonly number[];
  readonly extensions: Extensions;
}

export function parseClientHello(body: Uint8Array): ClientHello | Fault {
  const reader = new OctetReader(body);
  const version = reader.uint(2);
  const random = reader.take(RANDOM_OCTETS);
  const sessionId = reader.vector(1, 0, SESSION_ID_OCTETS_MAX);
  const suites = reader.uints(2, 2, 2);
  const compressions = reader.uints(1, 1, 1);
  if (!reader.ok) return decodeFault("ClientHello");
  const extensions = parseExtensions(reader);
  if (isFault(extensions)) return extensions;
  return { version, random, sessionId, suites, compressions, extensions };
}

/** What `ClientHello` and `ServerHello` have in common on the way out. */
export interface HelloPlan {
  readonly version: number;
  readonly random: Uint8Array;
  readonly sessionId: Uint8Array;
  readonly extensions: ExtensionWriter;
}

export function writeClientHello(plan: HelloPlan & { readonly suites: readonly number[] }): Buffer {
  const writer = beginHello(plan);
  writer.vector(2, (list) => {
    for (const id of plan.suites) list.uint(2, id);
  });
  writer.vector(1, (list) => list.uint(1, NULL_COMPRESSION));
  plan.extensions.writeTo(writer);
  return writer.finish();
}

/** RFC 5246 §7.4.1.3. */
export interface ServerHello {
  readonly version: number;
  readonly random: Uint8Array;
  readonly sessionId: Uint8Array;
  readonly suite: number;
  readonly compression: number;
  readonly extensions: Extensions;
}

export function parseServerHello(body: Uint8Array): ServerHello | Fault {
  const reader = new OctetReader(body);
  const version = reader.uint(2);
  const random = reader.take(RANDOM_OCTETS);
  const sessionId = reader.vector(1, 0, SESSION_ID_OCTETS_MAX);
  const suite = reader.uint(2);
  const compression = reader.uint(1);
  if (!reader.ok) return decodeFault("ServerHello");
  const extensions = parseExtensions(reader);
  if (isFault(extensions)) return extensions;
  return { version, random, sessionId, suite, compression, extensions };
}

export function writeServerHello(plan: HelloPlan & { readonly suite: number }): Buffer {
  const writer = beginHello(plan).uint(2, plan.suite).uint(1, NULL_COMPRESSION);
  plan.extensions.writeTo(writer);
  return writer.finish();
}

const beginHello = ({ version, random, sessionId }: HelloPlan): OctetWriter =>
  new OctetWriter()
    .uint(2, version)
    .octets(random)
    .vector(1, (into) => into.octets(sessionId));

/** RFC 5246 §7.4.1.2: every client offers it, and nothing else is spoken here. */
export const offersNullCompression = ({ compressions }: ClientHello): boolean =>
  compressions.includes(NULL_COMPRESSION);

export const isNullCompression = ({ compression }: ServerHello): boolean => compression === NULL_COMPRESSION;
