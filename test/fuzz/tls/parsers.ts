import { X509Certificate } from "node:crypto";

import { certificateFacts } from "../../../src/tls/certificates/certificate-facts.ts";
import { hostMismatch } from "../../../src/tls/certificates/host-name.ts";
import { violatedConstraint } from "../../../src/tls/certificates/name-constraints.ts";
import { makeOpener } from "../../../src/tls/keys/key-schedule.ts";
import { readResumableSession, readSession, writeResumableSession } from "../../../src/tls/sessions/session-codec.ts";
import { CIPHER_SUITES } from "../../../src/tls/suites.ts";
import { clientEnd, exchange, seededOctets, serverEnd, sessionKeeper } from "../../tls/support/endpoint.ts";
import { certificatePem } from "../../tls/support/fixtures.ts";
import type { Dice } from "./dice.ts";
import { changeOctets } from "./mutations.ts";

/** What is read of octets that a peer has a hand in, apart from records and messages. */
export class ParserSiege {
  readonly #certificates = (["root", "rsa", "ecdsa", "client"] as const).map(
    (name) => new X509Certificate(certificatePem(name)).raw,
  );
  readonly #session: Buffer;
  readonly #ticket: Buffer;
  readonly #keeper = sessionKeeper();

  constructor() {
    const client = clientEnd();
    exchange(client, serverEnd({ sessions: sessionKeeper() }));
    const [session] = client.sessions;
    this.#session = writeResumableSession(session);
    this.#ticket = session.ticket ?? Buffer.alloc(0);
  }

  run(dice: Dice): string {
    switch (dice.below(4)) {
      case 0:
        return this.#readCertificate(dice);
      case 1:
        return this.#readSession(dice);
      case 2:
        return this.#openTicket(dice);
      default:
        return openRecord(dice);
    }
  }

  #readCertificate(dice: Dice): string {
    const facts = certificateFacts(changed(dice.pick(this.#certificates), dice));
    if (facts === null) return "certificate: none";
    for (const host of ["localhost", "127.0.0.1", "::1"]) hostMismatch(host, facts);
    violatedConstraint(facts, facts.nameConstraints ?? { permitted: facts.altNames, excluded: facts.altNames });
    return "certificate: read";
  }

  #readSession(dice: Dice): string {
    const octets = changed(this.#session, dice);
    readSession(octets);
    return readResumableSession(octets) === null ? "session: none" : "session: read";
  }

  #openTicket(dice: Dice): string {
    const ticket = changed(this.#ticket, dice);
    const opened = this.#keeper.openTicket(ticket);
    if (opened !== null && !ticket.equals(this.#ticket)) throw new Error("broken: a ticket that was changed is opened");
    return opened === null ? "ticket: none" : "ticket: opened";
  }
}

function changed(octets: Buffer, dice: Dice): Buffer {
  let result = octets;
  for (let left = 1 + dice.skewed(3); left > 0; left--) result = changeOctets(result, dice);
  return result;
}

/** A record of any length under any suite, by somebody who has no keys. */
function openRecord(dice: Dice): string {
  const keys = { mac: Buffer.alloc(32, 1), key: Buffer.alloc(32, 2), iv: Buffer.alloc(12, 3) };
  const suite = dice.pick(CIPHER_SUITES);
  const { cipher } = suite;
  const macLength = cipher.kind === "cbc" && cipher.mac === "sha1" ? 20 : 32;
  const ivLength = cipher.kind === "gcm" ? 4 : 12;
  const opener = makeOpener(
    suite,
    {
      mac: keys.mac.subarray(0, macLength),
      key: keys.key.subarray(0, cipher.keyLength),
      iv: keys.iv.subarray(0, ivLength),
    },
    { encryptThenMac: dice.once(2), random: seededOctets(1) },
  );
  const length = dice.once(2) ? dice.skewed(18_000) : 16 * dice.skewed(40) + dice.pick([0, 4, 16, 20, 32]);
  const opened = opener.open(dice.pick([20, 21, 22, 23]), Buffer.alloc(length, dice.below(256)));
  if (opened !== null) throw new Error("broken: a record that nobody has sealed is opened");
  return "record: none";
}
