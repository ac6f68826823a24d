import { isFault } from "../../../src/tls/alert.ts";
import { parseServerHello } from "../../../src/tls/handshake/hello.ts";
import { SERVER_HELLO } from "../../../src/tls/handshake/message.ts";
import { runJob } from "../../../src/tls/job-runner.ts";
import type { Job } from "../../../src/tls/jobs.ts";
import { otherSide, SessionSecrets, type Side } from "../../../src/tls/keys/session-secrets.ts";
import type { RecordSealer } from "../../../src/tls/record/protection.ts";
import { APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE } from "../../../src/tls/record/record.ts";
import { clientEnd, type Endpoint, seededOctets, serverEnd } from "../../tls/support/endpoint.ts";
import { serverIdentities } from "../../tls/support/fixtures.ts";
import { readRecords } from "../../tls/support/wire.ts";
import { scenarios, type Scenario } from "./scenarios.ts";

/** A record before it was sealed. */
export interface PlainRecord {
  readonly type: number;
  readonly version: number;
  readonly text: Buffer;
  /** It stood behind ChangeCipherSpec. */
  readonly sealed: boolean;
}

/** One side's half of a connection, which the fuzzer gives to the other side changed. */
export interface Recording {
  readonly name: string;
  /** Who hears it. */
  readonly target: Side;
  /** The same core as when it was recorded: it draws the same randomness. Jobs go to `onJob`. */
  readonly makeTarget: (onJob: (job: Job) => void) => Endpoint;
  /** Answers a job as it was answered then; false for one that was not there. */
  readonly answer: (job: Job) => boolean;
  readonly records: readonly PlainRecord[];
  /** The records as they were on the wire. */
  readonly octets: Buffer;
  /** Protects records as the speaker did; `records` sealed with it are `octets`. */
  readonly makeSealer: () => RecordSealer;
  /** All of the speaker's handshake messages, and its application data. */
  readonly handshake: Buffer;
  readonly data: Buffer;
}

type Answers = Map<string, Buffer>;

const identities = serverIdentities();

/** What tells a job apart from others of its kind; null for those that are answered anew each time. */
function keyOf(job: Job): string | null {
  if (job.kind === "unwrap") return `unwrap ${Buffer.from(job.wrapped).toString("hex")}`;
  return job.kind === "sign" ? `sign ${Buffer.from(job.octets).toString("hex")}` : null;
}

/** Answers as recorded: the private keys' work is done once, and signatures with randomness in them are the same again. */
function answerFrom(answers: Answers, job: Job): boolean {
  if (job.kind === "verify") job.resume({ authorizationError: null });
  else if (job.kind === "choose") job.resume({ identities, alpnProtocol: job.alpnProtocols.at(0) ?? null });
  else {
    const answer = answers.get(keyOf(job) ?? "");
    if (answer === undefined) return false;
    job.resume(Buffer.from(answer));
  }
  return true;
}

/** Does a job and keeps the answer. */
function recordAnswer(answers: Answers, job: Job): void {
  if (job.kind !== "unwrap" && job.kind !== "sign") return void answerFrom(answers, job);
  const kept = {
    ...job,
    resume: (result: Buffer) => {
      answers.set(keyOf(job) ?? "", Buffer.from(result));
      job.resume(result);
    },
  };
  runJob(kept, { verify: () => {}, choose: () => {} });
}

/** Both halves of one connection: what the server heard, and what the client heard. */
function record(scenario: Scenario): readonly Recording[] {
  const answers: Answers = new Map();
  const onJob = (job: Job): void => recordAnswer(answers, job);
  const client = clientEnd(scenario.client(), { job: onJob });
  const server = serverEnd(scenario.server(), { job: onJob });
  const said: Record<Side, Buffer[]> = { client: [], server: [] };
  const carry = (): void => {
    for (let turn = 0; turn < 6; turn++) {
      const [side, from, to]: [Side, Endpoint, Endpoint] =
        turn % 2 === 0 ? ["client", client, server] : ["server", server, client];
      const octets = from.take();
      said[side].push(octets);
      to.feed(octets);
    }
  };
  carry();
  const line = client.keyLog.at(0);
  if (!client.connection.isOpen || !server.connection.isOpen || line === undefined || client.outcome === null) {
    throw new Error(`${scenario.name}: the handshake failed`);
  }
  const { suite } = client.outcome.secrets;
  const { encryptThenMac } = client.outcome;
  client.connection.write(Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  client.connection.write(Buffer.alloc(300, 0x63));
  server.connection.write(Buffer.alloc(2000, 0x73));
  client.connection.end();
  server.connection.end();
  carry();
  const [random, master] = line.trim().split(" ").slice(1);
  const octets = { client: Buffer.concat(said.client), server: Buffer.concat(said.server) };
  const randoms = { client: Buffer.from(random, "hex"), server: serverRandom(octets.server) };
  const secrets = (speaker: Side): SessionSecrets => {
    const own = seededOctets(speaker === "client" ? 1 : 2);
    return new SessionSecrets({ suite, randoms, master: Buffer.from(master, "hex"), encryptThenMac, random: own });
  };
  return (["server", "client"] as const).map((target) => {
    const speaker = otherSide(target);
    const records = openAll(octets[speaker], secrets(target), target);
    const textOf = (type: number): Buffer =>
      Buffer.concat(records.filter((one) => one.type === type).map(({ text }) => text));
    return {
      name: `${scenario.name}, to the ${target}`,
      target,
      makeTarget: (onJob) =>
        target === "server"
          ? serverEnd(scenario.server(), { job: onJob })
          : clientEnd(scenario.client(), { job: onJob }),
      answer: (job) => answerFrom(answers, job),
      records,
      octets: octets[speaker],
      makeSealer: () => secrets(speaker).protection(speaker).sealer,
      handshake: textOf(HANDSHAKE),
      data: textOf(APPLICATION_DATA),
    };
  });
}

/** The random in the ServerHello that `octets` begin with. */
function serverRandom(octets: Buffer): Buffer {
  const [first] = readRecords(octets);
  const body = first.fragment.subarray(4, 4 + first.fragment.readUIntBE(1, 3));
  const hello = parseServerHello(body);
  if (first.fragment[0] !== SERVER_HELLO || isFault(hello)) throw new Error("no ServerHello");
  return Buffer.from(hello.random);
}

function openAll(octets: Buffer, secrets: SessionSecrets, side: Side): readonly PlainRecord[] {
  const { opener } = secrets.protection(side);
  let sealed = false;
  return readRecords(octets).map(({ type, version, fragment }) => {
    const text = sealed ? opener.open(type, fragment) : fragment;
    if (text === null) throw new Error("a recorded record cannot be opened");
    const one = { type, version, text: Buffer.from(text), sealed };
    if (type === CHANGE_CIPHER_SPEC) sealed = true;
    return one;
  });
}

/** Every recording, both roles. */
export const recordings = (): readonly Recording[] => scenarios().flatMap(record);

/** Whether the target takes the recording as it is: what is changed later has to begin from there. */
export function isWhole({ octets, makeTarget, answer, data }: Recording): boolean {
  const target = makeTarget((job) => void answer(job));
  target.take();
  target.feed(octets);
  return target.outcome !== null && target.ends === 1 && target.text.equals(data);
}
