import { SeededRandom } from "../../../src/base/random.ts";
import { TlsConnection, type ConnectionFailure } from "../../../src/tls/connection.ts";
import type { ClientConfig } from "../../../src/tls/handshake/client-config.ts";
import { ClientMachine } from "../../../src/tls/handshake/client-machine.ts";
import type { HandshakeOutcome } from "../../../src/tls/handshake/machine.ts";
import type { ServerConfig } from "../../../src/tls/handshake/server-config.ts";
import { ServerMachine } from "../../../src/tls/handshake/server-machine.ts";
import { runJob } from "../../../src/tls/job-runner.ts";
import type { ChooseJob, Job, VerifyJob } from "../../../src/tls/jobs.ts";
import { NAMED_GROUPS } from "../../../src/tls/keys/named-groups.ts";
import type { RandomOctets } from "../../../src/tls/random-octets.ts";
import { ServerSessions } from "../../../src/tls/sessions/server-sessions.ts";
import type { ResumableSession } from "../../../src/tls/sessions/session.ts";
import { SIGNATURE_SCHEMES } from "../../../src/tls/signature-schemes.ts";
import { CIPHER_SUITES, type CipherSuite } from "../../../src/tls/suites.ts";
import { serverIdentities } from "./fixtures.ts";

export function seededOctets(seed: number): RandomOctets {
  const random = new SeededRandom(seed);
  return {
    fill: (octets) => {
      for (let at = 0; at < octets.length; at++) octets[at] = random.nextInt32();
    },
  };
}

export const suiteNamed = (name: string): CipherSuite => {
  const suite = CIPHER_SUITES.find((known) => known.name === name);
  if (suite === undefined) throw new Error(`no suite ${name}`);
  return suite;
};

/** How jobs are answered: at once and well, unless a test wants it otherwise. */
export interface Answers {
  readonly verify?: (job: VerifyJob) => void;
  readonly choose?: (job: ChooseJob) => void;
  /** Takes what is written behind the hello, in place of `take`. */
  readonly write?: (octets: Buffer) => void;
  /** Takes every job in place of all that. */
  readonly job?: (job: Job) => void;
}

/** One core with everything that it has told. */
export class Endpoint {
  readonly connection: TlsConnection;
  readonly data: Buffer[] = [];
  readonly keyLog: string[] = [];
  readonly sessions: ResumableSession[] = [];
  readonly failures: ConnectionFailure[] = [];
  outcome: HandshakeOutcome | null = null;
  ends = 0;
  readonly #written: Buffer[] = [];

  constructor(makeMachine: ConstructorParameters<typeof TlsConnection>[1], answers: Answers = {}) {
    const { verify = trust, choose = chooseFixtures } = answers;
    let begun = false;
    this.connection = new TlsConnection(
      {
        write: (octets) => {
          // The hello is written before anybody else is there: `take` has it.
          if (begun && answers.write !== undefined) answers.write(octets);
          else this.#written.push(octets);
        },
        data: (octets) => this.data.push(Buffer.from(octets)),
        job: answers.job ?? ((job) => runJob(job, { verify, choose })),
        secure: (outcome) => (this.outcome = outcome),
        session: (session) => this.sessions.push(session),
        keyLog: (line) => this.keyLog.push(line),
        end: () => this.ends++,
        fail: (failure) => this.failures.push(failure),
      },
      makeMachine,
    );
    this.connection.start();
    begun = true;
  }

  /** What it has written since the last call. */
  take(): Buffer {
    return Buffer.concat(this.#written.splice(0));
  }
  feed(octets: Uint8Array): this {
    this.connection.input(Buffer.from(octets));
    return this;
  }
  /** All that it received so far. */
  get text(): Buffer {
    return Buffer.concat(this.data);
  }
}

const identities = serverIdentities();

const trust = (job: VerifyJob): void => job.resume({ authorizationError: null });

const chooseFixtures = (job: ChooseJob): void =>
  job.resume({ identities, alpnProtocol: job.alpnProtocols.at(0) ?? null });

export const sessionKeeper = (seed = 9, wallClockMs = (): number => 0, tickets = true): ServerSessions =>
  new ServerSessions({ random: seededOctets(seed), wallClockMs, lifetimeS: 7200, tickets });

export const serverConfig = (over: Partial<ServerConfig> = {}): ServerConfig => ({
  random: seededOctets(2),
  suites: CIPHER_SUITES,
  groups: NAMED_GROUPS,
  schemes: SIGNATURE_SCHEMES,
  clientCertificate: "none",
  authorities: [],
  sessions: sessionKeeper(),
  ...over,
});

export const clientConfig = (over: Partial<ClientConfig> = {}): ClientConfig => ({
  random: seededOctets(1),
  suites: CIPHER_SUITES,
  groups: NAMED_GROUPS,
  schemes: SIGNATURE_SCHEMES,
  servername: "localhost",
  alpnProtocols: [],
  session: null,
  identity: null,
  maxFragmentLength: null,
  ...over,
});

export const serverEnd = (over: Partial<ServerConfig> = {}, answers: Answers = {}): Endpoint => {
  const config = serverConfig(over);
  return new Endpoint((wire) => new ServerMachine(wire, config), answers);
};

export const clientEnd = (over: Partial<ClientConfig> = {}, answers: Answers = {}): Endpoint => {
  const config = clientConfig(over);
  return new Endpoint((wire) => new ClientMachine(wire, config), answers);
};

/** Carries octets both ways until nobody has more to say. `cut` is the size of the pieces. */
export function exchange(client: Endpoint, server: Endpoint, cut = Infinity): void {
  for (let rounds = 0; rounds < 100; rounds++) {
    const toServer = client.take();
    for (const piece of pieces(toServer, cut)) server.feed(piece);
    const toClient = server.take();
    for (const piece of pieces(toClient, cut)) client.feed(piece);
    if (toServer.length + toClient.length === 0) return;
  }
  throw new Error("the two never fall silent");
}

function* pieces(octets: Buffer, cut: number): Generator<Buffer> {
  for (let at = 0; at < octets.length; at += cut) yield octets.subarray(at, at + cut);
}
