import { once } from "node:events";
import { expect, test } from "vitest";

import { memoryPair } from "../../src/device/memory.ts";
import { Stack } from "../../src/host/stack.ts";
import { EventLoopTimebase } from "../../src/stack/event-loop-timebase.ts";
import type { TlsServerOptions } from "../../src/tls/tls-server.ts";
import type { TlsSocket } from "../../src/tls/tls-socket.ts";
import type { TlsConnectOptions } from "../../src/tls/tls.ts";
import { certificatePem, keyPem } from "./support/fixtures.ts";

interface Explained {
  readonly client: string[];
  readonly server: string[];
}

/** What both ends say of one handshake, with their randoms as "CLIENT" and "SERVER", and of a second one that resumes it. */
async function explainedTwice(
  options: TlsConnectOptions,
  serverOptions: TlsServerOptions = {},
): Promise<readonly [first: Explained, resumed: Explained]> {
  const [one, other] = memoryPair({ timebase: new EventLoopTimebase() });
  const left = await Stack.open({ device: one, address: "198.18.0.1/24", strict: true });
  const right = await Stack.open({ device: other, address: "198.18.0.2/24", strict: true });
  const identity = { cert: certificatePem("rsa"), key: keyPem("rsa") };
  const server = right.tls.createServer({ ...identity, ...serverOptions }).listen(443);
  const handshake = async (session?: Buffer): Promise<{ seen: Explained; session: Buffer | undefined }> => {
    const accepted = once(server, "secureConnection") as Promise<[TlsSocket]>;
    const ca = certificatePem("root");
    const socket = left.tls.connect({
      port: 443,
      host: "198.18.0.2",
      servername: "localhost",
      ca,
      session,
      ...options,
    });
    expect(socket.explain()).toBe("");
    await once(socket, "secureConnect");
    const [theirs] = await accepted;
    for (const end of [socket, theirs]) end.on("error", () => undefined); // The stacks are closed under them.
    const lines = (from: TlsSocket): string[] =>
      from
        .explain()
        .replace(socket.handshake?.clientRandom.toString("hex") ?? "", "CLIENT")
        .replace(socket.handshake?.serverRandom.toString("hex") ?? "", "SERVER")
        .split("\n");
    expect(theirs.handshake?.resumedBy).toBe(socket.handshake?.resumedBy);
    return { seen: { client: lines(socket), server: lines(theirs) }, session: socket.getSession() };
  };
  const first = await handshake();
  const resumed = await handshake(first.session);
  await Promise.all([left.close({ deadlineMs: 0 }), right.close({ deadlineMs: 0 })]);
  return [first.seen, resumed.seen];
}

const explained = async (options: TlsConnectOptions): Promise<Explained> => (await explainedTwice(options))[0];

const RANDOMS = [
  "client > server   in the clear: random CLIENT, and the name localhost",
  "server > client   in the clear: random SERVER",
];
const CERTIFICATE = "server > client   in the clear: 1 of its certificates, the first one that of CN=rsa.tls.test";
const PROVED = "both              proved by Finished, under these keys, that they saw the same handshake";

test("RFC 5246 §7.4.7.1: with RSA, the client alone made the secret, and wrapped it", async () => {
  const { client, server } = await explained({ ciphers: "AES128-GCM-SHA256" });
  expect(client).toEqual([
    "suite             TLS_RSA_WITH_AES_128_GCM_SHA256, TLS 1.2",
    ...RANDOMS,
    CERTIFICATE,
    "client            alone made the pre-master secret: its version and 46 random octets",
    "client > server   wrapped with the server's RSA key of 2048 bits: that secret, as 256 octets",
    "server            unwrapped it with its private key",
    "both              derived the master secret of 48 octets from it and the hash of the handshake (RFC 7627)",
    "both              derived from that and both randoms, for each direction: a key of 16 and a nonce of 4 octets",
    PROVED,
  ]);
  expect(server).toEqual(client.filter((line) => line !== CERTIFICATE));
});

test("RFC 8422 §5.4: with ECDHE, both drew a scalar, and the secret never crossed", async () => {
  const { client } = await explained({ ciphers: "ECDHE-RSA-CHACHA20-POLY1305", sigalgs: "rsa_pss_rsae_sha256" });
  expect(client.slice(4)).toEqual([
    "server            drew a scalar on X25519",
    "server > client   in the clear: its point, signed (rsa_pss_rsae_sha256)",
    "client            drew a scalar on X25519",
    "client > server   in the clear: its point",
    "both              made the pre-master secret from their own scalar and the other's point: it never crossed",
    "both              derived the master secret of 48 octets from it and the hash of the handshake (RFC 7627)",
    "both              derived from that and both randoms, for each direction: a key of 32 and a nonce of 12 octets",
    PROVED,
  ]);
});

test("RFC 5246 §6.3: keys of a MAC are derived as well where records are CBC", async () => {
  const { client } = await explained({ ciphers: "AES256-SHA" });
  expect(client.at(-2)).toContain("for each direction: a key of 32 and a MAC key of 20 octets");
});

test.for([
  [true, "client > server   a ticket: the session, encrypted by the server under a key of its own"],
  [false, "client > server   in the clear: the ID of a session that both have kept"],
] as const)(
  "RFC 5246 §7.3, RFC 5077: of a session that is resumed, no secret crossed, and the keys are new (tickets: %s)",
  async ([sessionTickets, named]) => {
    const [, { client, server }] = await explainedTwice({ ciphers: "AES128-GCM-SHA256" }, { sessionTickets });
    expect(client).toEqual([
      "suite             TLS_RSA_WITH_AES_128_GCM_SHA256, TLS 1.2",
      ...RANDOMS,
      named,
      "both              have the master secret of that session: no secret crossed",
      "both              derived from that and both randoms, for each direction: a key of 16 and a nonce of 4 octets",
      PROVED,
    ]);
    expect(server).toEqual(client);
  },
);
