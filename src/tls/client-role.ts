import type { DetailedPeerCertificate, PeerCertificate } from "node:tls";
import { isIP } from "node:net";
import { domainToASCII } from "node:url";

import { fault } from "./alert.ts";
import { alertFor } from "./certificates/verify-codes.ts";
import { verifyPeer } from "./certificates/verify-peer.ts";
import { ClientMachine } from "./handshake/client-machine.ts";
import { isFragmentLength, isHostName } from "./handshake/hello-extensions.ts";
import type { VerifyJob } from "./jobs.ts";
import { legacyCertificate } from "./peer-certificate.ts";
import type { Role } from "./role.ts";
import { SecureContext, type SecureContextOptions } from "./secure-context.ts";
import { readResumableSession } from "./sessions/session-codec.ts";
import { certificateError, TlsError } from "./tls-error.ts";
import type { TlsWorld } from "./world.ts";

export type CheckServerIdentity = (host: string, certificate: PeerCertificate) => Error | undefined;

/** A client's options; names and meaning are those of `tls.connect`. */
export interface ClientOptions extends SecureContextOptions {
  /** In place of the options that make one. */
  readonly secureContext?: SecureContext | undefined;
  /** The name that the certificate must have, where there is no `servername`. */
  readonly host?: string | undefined;
  /** What SNI asks for, and the name that the certificate must have. Default: `host`, where that is a name; "" sends none. */
  readonly servername?: string | undefined;
  /** Whether a server that is not who it must be is refused. Default true. */
  readonly rejectUnauthorized?: boolean | undefined;
  /** Judges the name in the certificate instead of `RFC 9525`; an error refuses it. */
  readonly checkServerIdentity?: CheckServerIdentity | undefined;
  /** Application protocols, most wanted first. */
  readonly ALPNProtocols?: readonly string[] | undefined;
  /** What "session" has told of an earlier connection. */
  readonly session?: Buffer | undefined;
  /** Asks for records of no more text than this: 512, 1024, 2048 or 4096 octets (RFC 6066 §4). */
  readonly maxFragmentLength?: number | undefined;
}

/** Errors: `TlsError` (`ERR_TLS_INVALID_CONTEXT`) for options that cannot be used. */
export function clientRole(options: ClientOptions, world: TlsWorld): Role {
  const context = options.secureContext ?? new SecureContext(options);
  const host =
    options.servername === undefined || options.servername === "" ? (options.host ?? "localhost") : options.servername;
  const { maxFragmentLength = null, ALPNProtocols: alpnProtocols = [] } = options;
  if (maxFragmentLength !== null && !isFragmentLength(maxFragmentLength)) {
    throw new TlsError("ERR_TLS_INVALID_CONTEXT", "options.maxFragmentLength is 512, 1024, 2048 or 4096");
  }
  checkAlpn(alpnProtocols);
  const config = {
    random: world.random,
    suites: context.suites,
    groups: context.groups,
    schemes: context.schemes,
    servername: serverName(options.servername ?? host),
    alpnProtocols,
    session: options.session === undefined ? null : readResumableSession(options.session),
    identity: context.identity,
    maxFragmentLength,
  };
  return {
    side: "client",
    makeMachine: (wire) => new ClientMachine(wire, config),
    verify: (job) => verifyServer(job, { context, host, options, world }),
    choose: (job) => job.refuse(fault("internal_error", "only servers choose")),
    privateKeys: world.privateKeys,
    judge: ({ authorizationError }) => ({ authorized: authorizationError === null, authorizationError }),
    handshakeTimeoutMs: Infinity,
  };
}

/** Octets of all application protocols together, so that a hello has room for them beside everything else. */
const ALPN_OCTETS_MAX = 1 << 15;

/** RFC 7301 §3.1: 1 to 255 octets each. */
export function checkAlpn(protocols: readonly string[]): void {
  const octets = protocols.reduce((sum, protocol) => sum + 1 + protocol.length, 0);
  const usable = (protocol: string): boolean => protocol.length > 0 && protocol.length <= 255;
  if (protocols.every(usable) && octets <= ALPN_OCTETS_MAX) return;
  const bounds = `each has 1 to 255 octets, all together ${ALPN_OCTETS_MAX}`;
  throw new TlsError("ERR_TLS_INVALID_CONTEXT", `options.ALPNProtocols: ${bounds}`);
}

/** What SNI may carry of a name; null for an address, and for what is no name at all. */
function serverName(host: string): string | null {
  if (isIP(host) > 0) return null;
  const name = domainToASCII(host.replace(/\.$/, ""));
  return isHostName(name) ? name.toLowerCase() : null;
}

interface ServerCheck {
  readonly context: SecureContext;
  readonly host: string;
  readonly options: ClientOptions;
  readonly world: TlsWorld;
}

function verifyServer(job: VerifyJob, { context, host, options, world }: ServerCheck): void {
  const { checkServerIdentity, rejectUnauthorized = true } = options;
  const failure = verifyPeer({
    chain: job.chain,
    resumed: job.resumed,
    roots: context.roots ?? world.defaultRoots,
    purpose: "server",
    nowMs: world.wallClockMs(),
    host: checkServerIdentity === undefined ? host : null,
  });
  if (failure !== null) {
    if (!rejectUnauthorized) return job.resume({ authorizationError: failure.code });
    return job.refuse({ ...fault(alertFor(failure.code), failure.reason), cause: certificateError(failure) });
  }
  const refusal = checkServerIdentity?.(host, legacyCertificate(job.chain) as DetailedPeerCertificate);
  if (refusal === undefined) return job.resume({ authorizationError: null });
  if (rejectUnauthorized) return job.refuse({ ...fault("bad_certificate", refusal.message), cause: refusal });
  const { code } = refusal as NodeJS.ErrnoException;
  job.resume({ authorizationError: code ?? refusal.message });
}
