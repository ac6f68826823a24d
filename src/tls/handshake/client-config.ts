import type { Identity } from "../identity.ts";
import type { NamedGroup } from "../keys/named-groups.ts";
import type { RandomOctets } from "../random-octets.ts";
import type { ResumableSession } from "../sessions/session.ts";
import type { SignatureScheme } from "../signature-schemes.ts";
import type { CipherSuite } from "../suites.ts";

/** What a client's handshakes go by. Lists are in the order of preference. */
export interface ClientConfig {
  readonly random: RandomOctets;
  readonly suites: readonly CipherSuite[];
  readonly groups: readonly NamedGroup[];
  readonly schemes: readonly SignatureScheme[];
  /** What server_name asks for; null for nothing. `isHostName` holds. */
  readonly servername: string | null;
  readonly alpnProtocols: readonly string[];
  /** The session to resume; lent. */
  readonly session: ResumableSession | null;
  /** Shown to servers that ask. */
  readonly identity: Identity | null;
  /** RFC 6066 §4, in octets; null asks for nothing. `isFragmentLength` holds. */
  readonly maxFragmentLength: number | null;
}
