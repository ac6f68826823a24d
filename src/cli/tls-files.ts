import { appendFileSync, closeSync, openSync, readFileSync } from "node:fs";

import type { HttpsListenOptions } from "../host/http-server.ts";
import { TlsError } from "../tls/tls-error.ts";
import { SecureContext } from "../tls/secure-context.ts";
import type { TlsFiles } from "./serve-options.ts";
import { UsageError } from "./usage.ts";

/** What HTTPS needs to listen, but for the place. */
export type HttpsFiles = Pick<HttpsListenOptions, "tls" | "onKeyLog">;

/** The files of `--https`, read before anything is served. Errors: `UsageError` that names the file. */
export function readTlsFiles({ cert, key, keylog }: TlsFiles): HttpsFiles {
  const secureContext = makeContext(readPem("--cert", cert), readPem("--key", key));
  if (keylog === null) return { tls: { secureContext } };
  checkWritable(keylog);
  // A line for each handshake, and on disk when a reader looks: a stream would hold it back.
  return { tls: { secureContext }, onKeyLog: (line) => appendFileSync(keylog, line) };
}

function readPem(option: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new UsageError(`${option} ${path} cannot be read: ${reasonOf(error)}`);
  }
}

function makeContext(cert: Buffer, key: Buffer): SecureContext {
  try {
    return new SecureContext({ cert, key });
  } catch (error) {
    if (!(error instanceof TlsError)) throw error;
    throw new UsageError(`--cert and --key cannot be used: ${error.message}`);
  }
}

/** Nobody but its owner may read it. */
function checkWritable(path: string): void {
  try {
    closeSync(openSync(path, "a", 0o600));
  } catch (error) {
    throw new UsageError(`--keylog ${path} cannot be written: ${reasonOf(error)}`);
  }
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
