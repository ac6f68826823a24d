import { fault } from "./alert.ts";
import { alertFor } from "./certificates/verify-codes.ts";
import { verifyPeer } from "./certificates/verify-peer.ts";
import { ServerMachine } from "./handshake/server-machine.ts";
import type { ChooseJob, VerifyJob } from "./jobs.ts";
import type { Role } from "./role.ts";
import type { SecureContext } from "./secure-context.ts";
import type { SessionKeeper } from "./sessions/session.ts";
import { certificateError } from "./tls-error.ts";
import type { TlsWorld } from "./world.ts";

/** Finds the context for the name that a client asked for; without one, the server's own is taken. */
export type SniCallback = (
  servername: string,
  callback: (error: Error | null, context?: SecureContext) => void,
) => void;

/** Chooses one of the client's application protocols; `undefined` for none that will do, which ends the handshake. */
export type AlpnCallback = (hello: { servername: string; protocols: readonly string[] }) => string | undefined;

/** What a server's connections go by, ready to use. */
export interface ServerPlan {
  readonly context: SecureContext;
  /** By the name that the client asked for; null where there is none of that name. */
  readonly findContext: (servername: string) => SecureContext | null;
  readonly sniCallback: SniCallback | null;
  readonly alpnProtocols: readonly string[];
  readonly alpnCallback: AlpnCallback | null;
  readonly requestCert: boolean;
  readonly rejectUnauthorized: boolean;
  readonly sessions: SessionKeeper;
  readonly handshakeTimeoutMs: number;
}

export function serverRole(plan: ServerPlan, world: TlsWorld): Role {
  const { context, requestCert, rejectUnauthorized, sessions, handshakeTimeoutMs } = plan;
  const required = rejectUnauthorized ? "require" : "request";
  const config = {
    random: world.random,
    suites: context.suites,
    groups: context.groups,
    schemes: context.schemes,
    clientCertificate: requestCert ? required : "none",
    authorities: requestCert ? (context.roots?.subjects() ?? []) : [],
    sessions,
  } as const;
  return {
    side: "server",
    makeMachine: (wire) => new ServerMachine(wire, config),
    verify: (job) => verifyClient(job, plan, world),
    choose: (job) => chooseFor(job, plan),
    privateKeys: world.privateKeys,
    judge: ({ peerChain, authorizationError }) => {
      if (!requestCert) return { authorized: false, authorizationError: null };
      // As `node:tls` calls it where a client has no certificate.
      const code = peerChain.length === 0 ? "UNABLE_TO_GET_ISSUER_CERT" : authorizationError;
      return { authorized: code === null, authorizationError: code };
    },
    handshakeTimeoutMs,
  };
}

function verifyClient(job: VerifyJob, { context, rejectUnauthorized }: ServerPlan, world: TlsWorld): void {
  const failure = verifyPeer({
    chain: job.chain,
    resumed: job.resumed,
    roots: context.roots ?? world.defaultRoots,
    purpose: "client",
    nowMs: world.wallClockMs(),
    host: null,
  });
  if (failure === null) return job.resume({ authorizationError: null });
  if (!rejectUnauthorized) return job.resume({ authorizationError: failure.code });
  job.refuse({ ...fault(alertFor(failure.code), failure.reason), cause: certificateError(failure) });
}

function chooseFor(job: ChooseJob, plan: ServerPlan): void {
  const { servername } = job;
  const found = servername === null ? null : plan.findContext(servername);
  const { sniCallback } = plan;
  if (found !== null || sniCallback === null || servername === null) return answer(job, plan, found);
  sniCallback(servername, (error, context) => {
    if (error !== null) return job.refuse({ ...fault("unrecognized_name", error.message), cause: error });
    answer(job, plan, context ?? null);
  });
}

/** RFC 7301 §3.2: the server's preference decides, and no protocol in common ends the handshake. */
function answer(job: ChooseJob, plan: ServerPlan, context: SecureContext | null): void {
  const { alpnProtocols, alpnCallback } = plan;
  const { identities } = context ?? plan.context;
  if (job.alpnProtocols.length === 0 || (alpnCallback === null && alpnProtocols.length === 0)) {
    return job.resume({ identities, alpnProtocol: null });
  }
  const alpnProtocol =
    alpnCallback === null
      ? alpnProtocols.find((protocol) => job.alpnProtocols.includes(protocol))
      : alpnCallback({ servername: job.servername ?? "", protocols: job.alpnProtocols });
  if (alpnProtocol !== undefined && job.alpnProtocols.includes(alpnProtocol)) {
    return job.resume({ identities, alpnProtocol });
  }
  job.refuse(fault("no_application_protocol", "no application protocol in common"));
}
