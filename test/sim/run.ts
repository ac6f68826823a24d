import { SeededRandom } from "../../src/base/random.ts";
import type { Device } from "../../src/device/device.ts";
import { impaired } from "../../src/device/impaired.ts";
import { memoryPair } from "../../src/device/memory.ts";
import { Stack } from "../../src/host/stack.ts";
import { TcpConnection } from "../../src/tcp/connection.ts";
import type { TcpContext } from "../../src/tcp/context.ts";
import type { TcpSocket } from "../../src/tcp/handler.ts";
import { VirtualTimebase } from "../support/virtual-timebase.ts";
import { App, KnownStream, Violation } from "./app.ts";
import { Hub } from "./hub.ts";
import { type ConnectionPlan, type Plan, planOf } from "./plan.ts";
import { SwitchedDevice } from "./switched-device.ts";

/** Time by which everything must have ended or failed: R2 and one more back-off (RFC 9293 §3.8.3), many times over. */
const HOUR_MS = 3_600_000;
/** What may wait beyond the buffer: the rest of the super-segment that filled it. */
const READ_SLACK = 65_535;

/** What a run came to. */
export interface Outcome {
  readonly connections: number;
  /** Both sides told a close without failure. */
  readonly clean: number;
  readonly failed: number;
  readonly octets: number;
  readonly retransmitted: number;
  readonly virtualMs: number;
}

interface Conversation {
  readonly plan: ConnectionPlan;
  readonly opener: App;
  readonly acceptor: App;
}

interface Host {
  readonly stack: Stack;
  readonly cable: SwitchedDevice;
}

const addressOf = (host: number): string => `198.18.0.${String(host + 1)}`;

/** The stack's shared memory account; a socket of the callback API is a connection. */
function contextOf(socket: TcpSocket): TcpContext {
  if (!(socket instanceof TcpConnection)) throw new Error("a socket of the callback API is a connection");
  return socket.tcp;
}

/** No application leaves early, and nothing is lost so often that a connection may give up (RFC 9293 §3.8.3). */
function isGentle({ faults, partitions, vanishAtMs, connections }: Plan): boolean {
  const { loss = 0, corrupt = 0, rateBitsPerSecond } = faults;
  const stays = connections.every(({ apps }) =>
    apps.every(({ ending }) => ending === "end" || ending === "after-peer"),
  );
  const passes = partitions.length === 0 && vanishAtMs === null && rateBitsPerSecond === undefined;
  return stays && passes && loss + corrupt < 0.1;
}

function isPerfect({ hosts, faults, partitions, vanishAtMs, tcp }: Plan): boolean {
  const { loss, duplicate, reorder, corrupt, jitterMs, rateBitsPerSecond } = faults;
  const harmless = [loss, duplicate, reorder, corrupt, jitterMs].every((fault) => fault === 0);
  // Two long links in a row take longer than the first RTO (RFC 6298 (2.1)).
  const roomy = (tcp.receiveBuffer ?? 0) >= 65_536 && hosts === 2;
  return harmless && roomy && rateBitsPerSecond === undefined && partitions.length === 0 && vanishAtMs === null;
}

/** A seeded network of stacks in virtual time and everything that is done to it. */
class Run {
  readonly #plan: Plan;
  readonly #timebase = new VirtualTimebase(1_000_000);
  readonly #hosts: Host[] = [];
  readonly #conversations: Conversation[] = [];
  readonly #contexts = new Set<TcpContext>();
  #violation: Violation | null = null;
  readonly #violate = (violation: Violation): void => {
    this.#violation ??= violation;
  };

  constructor(plan: Plan) {
    this.#plan = plan;
  }

  async go(): Promise<Outcome> {
    await this.#build();
    this.#plan.connections.forEach((connection, index) => {
      this.#converse(connection, index);
    });
    this.#arrangeFaults();
    this.#timebase.run(HOUR_MS);
    if (this.#violation !== null) throw this.#violation;
    for (const conversation of this.#conversations) this.#judge(conversation);
    const virtualMs = this.#timebase.nowUs() / 1000;
    this.#nothingIsRepeated();
    this.#nothingIsLeft();
    await this.#close();
    return this.#outcome(virtualMs);
  }

  async #build(): Promise<void> {
    const plan = this.#plan;
    const timebase = this.#timebase;
    const seeds = new SeededRandom(plan.seed ^ 0x5eed);
    // Two links in a row may flip two bits that cancel out in a sum (RFC 1071): only the first link of each way flips any.
    const inward = plan.hosts === 2 ? plan.faults : { ...plan.faults, corrupt: 0 };
    const bad = (device: Device): SwitchedDevice =>
      new SwitchedDevice(impaired(device, { timebase, seed: seeds.nextInt32() >>> 0, ...plan.faults, in: inward }));
    const pair = () => memoryPair({ timebase, offload: plan.offload, mtu: plan.mtu });
    const cables: SwitchedDevice[] = [];
    if (plan.hosts === 2) {
      const [left, right] = pair();
      cables.push(new SwitchedDevice(left), bad(right));
    } else {
      const hub = new Hub();
      for (let i = 0; i < plan.hosts; i++) {
        const [near, far] = pair();
        hub.add(far);
        cables.push(bad(near));
      }
    }
    for (const [index, cable] of cables.entries()) {
      const address = `${addressOf(index)}/24`;
      const random = new SeededRandom(seeds.nextInt32() >>> 0);
      const stack = await Stack.open({ device: cable, address, timebase, random, strict: true, tcp: plan.tcp });
      this.#hosts.push({ stack, cable });
    }
  }

  #host(index: number): Host {
    const host = this.#hosts[index % this.#hosts.length];
    if (host === undefined) throw new Error("no such host");
    return host;
  }

  #converse(plan: ConnectionPlan, index: number): void {
    const timebase = this.#timebase;
    const port = 1000 + index;
    const seed = this.#plan.seed * 64 + index * 4;
    const [up, down] = [new KnownStream(seed), new KnownStream(seed + 1)];
    const readMax = (this.#plan.tcp.receiveBuffer ?? 0) + READ_SLACK;
    const app = (side: 0 | 1): App =>
      new App({
        label: `connection ${String(index)} ${side === 0 ? "opener" : "acceptor"}`,
        plan: plan.apps[side],
        timebase,
        seed: seed + 2 + side,
        sends: side === 0 ? up : down,
        expects: side === 0 ? down : up,
        readMax,
        violated: this.#violate,
      });
    const conversation = { plan, opener: app(0), acceptor: app(1) };
    this.#conversations.push(conversation);
    const target = (plan.opener + 1) % this.#plan.hosts;
    this.#host(target).stack.tcp.listen({
      port,
      accept: (socket) => {
        this.#accept(conversation, socket);
      },
    });
    timebase.after(plan.startMs, () => {
      const { tcp } = this.#host(plan.opener).stack;
      const socket = tcp.connect({ address: addressOf(target), port, handler: conversation.opener });
      this.#contexts.add(contextOf(socket));
    });
  }

  #accept({ acceptor, opener }: Conversation, socket: TcpSocket): void {
    if (acceptor.socket !== null) {
      // A SYN that was duplicated and came late begins a connection that its opener refuses (RFC 9293 Figure 9).
      if (opener.outcome === undefined) this.#violate(new Violation(`${acceptor.label}: accepted twice`));
      return socket.abort();
    }
    this.#contexts.add(contextOf(socket));
    socket.handler = acceptor;
    acceptor.begin(socket);
  }

  #arrangeFaults(): void {
    const cut = (host: number, isCut: boolean): void => {
      this.#host(host).cable.cut = isCut;
    };
    for (const { atMs, lengthMs } of this.#plan.partitions) {
      this.#timebase.after(atMs, () => cut(1, true));
      this.#timebase.after(atMs + lengthMs, () => cut(1, this.#vanished()));
    }
    if (this.#plan.vanishAtMs !== null) this.#timebase.after(this.#plan.vanishAtMs, () => cut(1, true));
  }

  #vanished(): boolean {
    const at = this.#plan.vanishAtMs;
    return at !== null && this.#timebase.nowUs() >= 1_000_000 + at * 1000;
  }

  /** What must hold of every connection once nothing moves any more. */
  #judge({ opener, acceptor }: Conversation): void {
    for (const [app, other] of [
      [opener, acceptor],
      [acceptor, opener],
    ] as const) {
      const fails = (text: string): never => {
        throw new Violation(`${app.label}: ${text}; ${describe(app)}; the other: ${describe(other)}`);
      };
      if (app.received > other.sent) fails("more was received than sent");
      const bothClean = app.outcome === null && other.outcome === null;
      if (app.peerEnded && app.received !== other.sent) fails("the end was told, yet octets are missing");
      if (!bothClean && isGentle(this.#plan)) fails("failed, although the network is good enough");
      if (bothClean && !app.left && app.received !== other.sent) fails("both closed in order, yet octets are missing");
      if (bothClean && !app.left && !app.peerEnded) fails("closed in order, but the end was not told");
      if (app.outcome !== undefined || app.socket === null) continue;
      const { unacked, notSent } = app.socket.info();
      if (unacked + notSent > 0) fails("has unacknowledged octets and was never told of the failure");
      const reason = other.outcome ?? null;
      if (reason === null && other.socket !== null) fails("still open, although nothing has failed");
    }
  }

  /** On links that lose nothing and change no order, only windows and tails are probed. RFC 6298 §5, RFC 8985 §7. */
  #nothingIsRepeated(): void {
    if (!isPerfect(this.#plan)) return;
    for (const { stack } of this.#hosts) {
      const { retransSegs = 0, zeroWindowProbes = 0, tailLossProbes = 0 } = stack.stats().tcp;
      if (retransSegs > zeroWindowProbes + tailLossProbes)
        throw new Violation(`${String(retransSegs)} retransmissions on a perfect link`);
    }
  }

  /** After a reset of what is left (peers that vanished are never missed by a side that says nothing). */
  #nothingIsLeft(): void {
    if (this.#timebase.pending > 0) throw new Violation(`${String(this.#timebase.pending)} timers after an hour`);
    for (const { opener, acceptor } of this.#conversations) {
      for (const app of [opener, acceptor]) if (app.outcome === undefined) app.socket?.abort();
    }
    this.#timebase.run(HOUR_MS);
    if (this.#timebase.pending > 0) throw new Violation("timers an hour after the last reset");
    for (const [index, { stack }] of this.#hosts.entries()) {
      const { connections, tcp } = stack.stats();
      const name = addressOf(index);
      if (connections.all > 0) {
        const states = [...stack.tcp.connections()].map((socket) => socket.stateName);
        throw new Violation(`${name}: connections are left: ${states.join(" ")}`);
      }
      if (tcp["currEstab"] !== 0) throw new Violation(`${name}: currEstab is ${String(tcp["currEstab"])}`);
      if (tcp["brokenInvariants"] !== 0) throw new Violation(`${name}: an invariant was broken`);
      for (const listener of stack.tcp.listeners()) {
        if (listener.synQueueLength + listener.acceptQueueLength > 0) throw new Violation(`${name}: queues leak`);
      }
    }
    for (const { memory } of this.#contexts) {
      if (memory.used !== 0) throw new Violation(`${String(memory.used)} octets are held at the end`);
    }
  }

  async #close(): Promise<void> {
    const closed = this.#hosts.map(({ stack }) => stack.close({ deadlineMs: 0 }));
    this.#timebase.run(HOUR_MS);
    await Promise.all(closed);
  }

  #outcome(virtualMs: number): Outcome {
    const apps = this.#conversations.flatMap(({ opener, acceptor }) => [opener, acceptor]);
    return {
      connections: this.#conversations.length,
      clean: this.#conversations.filter(({ opener, acceptor }) => opener.outcome === null && acceptor.outcome === null)
        .length,
      failed: apps.filter(({ outcome }) => outcome !== null).length,
      octets: apps.reduce((sum, { received }) => sum + received, 0),
      retransmitted: this.#hosts.reduce((sum, { stack }) => sum + (stack.stats().tcp["retransSegs"] ?? 0), 0),
      virtualMs,
    };
  }
}

const describe = (app: App): string =>
  `${app.socket?.stateName ?? "never open"}, ${String(app.outcome)}, sent ${String(app.sent)}, received ${String(app.received)}` +
  (app.peerEnded ? ", told the end" : "") +
  (app.left ? `, left by ${app.plan.ending}` : "");

/** Runs one seed. Errors: a `Violation`, or whatever else was thrown, with the command line that repeats it. */
export async function simulate(seed: number): Promise<Outcome> {
  const plan = planOf(seed);
  try {
    return await new Run(plan).go();
  } catch (error) {
    const repeat = `SEEDS=${String(seed)}..${String(seed)} npx vitest run --configLoader runner --project sim`;
    const told = error instanceof Error ? (error.stack ?? error.message) : String(error);
    throw new Error(`seed ${String(seed)}: ${told}\n\nrepeat: ${repeat}\nplan: ${JSON.stringify(plan)}`, {
      cause: error,
    });
  }
}
