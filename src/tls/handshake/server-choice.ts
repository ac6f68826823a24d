import { fault, type Fault } from "../alert.ts";
import type { Identity, ServerIdentities } from "../identity.ts";
import type { NamedGroup } from "../keys/named-groups.ts";
import type { SignatureScheme } from "../signature-schemes.ts";
import type { CipherSuite } from "../suites.ts";
import type { ClientOffer } from "./client-offer.ts";
import type { ServerConfig } from "./server-config.ts";

/** How a full handshake goes on. */
export type ServerChoice = RsaChoice | EcdheChoice;

interface RsaChoice {
  readonly suite: CipherSuite & { readonly keyExchange: "rsa" };
  readonly identity: Identity;
}

interface EcdheChoice {
  readonly suite: CipherSuite & { readonly keyExchange: "ecdhe" };
  readonly identity: Identity;
  readonly group: NamedGroup;
  readonly scheme: SignatureScheme;
}

export const isEcdhe = (choice: ServerChoice): choice is EcdheChoice => choice.suite.keyExchange === "ecdhe";

/** The first of the server's suites that the client offers and that everything it needs is there for. */
export function choose(offer: ClientOffer, config: ServerConfig, identities: ServerIdentities): ServerChoice | Fault {
  const offered = new Set(offer.hello.suites);
  for (const suite of config.suites) {
    if (!offered.has(suite.id)) continue;
    const identity = identities[suite.authentication];
    if (identity === null) continue;
    const choice =
      suite.keyExchange === "rsa" ? rsaChoice(suite, identity) : ecdheChoice(suite, identity, offer, config);
    if (choice !== null) return choice;
  }
  return fault("handshake_failure", "no cipher suite in common");
}

const rsaChoice = (suite: CipherSuite, identity: Identity): RsaChoice | null =>
  identity.unwrapKey === null ? null : { suite: { ...suite, keyExchange: "rsa" }, identity };

function ecdheChoice(
  suite: CipherSuite,
  identity: Identity,
  offer: ClientOffer,
  config: ServerConfig,
): EcdheChoice | null {
  // RFC 8422 §4: a client that names no groups takes any.
  const group = config.groups.find(({ id }) => offer.groups?.includes(id) ?? true);
  // RFC 5246 §7.4.1.4.1: a client that names no schemes means SHA-1, which is not spoken.
  const scheme = config.schemes.find(({ id, key }) => key === identity.kind && offer.schemes?.includes(id) === true);
  if (group === undefined || scheme === undefined) return null;
  return { suite: { ...suite, keyExchange: "ecdhe" }, identity, group, scheme };
}
