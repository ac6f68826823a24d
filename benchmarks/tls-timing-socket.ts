import { Buffer } from "node:buffer";
import { constants, createPublicKey, publicEncrypt, randomBytes } from "node:crypto";
import { once } from "node:events";
import { duplexPair } from "node:stream";

import { assert } from "../src/base/assert.ts";
import { memoryPair } from "../src/device/memory.ts";
import { Stack } from "../src/host/stack.ts";
import { EventLoopTimebase } from "../src/stack/event-loop-timebase.ts";
import { CRYPTO_RANDOM } from "../src/tls/crypto-random-source.ts";
import { EXTENDED_MASTER_SECRET, ExtensionWriter, RENEGOTIATION_INFO } from "../src/tls/handshake/extensions.ts";
import { writeClientHello } from "../src/tls/handshake/hello.ts";
import { writeRenegotiationInfo } from "../src/tls/handshake/hello-extensions.ts";
import { writeClientKeyExchange } from "../src/tls/handshake/key-exchange-messages.ts";
import { CLIENT_HELLO, CLIENT_KEY_EXCHANGE, frameMessage } from "../src/tls/handshake/message.ts";
import { IN_PLACE, type PrivateKeys } from "../src/tls/private-key-workers.ts";
import { PLAIN_SEALER } from "../src/tls/record/protection.ts";
import { CHANGE_CIPHER_SPEC, type ContentType, HANDSHAKE } from "../src/tls/record/record.ts";
import { defaultRoots } from "../src/tls/secure-context.ts";
import type { TlsServer } from "../src/tls/tls-server.ts";
import { createTls } from "../src/tls/tls.ts";
import { certificatePem, keyPem } from "../test/tls/support/fixtures.ts";
import type { Bench } from "./harness.ts";
import { Experiment, PRE_MASTER_AT, tell, VERSION } from "./padding-experiment.ts";
import { judge, T_LEAK } from "./welch.ts";

/** TLS_RSA_WITH_AES_128_GCM_SHA256. */
const SUITE = 0x009c;
/** bad_record_mac, fatal, in a record of its own. */
const ALERT = Buffer.from("15030300020214", "hex");

function record(type: ContentType, text: Uint8Array): Buffer {
  const octets = Buffer.alloc(text.length + PLAIN_SEALER.overhead);
  PLAIN_SEALER.seal(type, text, octets, 0);
  return octets;
}

function clientHello(): Buffer {
  const extensions = new ExtensionWriter().add(EXTENDED_MASTER_SECRET).add(RENEGOTIATION_INFO, writeRenegotiationInfo);
  const plan = {
    version: VERSION,
    random: Buffer.alloc(32, 7),
    sessionId: Buffer.alloc(0),
    suites: [SUITE],
    extensions,
  };
  return record(HANDSHAKE, frameMessage(CLIENT_HELLO, writeClientHello(plan)));
}

/** What an attacker sends: some ciphertext, and a Finished under keys that it does not know. */
const attack = (wrapped: Buffer): Buffer =>
  Buffer.concat([
    record(HANDSHAKE, frameMessage(CLIENT_KEY_EXCHANGE, writeClientKeyExchange(wrapped, "rsa"))),
    record(CHANGE_CIPHER_SPEC, Buffer.of(1)),
    record(HANDSHAKE, Buffer.alloc(40, 0x5a)),
  ]);

/** Nanoseconds from an attacker's octets to the alert, and to the end of the connection. */
interface Observed {
  readonly alertNs: number;
  readonly endNs: number;
}

/** One connection, as whoever is at the other end of the stream sees it. Errors: throws where anything else than the one alert comes. */
async function observe(server: TlsServer, hello: Buffer, octets: Buffer): Promise<Observed> {
  const [near, far] = duplexPair();
  server.emit("connection", far);
  near.write(hello);
  await once(near, "data");
  const heard: Buffer[] = [];
  const beginMs = performance.now();
  let alertMs = 0;
  near.on("data", (chunk: Buffer) => {
    if (heard.length === 0) alertMs = performance.now();
    heard.push(chunk);
  });
  near.write(octets);
  await once(near, "end");
  const endMs = performance.now();
  near.destroy();
  assert(Buffer.concat(heard).equals(ALERT), "every padding is answered by one alert");
  return { alertNs: (alertMs - beginMs) * 1e6, endNs: (endMs - beginMs) * 1e6 };
}

/** The leak that is planted: something is drawn only where the padding is bad. */
const LEAKY: PrivateKeys = {
  run: (operation, done) =>
    IN_PLACE.run(operation, (block) => {
      const good =
        block?.[0] === 0 &&
        block[1] === 2 &&
        !block.subarray(2, PRE_MASTER_AT - 1).includes(0) &&
        block[PRE_MASTER_AT - 1] === 0 &&
        block.readUInt16BE(PRE_MASTER_AT) === VERSION;
      if (!good) randomBytes(48);
      done(block);
    }),
};

/**
 * Whether an observer of connections can tell a valid padding from an invalid one: by the alert and by how the connection
 * ends, which must be the same in every one, or by when they come. Server and observer are joined by a stream in memory, where
 * less hides a difference than on any network. The same test sees a leak that is planted here.
 * Errors: throws where one of these is not so.
 */
export async function tlsTimingSocket(bench: Bench): Promise<void> {
  const timebase = new EventLoopTimebase();
  const [device] = memoryPair({ timebase });
  const stack = await Stack.open({ device, address: "198.18.0.2/24" });
  const publicKey = createPublicKey(certificatePem("rsa"));
  const encrypt = (block: Buffer): Buffer =>
    publicEncrypt({ key: publicKey, padding: constants.RSA_NO_PADDING }, block);
  const hello = clientHello();
  const serverWith = (privateKeys: PrivateKeys): TlsServer => {
    const world = { random: CRYPTO_RANDOM, timebase, wallClockMs: Date.now, defaultRoots: defaultRoots(), privateKeys };
    return createTls(stack.net, world).createServer({ cert: certificatePem("rsa"), key: keyPem("rsa") });
  };
  const count = bench.isSmoke ? 40 : 100_000;
  const measure = async (name: string, privateKeys: PrivateKeys): Promise<number[]> => {
    const server = serverWith(privateKeys);
    const ends: number[] = [];
    const samples = await new Experiment(encrypt, async (wrapped) => {
      const { alertNs, endNs } = await observe(server, hello, attack(wrapped));
      ends.push(endNs);
      return alertNs;
    }).run(count);
    const kept = ends.slice(-samples.length);
    const toTheEnd = samples.map((sample, at) => ({ ...sample, ns: kept[at] }));
    const verdicts = [judge(samples), judge(toTheEnd)];
    tell(bench, `${name}: to the alert`, verdicts[0]);
    tell(bench, `${name}: to the end of the connection`, verdicts[1]);
    return verdicts.map(({ tMost }) => Math.abs(tMost));
  };
  const ours = await measure("a connection", IN_PLACE);
  const leak = await measure("with a planted leak", LEAKY);
  await stack.close({ deadlineMs: 0 });
  if (bench.isSmoke) return;
  assert(Math.max(...ours) < T_LEAK, "time tells a valid padding from an invalid one");
  assert(Math.max(...leak) >= T_LEAK, "the test does not see a leak");
}
