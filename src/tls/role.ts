import type { HandshakeMachine, HandshakeOutcome, HandshakeWire } from "./handshake/machine.ts";
import type { JobAnswerers } from "./job-runner.ts";
import type { Side } from "./keys/session-secrets.ts";

/** What a socket is in its connection: the client's or the server's part, with everything that it goes by. */
export interface Role extends JobAnswerers {
  readonly side: Side;
  readonly makeMachine: (wire: HandshakeWire) => HandshakeMachine;
  /** Whether the peer is who it must be. */
  readonly judge: (outcome: HandshakeOutcome) => Authorization;
  /** In ms; `Infinity` for never. */
  readonly handshakeTimeoutMs: number;
}

/** As `node:tls` tells it. */
export interface Authorization {
  readonly authorized: boolean;
  /** Why not; null as well where nobody asked. */
  readonly authorizationError: string | null;
}
