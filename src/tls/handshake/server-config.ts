import type { NamedGroup } from "../keys/named-groups.ts";
import type { RandomOctets } from "../random-octets.ts";
import type { SessionKeeper } from "../sessions/session.ts";
import type { SignatureScheme } from "../signature-schemes.ts";
import type { CipherSuite } from "../suites.ts";

/** What a server's handshakes go by. Lists are in the order of preference; certificates come by a `ChooseJob`. */
export interface ServerConfig {
  readonly random: RandomOctets;
  readonly suites: readonly CipherSuite[];
  readonly groups: readonly NamedGroup[];
  readonly schemes: readonly SignatureScheme[];
  /** Whether clients are asked for a certificate; "require" ends the handshake with those that have none. */
  readonly clientCertificate: "none" | "request" | "require";
  /** Names of the roots that a client's certificate may lead to, in DER; none for any. */
  readonly authorities: readonly Uint8Array[];
  readonly sessions: SessionKeeper;
}
