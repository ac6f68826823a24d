import { expect, test } from "vitest";
import fc from "fast-check";

import { readRecords } from "./support/wire.ts";
import {
  clientEnd,
  exchange,
  type Answers,
  type Endpoint,
  seededOctets,
  serverEnd,
  sessionKeeper,
  suiteNamed,
} from "./support/endpoint.ts";
import { identity } from "./support/fixtures.ts";
import { CIPHER_SUITES } from "../../src/tls/suites.ts";
import { NAMED_GROUPS } from "../../src/tls/keys/named-groups.ts";
import { SIGNATURE_SCHEMES } from "../../src/tls/signature-schemes.ts";
import { TICKET_OCTETS_MAX } from "../../src/tls/sessions/ticket-keys.ts";
import { AeadSealer } from "../../src/tls/record/aead.ts";
import type { Job } from "../../src/tls/jobs.ts";
import { runJob } from "../../src/tls/job-runner.ts";

const RSA = suiteNamed("AES128-GCM-SHA256");

test("the same randomness gives the same handshake, octet for octet", () => {
  const record = (): Buffer => {
    const [client, server] = [clientEnd({ suites: [RSA] }), serverEnd()];
    const said: Buffer[] = [];
    for (let turn = 0; turn < 4; turn++) {
      const [from, to] = turn % 2 === 0 ? [client, server] : [server, client];
      const octets = from.take();
      said.push(octets);
      to.feed(octets);
    }
    expect(client.connection.isOpen && server.connection.isOpen).toBe(true);
    return Buffer.concat(said);
  };
  expect(record()).toEqual(record());
});

test.for(CIPHER_SUITES.map((suite) => [suite.name, suite] as const))("%s, in pieces of any size", ([, suite]) => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 0, max: 40_000 }), (cut, length) => {
      const [client, server] = [clientEnd({ suites: [suite] }), serverEnd()];
      exchange(client, server, cut);
      expect(client.failures).toEqual([]);
      const text = Buffer.alloc(length, 0x61);
      client.connection.write(text);
      server.connection.write(text);
      exchange(client, server, cut);
      expect(server.text.equals(text) && client.text.equals(text)).toBe(true);
      expect(client.keyLog).toEqual(server.keyLog);
    }),
    { numRuns: 8 },
  );
});

test.for([
  ...NAMED_GROUPS.map((group) => [`group ${group.name}`, { groups: [group] }] as const),
  ...SIGNATURE_SCHEMES.filter(({ name }) => name !== "ecdsa_secp521r1_sha512").map(
    (scheme) => [`scheme ${scheme.name}`, { schemes: [scheme] }] as const,
  ),
])("RFC 8422: %s", ([, over]) => {
  const suites = CIPHER_SUITES.filter(({ keyExchange }) => keyExchange === "ecdhe");
  const [client, server] = [clientEnd({ suites, ...over }), serverEnd()];
  exchange(client, server);
  expect(client.outcome?.exchange).toEqual(server.outcome?.exchange);
  expect(client.connection.isOpen && server.connection.isOpen).toBe(true);
});

test.for([[512], [1024], [2048], [4096]])(
  "RFC 6066 §4: with max_fragment_length no record has more text than %i",
  ([most]) => {
    const [client, server] = [clientEnd({ maxFragmentLength: most, suites: [RSA] }), serverEnd()];
    exchange(client, server);
    for (const end of [client, server]) {
      end.connection.write(Buffer.alloc(10_000));
      const records = readRecords(end.take());
      expect(records).toHaveLength(Math.ceil(10_000 / most));
      for (const { fragment } of records) expect(fragment.length).toBeLessThanOrEqual(most + 24);
    }
  },
);

test("RFC 5246 §7.3, RFC 5077: sessions are resumed by ticket and by ID, and only for the same name", () => {
  for (const tickets of [true, false]) {
    const sessions = sessionKeeper(9, () => 0, tickets);
    const [client, server] = [clientEnd(), serverEnd({ sessions })];
    exchange(client, server);
    const [session] = client.sessions;
    expect(session.ticket === null).toBe(!tickets);
    for (const [servername, resumed] of [
      ["localhost", true],
      ["other.test", false],
    ] as const) {
      const again = clientEnd({ session: { ...session, servername }, servername, random: seededOctets(5) });
      const answering = serverEnd({ sessions, random: seededOctets(6) });
      exchange(again, answering);
      expect([again.outcome?.resumed, answering.outcome?.resumed]).toEqual([resumed, resumed]);
      again.connection.write(Buffer.from("resumed"));
      exchange(again, answering);
      expect(answering.text.toString()).toBe("resumed");
    }
  }
});

test("RFC 5077 §3.3: a ticket is renewed when its key is on the way out, and is worth nothing when it is too old", () => {
  let nowMs = 0;
  const sessions = sessionKeeper(9, () => nowMs);
  const [client, server] = [clientEnd(), serverEnd({ sessions })];
  nowMs = 7_000_000;
  exchange(client, server);
  const [session] = client.sessions;
  nowMs = 7_300_000; // The key is older than 7200 s, the ticket is not.
  const renewed = clientEnd({ session, random: seededOctets(5) });
  exchange(renewed, serverEnd({ sessions }));
  expect(renewed.outcome?.resumed).toBe(true);
  expect(renewed.sessions).toHaveLength(1);
  nowMs = 14_300_000;
  const late = clientEnd({ session, random: seededOctets(5) });
  exchange(late, serverEnd({ sessions }));
  expect(late.outcome?.resumed).toBe(false);
});

test("RFC 5077 §5.1: a ticket that was changed, cut or made by somebody else gives a full handshake", () => {
  const sessions = sessionKeeper();
  const [client, server] = [clientEnd(), serverEnd({ sessions })];
  exchange(client, server);
  const [session] = client.sessions;
  const ticket = session.ticket ?? Buffer.alloc(0);
  const spoilt = [
    ...[0, 16, 28, ticket.length - 1].map((at) => {
      const copy = Buffer.from(ticket);
      copy[at] ^= 1;
      return copy;
    }),
    ticket.subarray(0, -1),
    ticket.subarray(0, 20),
    Buffer.alloc(1),
    Buffer.alloc(TICKET_OCTETS_MAX + 1),
  ];
  for (const forged of spoilt) {
    const again = clientEnd({ session: { ...session, ticket: forged }, random: seededOctets(5) });
    exchange(again, serverEnd({ sessions }));
    expect(again.outcome?.resumed).toBe(false);
  }
});

test("RFC 5246 §7.4.6: a client's certificate is asked for, proved, and kept in the session", () => {
  const sessions = sessionKeeper();
  const config = { clientCertificate: "require", sessions } as const;
  for (const suite of CIPHER_SUITES) {
    const client = clientEnd({ suites: [suite], identity: identity("client") });
    const server = serverEnd(config);
    exchange(client, server);
    expect(server.outcome?.peerChain[0].subject).toBe("CN=client");
    const again = clientEnd({ session: client.sessions[0], random: seededOctets(5) });
    const answering = serverEnd(config);
    exchange(again, answering);
    expect(answering.outcome).toMatchObject({ resumed: true });
    expect(answering.outcome?.peerChain[0].subject).toBe("CN=client");
  }
  const bare = serverEnd(config);
  exchange(clientEnd(), bare);
  expect(bare.failures).toMatchObject([{ alert: "handshake_failure" }]);
});

test("jobs may be answered late: what comes meanwhile is held, and nothing is said", () => {
  const jobs: Job[] = [];
  const client = clientEnd({ suites: [RSA] }, { job: (job) => jobs.push(job) });
  const server = serverEnd({}, { job: (job) => jobs.push(job) });
  const kinds: string[] = [];
  for (let rounds = 0; rounds < 20; rounds++) {
    exchange(client, server, 7);
    const job = jobs.shift();
    if (job === undefined) break;
    kinds.push(job.kind);
    runJob(job, {
      verify: (verify) => verify.resume({ authorizationError: null }),
      choose: (choose) => runJobWithFixtures(choose),
    });
  }
  expect(kinds).toEqual(["choose", "verify", "unwrap"]);
  expect(client.connection.isOpen && server.connection.isOpen).toBe(true);
});

const runJobWithFixtures = (job: Extract<Job, { kind: "choose" }>): void =>
  job.resume({ identities: { rsa: identity("rsa"), ecdsa: null }, alpnProtocol: null });

test("a job that is answered after the connection has ended, or twice, changes nothing", () => {
  const jobs: Job[] = [];
  const client = clientEnd({ suites: [RSA] });
  const server = serverEnd({}, { job: (job) => jobs.push(job) });
  server.feed(client.take());
  server.connection.inputEnded();
  const [job] = jobs;
  if (job.kind === "choose") runJobWithFixtures(job);
  expect(server.take()).toHaveLength(0);
  expect(server.failures).toEqual([{ kind: "truncated" }]);
});

test("RFC 8446 §5.5: a sealer counts down to the limit of its key", () => {
  const keys = { key: Buffer.alloc(16, 1), iv: Buffer.alloc(4, 2) };
  const sealer = new AeadSealer({ algorithm: "aes-128-gcm", explicit: 8 }, keys, 3);
  const into = Buffer.alloc(100);
  for (const left of [2, 1, 0]) {
    sealer.seal(23, Buffer.of(1), into, 0);
    expect(sealer.recordsLeft).toBe(left);
  }
});

test("secrets are wiped when a connection ends", () => {
  const [client, server] = [clientEnd({ suites: [RSA] }), serverEnd()];
  exchange(client, server);
  const masters = [client, server].map((end) => end.outcome?.secrets.master ?? Buffer.of(1));
  for (const master of masters) expect(master.every((octet) => octet === 0)).toBe(false);
  client.connection.end();
  server.feed(client.take());
  server.connection.end();
  client.feed(server.take());
  for (const master of masters) expect(master.every((octet) => octet === 0)).toBe(true);
});

test("a transport that answers inside `write` leaves nothing unread", () => {
  const ends: Endpoint[] = [];
  const wired = (to: number, make: (over: object, answers: Answers) => Endpoint): Endpoint =>
    make({}, { write: (octets) => void ends[to]?.feed(octets) });
  ends.push(wired(1, serverEnd));
  const client = wired(0, clientEnd);
  ends.push(client);
  ends[0].feed(client.take());
  expect(ends.map((end) => end.connection.isOpen)).toEqual([true, true]);
});
