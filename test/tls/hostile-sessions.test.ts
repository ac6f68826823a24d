import fc from "fast-check";
import { expect, test } from "vitest";

import { FALLBACK_SCSV } from "../../src/tls/suites.ts";
import { EXTENSIONS_MAX, ExtensionWriter, SESSION_TICKET } from "../../src/tls/handshake/extensions.ts";
import { NEW_SESSION_TICKET } from "../../src/tls/handshake/message.ts";
import { TICKET_KEPT_MAX, type ResumableSession } from "../../src/tls/sessions/session.ts";
import { readResumableSession, writeResumableSession } from "../../src/tls/sessions/session-codec.ts";
import { TlsError } from "../../src/tls/tls-error.ts";
import { checkAlpn } from "../../src/tls/client-role.ts";
import { recordings } from "../fuzz/tls/recordings.ts";
import { clientEnd, exchange, seededOctets, serverEnd, sessionKeeper, suiteNamed } from "./support/endpoint.ts";
import { HandClient, plainExtensions } from "./support/hand-client.ts";
import { frameMessages, sealAll } from "./support/replay.ts";

const SUITES = { suites: [suiteNamed("AES128-GCM-SHA256")] };

/** A session by ticket or by ID, and who keeps it. */
function session(
  tickets: boolean,
  servername: string | null = "localhost",
): { session: ResumableSession; keeper: ReturnType<typeof sessionKeeper> } {
  const keeper = sessionKeeper(9, () => 0, tickets);
  const client = clientEnd({ ...SUITES, servername });
  exchange(client, serverEnd({ sessions: keeper }));
  return { session: client.sessions[0], keeper };
}

/** Whether `offered` is resumed; the handshake ends well in any case. */
function isResumed(offered: ResumableSession, keeper: ReturnType<typeof sessionKeeper>): boolean {
  const client = clientEnd({ ...SUITES, session: offered, random: seededOctets(5) });
  const server = serverEnd({ sessions: keeper, random: seededOctets(6) });
  exchange(client, server);
  expect([client.failures, server.failures]).toEqual([[], []]);
  expect(client.connection.isOpen && server.connection.isOpen).toBe(true);
  expect(client.outcome?.resumed).toBe(server.outcome?.resumed);
  return server.outcome?.resumed ?? false;
}

test("RFC 5077 §5.1: a ticket counts as it was given: each octet changed, cut anywhere, made longer, it is none", () => {
  const { session: good, keeper } = session(true);
  const ticket = good.ticket ?? Buffer.alloc(0);
  expect(isResumed(good, keeper)).toBe(true);
  const spoilt: Buffer[] = [];
  for (let at = 0; at < ticket.length; at++) {
    const copy = Buffer.from(ticket);
    copy[at] ^= 1 << (at % 8);
    spoilt.push(copy, ticket.subarray(0, at));
  }
  spoilt.push(Buffer.concat([ticket, Buffer.alloc(1)]), Buffer.concat([ticket, ticket]));
  // An empty one is no offer, and the session then has no name at all.
  for (const one of spoilt.filter(({ length }) => length > 0)) {
    expect(isResumed({ ...good, ticket: one }, keeper)).toBe(false);
  }
});

test("RFC 5077 §5.1: tickets of any octets are none", () => {
  const { session: good, keeper } = session(true);
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 600 }), (octets) => {
      expect(isResumed({ ...good, ticket: Buffer.from(octets) }, keeper)).toBe(false);
    }),
    { numRuns: 40 },
  );
});

test("RFC 5246 §7.3: a session ID that is not known, to the last bit, gives a full handshake", () => {
  const { session: good, keeper } = session(false);
  expect(isResumed(good, keeper)).toBe(true);
  for (let at = 0; at < good.id.length; at++) {
    const id = Buffer.from(good.id);
    id[at] ^= 0x80;
    expect(isResumed({ ...good, id }, keeper)).toBe(false);
  }
});

test.for([[true], [false]])(
  "RFC 5246 §7.3: who has a session's name and not its secret does not finish (ticket: %s)",
  ([tickets]) => {
    const { session: good, keeper } = session(tickets);
    const thief = clientEnd({
      ...SUITES,
      session: { ...good, masterSecret: Buffer.alloc(48, 7) },
      random: seededOctets(5),
    });
    const server = serverEnd({ sessions: keeper, random: seededOctets(6) });
    exchange(thief, server);
    expect(thief.failures).toMatchObject([{ kind: "fault", alert: "bad_record_mac" }]);
    expect(server.outcome).toBeNull();
  },
);

test("RFC 7627 §5.3: a session is not resumed without its extended master secret", () => {
  const { session: good, keeper } = session(true, null); // A client by hand names no server.
  const client = new HandClient(serverEnd({ sessions: keeper }));
  const ticket = good.ticket ?? Buffer.alloc(0);
  client.hello({ extensions: new ExtensionWriter().add(SESSION_TICKET, (body) => body.octets(ticket)) });
  expect(client.alerts()).toEqual(["fatal handshake_failure"]);
});

test("RFC 5077 §3.3: a ticket too long to be offered is not kept, and one of the most that is can be offered again", () => {
  const recording = recordings().find(({ name }) => name === "RSA, AES-GCM, to the client");
  if (recording === undefined) throw new Error("no such recording");
  for (const [length, isKept] of [
    [0, false],
    [1, true],
    [TICKET_KEPT_MAX, true],
    [TICKET_KEPT_MAX + 1, false],
    [0xfff0, false],
  ] as const) {
    const { session: good } = session(true);
    const long = { ...good, ticket: Buffer.alloc(length, 1) };
    const read = readResumableSession(writeResumableSession(long));
    expect(read !== null && read.ticket !== null).toBe(isKept);
    if (read !== null) expect(() => clientEnd({ session: read, random: seededOctets(5) })).not.toThrow();
    // From a server: the message is taken, whatever its length; only what follows tells that the handshake was changed.
    const target = recording.makeTarget((job) => void recording.answer(job));
    const records = frameMessages(recording).flatMap((one) => {
      if (one.text[0] !== NEW_SESSION_TICKET) return [one];
      const body = Buffer.concat([Buffer.of(0, 0, 0, 9, length >> 8, length & 0xff), Buffer.alloc(length, 1)]);
      const whole = Buffer.concat([Buffer.of(4, 0, body.length >> 8, body.length & 0xff), body]);
      return [0, 1, 2, 3, 4]
        .map((at) => ({ ...one, text: whole.subarray(at * 14_000, (at + 1) * 14_000) }))
        .filter(({ text }) => text.length > 0);
    });
    target.feed(sealAll(recording, records));
    expect(target.failures).toMatchObject([{ kind: "fault", alert: "decrypt_error" }]);
    expect(target.sessions).toEqual([]);
  }
});

test("a session with a long error in the application's own words is kept with the first of them", () => {
  const { session: good } = session(true);
  const read = readResumableSession(writeResumableSession({ ...good, authorizationError: "x".repeat(1000) }));
  expect(read?.authorizationError).toBe("x".repeat(255));
});

test("octets that are no session are none: cut anywhere, each octet changed", () => {
  const octets = writeResumableSession(session(true).session);
  for (let at = 0; at < octets.length; at++) {
    expect(readResumableSession(octets.subarray(0, at))).toBeNull();
    const spoilt = Buffer.from(octets);
    spoilt[at] ^= 0xff;
    const read = readResumableSession(spoilt);
    if (read !== null) clientEnd({ session: read, random: seededOctets(5) });
  }
});

test("RFC 7301 §3.1: application protocols that fit in no hello are refused before there is one", () => {
  expect(() => checkAlpn(Array.from({ length: 200 }, () => "x".repeat(255)))).toThrow(TlsError);
  expect(() => checkAlpn(["x".repeat(256)])).toThrow(TlsError);
  expect(() => checkAlpn([""])).toThrow(TlsError);
  const most = Array.from({ length: 128 }, () => "x".repeat(255));
  checkAlpn(most);
  expect(() => clientEnd({ alpnProtocols: most })).not.toThrow();
});

test("RFC 8701: extensions that are not known are passed over, any of them, up to a bound", () => {
  const known = new Set([0, 1, 10, 11, 13, 16, 22, 23, 35, 43, 0xff01]);
  const unknown = fc.uniqueArray(
    fc.nat(0xffff).filter((type) => !known.has(type)),
    { minLength: 1, maxLength: EXTENSIONS_MAX - 2 },
  );
  fc.assert(
    fc.property(unknown, fc.uint8Array({ maxLength: 300 }), (types, body) => {
      const client = new HandClient(serverEnd());
      const extensions = types.reduce(
        (writer, type) => writer.add(type, (into) => into.octets(body)),
        plainExtensions(),
      );
      client.hello({ extensions }).keyExchange().changeCipherSpec().finished();
      expect(client.server.failures).toEqual([]);
      expect(client.server.connection.isOpen).toBe(true);
    }),
    { numRuns: 40 },
  );
});

test("RFC 5246 §7.4.1.4: any extension that comes twice is refused, known or not", () => {
  fc.assert(
    fc.property(fc.oneof(fc.nat(0xffff), fc.constantFrom(0, 10, 13, 16, 23, 35, 43, 0xff01)), (type) => {
      const client = new HandClient(serverEnd());
      const twice = plainExtensions().add(type).add(type);
      client.hello({ extensions: twice });
      expect(client.alerts()).toEqual(["fatal illegal_parameter"]);
    }),
    { numRuns: 60 },
  );
});

test("known extensions with any body never end in more than an alert", () => {
  const types = fc.constantFrom(0, 1, 10, 11, 13, 16, 22, 35, 43);
  const alerts = ["fatal decode_error", "fatal illegal_parameter", "fatal protocol_version", "fatal handshake_failure"];
  fc.assert(
    fc.property(types, fc.uint8Array({ maxLength: 40 }), (type, body) => {
      const client = new HandClient(serverEnd());
      client.hello({ extensions: plainExtensions().add(type, (into) => into.octets(body)) });
      const told = client.alerts();
      expect(told.length).toBeLessThanOrEqual(1);
      for (const alert of told) expect(alerts).toContain(alert);
      expect(client.server.failures).toHaveLength(told.length);
    }),
    { numRuns: 300 },
  );
});

test("RFC 7507 §3: the fallback's mark is refused below TLS 1.2 and harmless from there on", () => {
  for (let version = 0x0300; version <= 0x0309; version++) {
    const client = new HandClient(serverEnd()).hello({ version, suites: [0x9c, FALLBACK_SCSV] });
    expect(client.alerts()).toEqual(version < 0x0303 ? ["fatal inappropriate_fallback"] : []);
  }
});
