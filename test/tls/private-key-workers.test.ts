import { createPrivateKey, verify } from "node:crypto";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";

import type { Timebase } from "../../src/base/timebase.ts";
import { memoryPair } from "../../src/device/memory.ts";
import { Stack } from "../../src/host/stack.ts";
import { EventLoopTimebase } from "../../src/stack/event-loop-timebase.ts";
import { runJob } from "../../src/tls/job-runner.ts";
import type { Job } from "../../src/tls/jobs.ts";
import { rsaUnwrapKey } from "../../src/tls/keys/rsa-unwrapping.ts";
import {
  PrivateKeyWorkers,
  WAITING_PER_WORKER_MAX,
  WORKER_SOURCE,
  workersByDefault,
} from "../../src/tls/private-key-workers.ts";
import { operate, privateSteps, type PrivateOperation } from "../../src/tls/private-operation.ts";
import { SIGNATURE_SCHEMES } from "../../src/tls/signature-schemes.ts";
import { clientEnd, exchange, serverEnd, suiteNamed } from "./support/endpoint.ts";
import { certificatePem, identity, keyPem } from "./support/fixtures.ts";
import { kernelServer, kernelSocket } from "./support/openssl.ts";
import { wrap } from "./support/wrap.ts";

const key = createPrivateKey(keyPem("rsa"));
const noAnswer = {
  resume: () => {},
  refuse: () => {},
};

/** An operation and the octets that it gives. */
function operation(seed: number): { readonly operation: PrivateOperation; readonly expected: Buffer } {
  const { wrapped } = wrap(key, seed);
  const substitute = Buffer.alloc(48);
  const job = { kind: "unwrap", key: rsaUnwrapKey(key), wrapped, clientVersion: 0x0303, substitute } as const;
  const steps = privateSteps({ ...job, ...noAnswer });
  return { operation: steps.operation, expected: operate(steps.operation) };
}

function pool(
  workers: number,
  source = WORKER_SOURCE,
  timebase: Timebase = new EventLoopTimebase(),
): PrivateKeyWorkers {
  const made = new PrivateKeyWorkers({ workers, timebase, source });
  onTestFinished(() => {
    made.close();
  });
  return made;
}

interface Outcome {
  readonly octets: Buffer | null;
  /** It was there when `run` returned. */
  readonly atOnce: boolean;
}

function run(keys: PrivateKeyWorkers, one: PrivateOperation): Promise<Outcome> {
  return new Promise((resolve) => {
    let returned = false;
    keys.run(one, (octets) => {
      resolve({ octets, atOnce: !returned });
    });
    returned = true;
  });
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Asks for two at a time until the second one went to a thread: it takes a while to start. */
async function started(keys: PrivateKeyWorkers): Promise<void> {
  const { operation: any } = operation(0);
  for (;;) {
    await turn();
    const [, second] = await Promise.all([run(keys, any), run(keys, any)]);
    if (!second.atOnce) return turn();
  }
}

test("issue 5 §5: a handshake that comes alone is served in place, and no thread is made for it", async () => {
  const keys = pool(2);
  for (let seed = 0; seed < 3; seed++) {
    const { operation: one, expected } = operation(seed);
    expect(await run(keys, one)).toEqual({ octets: expected, atOnce: true });
    await turn();
  }
  expect(keys.size).toBe(0);
});

test("issue 5 §5: what queues up within one turn goes to threads, and comes back the same", async () => {
  const keys = pool(2);
  await started(keys);
  const all = Array.from({ length: 6 }, (_, seed) => operation(seed));
  const outcomes = await Promise.all(all.map((one) => run(keys, one.operation)));
  expect(outcomes.map(({ octets }) => octets)).toEqual(all.map(({ expected }) => expected));
  expect(outcomes.map(({ atOnce }) => atOnce)).toEqual([true, false, false, false, false, false]);
  expect(keys.size).toBeLessThanOrEqual(2);
});

test("issue 5 §5: signatures are made on threads, too", async () => {
  const keys = pool(1);
  await started(keys);
  const [scheme] = SIGNATURE_SCHEMES;
  const { key: signer } = identity("ecdsa");
  const octets = Buffer.from("what is signed");
  const { operation: one } = privateSteps({ kind: "sign", key: signer, scheme, octets, ...noAnswer });
  const [, outcome] = await Promise.all([run(keys, one), run(keys, one)]);
  expect(outcome.atOnce).toBe(false);
  expect(outcome.octets !== null && verify(scheme.hash, octets, signer, outcome.octets)).toBe(true);
});

test("issue 5 §5: a key that cannot be used is null, in place and on a thread", async () => {
  const keys = pool(1);
  await started(keys);
  const { operation: good } = operation(1);
  const bad = { ...good, input: Buffer.alloc(256, 0xff) }; // Not below the modulus.
  expect(await Promise.all([run(keys, bad), run(keys, bad)])).toEqual([
    { octets: null, atOnce: true },
    { octets: null, atOnce: false },
  ]);
});

test("issue 5 §5: where a thread has as many as may wait for it, the next ones are served in place", async () => {
  const keys = pool(1);
  await started(keys);
  const { operation: one } = operation(1);
  const outcomes = await Promise.all(Array.from({ length: WAITING_PER_WORKER_MAX + 3 }, () => run(keys, one)));
  expect(outcomes.filter(({ atOnce }) => atOnce)).toHaveLength(3);
});

test("issue 5 §5: what a thread leaves behind when it dies is done in place, and it is not replaced", async () => {
  const dies = `require("node:worker_threads").parentPort.on("message", () => process.exit(1));`;
  const keys = pool(1, dies);
  await started(keys); // Its second operation went to the thread, and has been answered all the same.
  expect(keys.size).toBe(0);
  const { operation: one, expected } = operation(1);
  const outcomes = await Promise.all([run(keys, one), run(keys, one)]);
  expect(outcomes).toEqual(Array(2).fill({ octets: expected, atOnce: true }));
  expect(keys.size).toBe(0);
});

test("issue 5 §5: so it is when the pool is closed, and from then on", async () => {
  const keys = pool(1);
  await started(keys);
  const { operation: one, expected } = operation(1);
  const waiting = [run(keys, one), run(keys, one)];
  keys.close();
  expect((await Promise.all(waiting)).map(({ octets }) => octets)).toEqual([expected, expected]);
  expect(await run(keys, one)).toEqual({ octets: expected, atOnce: true });
  expect(keys.size).toBe(0);
});

test("issue 5 §5: no workers, no threads", async () => {
  const keys = pool(0);
  const { operation: one } = operation(1);
  const outcomes = await Promise.all([run(keys, one), run(keys, one), run(keys, one)]);
  expect(outcomes.every(({ atOnce }) => atOnce)).toBe(true);
  expect(keys.size).toBe(0);
  expect(workersByDefault()).toBeLessThanOrEqual(2);
});

test("a secret that is unwrapped when the connection has ended is wiped", () => {
  const jobs: Job[] = [];
  const client = clientEnd({ suites: [suiteNamed("AES128-GCM-SHA256")] });
  const server = serverEnd(
    {},
    {
      job: (job) => {
        if (job.kind === "unwrap") jobs.push(job);
        else runJob(job, { verify: () => {}, choose: (choose) => choose.resume(CHOICE) });
      },
    },
  );
  exchange(client, server);
  server.connection.abandon();
  const secret = Buffer.alloc(48, 7);
  const [job] = jobs;
  if (job.kind === "unwrap") job.resume(secret);
  expect(secret.equals(Buffer.alloc(48))).toBe(true);
});

const CHOICE = { identities: { rsa: identity("rsa"), ecdsa: null }, alpnProtocol: null };

test("issue 5 §5: handshakes that come all at once get their answers, whoever unwraps", async () => {
  const [device] = memoryPair({ timebase: new EventLoopTimebase() });
  await using stack = await Stack.open({ device, address: "198.18.0.2/24", privateKeyWorkers: 1 });
  const options = { cert: certificatePem("rsa"), key: keyPem("rsa"), keyExchange: "rsa" } as const;
  const secure = stack.tls.createServer(options, (socket) => socket.pipe(socket));
  const { port, server } = await kernelServer((socket) => secure.emit("connection", socket));
  const greet = async (): Promise<string> => {
    const socket = stack.tls.connect({
      socket: kernelSocket(port),
      servername: "localhost",
      ca: certificatePem("root"),
    });
    socket.end("hello");
    return text(socket);
  };
  for (let round = 0; round < 3; round++) {
    expect(await Promise.all(Array.from({ length: 12 }, greet))).toEqual(Array<string>(12).fill("hello"));
  }
  server.close();
});
