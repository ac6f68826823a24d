/**
 * Bugs, one at least for each invariant of the simulator, planted in the stack of one host by replacing a method. What they
 * break is found by looking from the outside: nothing here tells the simulator.
 */
import { once } from "node:events";
import { assert } from "../../../src/base/assert.ts";
import { seqAdd } from "../../../src/base/seq.ts";
import { type SimLink, simulate, type Simulation } from "../../../src/sim/index.ts";
import type { Socket } from "../../../src/sockets/socket.ts";
import type { TcpConfig } from "../../../src/tcp/config.ts";
import { newReno } from "../../../src/tcp/congestion/new-reno.ts";
import { TcpConnection } from "../../../src/tcp/connection.ts";
import { CLOSE_WAIT, CLOSING, FIN_WAIT_1, FIN_WAIT_2, LAST_ACK, TIME_WAIT } from "../../../src/tcp/states.ts";
import { CLOSE_TOLD, LIFE_ARMED, RTO_ARMED, WHEEL_ARMED } from "../../../src/tcp/tcb.ts";
import { connected, octetsOf, pairOf, QUIET } from "./worlds.ts";

const OCTETS = 20_000;
/** Longer than R2 and any life in a state. */
const HOUR_MS = 3_600_000;
const PLENTY = 2 ** 29;

/** A connection between two hosts, before something breaks. */
interface World {
  readonly sim: Simulation;
  readonly link: SimLink;
  /** The client's side, and the server's, which reads nothing by itself. */
  readonly socket: Socket;
  readonly served: Socket;
  readonly ours: TcpConnection;
  readonly theirs: TcpConnection;
}
type Act = (world: World) => Promise<void> | void;

/** A bug, what of the world brings it out, and what the simulator has to say. */
interface Bug {
  readonly what: string;
  readonly broken: string;
  readonly plant: (world: World) => void;
  /** `talk` unless given. */
  readonly act?: Act;
  /** Of both hosts. */
  readonly tcp?: Partial<TcpConfig>;
}

/** `on[method]` is what `make` makes of it, for this one object. */
function replace<T extends object, K extends keyof T>(on: T, method: K, make: (original: T[K]) => T[K]): void {
  const original = on[method];
  const bound = (typeof original === "function" ? original.bind(on) : original) as T[K];
  Object.defineProperty(on, method, { value: make(bound), configurable: true, writable: true });
}

/** A bit that is never set. */
const forget = (connection: TcpConnection, bit: number): void => {
  replace(connection, "set", (set) => (bits) => set(bits & ~bit));
};

/** Each queue that `connection` makes from now on is changed by `plant`. */
function inQueues<K extends "receiveQueue" | "outOfOrder">(
  connection: TcpConnection,
  name: K,
  plant: (queue: NonNullable<TcpConnection[K]>) => void,
): void {
  let queue = connection[name];
  Object.defineProperty(connection, name, {
    get: () => queue,
    set: (made: TcpConnection[K]) => {
      queue = made;
      if (made !== null) plant(made);
    },
  });
}

/** The last chunk that its owner takes is what `change` makes of it. */
function changeLast(connection: TcpConnection, change: (last: Uint8Array) => Uint8Array): void {
  let left = OCTETS;
  inQueues(connection, "receiveQueue", (queue) => {
    replace(queue, "shift", (shift) => () => {
      const chunk = shift();
      left -= chunk?.length ?? 0;
      return left === 0 && chunk !== null ? change(chunk) : chunk;
    });
  });
}

// What happens in the world.

/** The server sends back what the client sends, which closes first. */
const talk: Act = async ({ socket, served }) => {
  served.pipe(served);
  socket.resume();
  socket.end(octetsOf(OCTETS));
  await once(socket, "close");
};
const few: Act = ({ socket }) => void socket.write(octetsOf(100));
/** More than a server that does not read takes. */
const many: Act = ({ socket }) => void socket.write(octetsOf(1_000_000));
const nowhere: Act = ({ link, socket }) => {
  link.down();
  socket.write(octetsOf(100));
};
const bothEnd: Act = ({ socket, served }) => {
  for (const each of [socket, served]) each.resume().end();
};
/** The client is left alone in FIN-WAIT-2. */
const orphaned: Act = ({ ours }) => {
  ours.close();
};
const hole: Act = (world) => {
  let seen = 0;
  world.link.there.intercept = () => (seen++ === 0 ? "drop" : "pass");
  return many(world);
};
const unread: Act = async ({ sim, socket, theirs }) => {
  socket.write(octetsOf(OCTETS));
  await sim.sleep(1000);
  theirs.abort();
};

const CONSERVATION: readonly Bug[] = [
  {
    what: "a sender that takes its octets from the wrong place",
    broken: "are not what was sent",
    plant: ({ ours }) => {
      replace(ours, "countWritten", (count) => (octets) => {
        count(octets);
        const queue = ours.sender?.queue;
        if (queue !== undefined) replace(queue, "lend", (lend) => (tx, seq, n) => lend(tx, seqAdd(seq, 1), n - 1) + 1);
      });
    },
  },
  {
    what: "a receiver that loses an octet",
    broken: "both sides report a clean close, 20000 octets were sent and 19999 received",
    plant: ({ theirs }) => changeLast(theirs, (last) => last.subarray(0, -1)),
  },
  {
    what: "a receiver that hands over the last octets twice",
    broken: "octets were received, 20000 were sent",
    plant: ({ theirs }) => changeLast(theirs, (last) => Buffer.concat([last, last])),
  },
];

const FAILURES: readonly Bug[] = [
  {
    what: "a stack that never gives up",
    broken: "a side with unacknowledged octets learns of the failure within R2",
    plant: ({ sim, ours }) => {
      sim.invariant(() => {
        ours.progressAtMs = ours.tcp.clock.nowMs; // As if something had been acknowledged.
      });
    },
    act: nowhere,
  },
  {
    what: "a connection that ends without a word to its owner",
    broken: "its owner is told of the end",
    plant: ({ ours }) => {
      replace(ours, "fail", (fail) => (failure) => {
        ours.set(CLOSE_TOLD);
        fail(failure);
      });
    },
    act: nowhere,
  },
];

const SEQUENCE: readonly Bug[] = [
  {
    what: "SND.UNA that moves beyond SND.NXT",
    broken: "in FIN-WAIT-1: SND.UNA <= SND.NXT",
    plant: ({ ours }) => {
      replace(ours, "advanceUna", (advance) => (ack) => advance(seqAdd(ack, OCTETS)));
    },
  },
  {
    what: "SND.UNA that follows an old ACK",
    broken: "SND.UNA never goes back",
    plant: ({ ours }) => {
      let acks = 0;
      replace(ours, "advanceUna", (advance) => (ack) => advance(acks++ === 0 ? ack : seqAdd(ours.iss, 1)));
    },
  },
  {
    what: "a send queue that ends before what was sent",
    broken: "SND.NXT is within what was queued",
    plant: ({ ours }) => {
      replace(ours, "advanceUna", (advance) => (ack) => {
        advance(ack);
        if (ours.sender !== null) ours.sender.queue.end = ack;
      });
    },
  },
  {
    what: "a sender that does not look at the peer's window",
    broken: "SND.NXT is within the peer's window",
    plant: ({ ours }) => {
      replace(ours, "output", () => (tx) => {
        const { sndWnd } = ours;
        ours.sndWnd = PLENTY;
        const more = TcpConnection.prototype.output.call(ours, tx);
        ours.sndWnd = sndWnd;
        return more;
      });
    },
    tcp: { receiveBuffer: 4096 },
    act: many,
  },
  {
    what: "a congestion window that shuts for good",
    broken: "the congestion window is open",
    plant: ({ ours }) => {
      const create = () =>
        Object.assign(newReno.create(), { delivered: (window: { cwnd: number }) => (window.cwnd = 0) });
      ours.settings = { ...ours.settings, congestion: { name: "mute", create } };
    },
    act: many,
  },
  {
    what: "RCV.NXT that goes back",
    broken: "RCV.NXT never goes back",
    plant: ({ theirs }) => {
      replace(theirs, "advanceRcvNxt", (advance) => (octets) => advance(-octets));
    },
  },
  {
    what: "RCV.NXT beyond the window that was offered",
    broken: "RCV.NXT is within the window offered",
    plant: ({ theirs }) => {
      replace(theirs, "advanceRcvNxt", (advance) => (octets) => advance(octets + PLENTY));
    },
  },
  {
    what: "octets that nobody counts",
    broken: "RCV.NXT counts the octets received",
    plant: ({ theirs }) => {
      replace(theirs, "countRead", (count) => (octets) => count(octets - 1));
    },
  },
  {
    what: "a receiver that acknowledges one too far",
    broken: "the peer acknowledges what was sent, no more",
    plant: ({ theirs }) => {
      replace(theirs, "advanceRcvNxt", (advance) => (octets) => advance(octets + 1));
      replace(theirs, "countRead", (count) => (octets) => count(octets + 1));
    },
    act: few,
  },
];

const STATES: readonly Bug[] = [
  {
    what: "an active close that takes the passive one's way",
    broken: "no edge from ESTABLISHED to LAST-ACK",
    plant: ({ ours }) => {
      replace(ours, "enter", (enter) => (state) => enter(state === FIN_WAIT_1 ? LAST_ACK : state));
    },
  },
  {
    what: "a FIN that does not lead to CLOSE-WAIT",
    broken: "in ESTABLISHED: the peer's FIN has its state",
    plant: ({ theirs }) => {
      replace(theirs, "enter", (enter) => (state) => state !== CLOSE_WAIT && enter(state));
    },
  },
  {
    what: "a FIN that does not lead to TIME-WAIT",
    broken: "in FIN-WAIT-2: the peer's FIN has its state",
    plant: ({ ours }) => {
      replace(ours, "enter", (enter) => (state) => state !== TIME_WAIT && enter(state));
    },
  },
  {
    what: "text that is taken for a FIN",
    broken: "in CLOSE-WAIT: the peer's FIN has come",
    plant: ({ theirs }) => {
      replace(theirs, "advanceRcvNxt", (advance) => (octets) => {
        advance(octets);
        theirs.enter(CLOSE_WAIT);
      });
    },
    act: few,
  },
  {
    what: "FIN-WAIT-2 before the FIN is acknowledged",
    broken: "FIN-WAIT-2 has its FIN acknowledged",
    plant: ({ ours }) => {
      replace(ours, "enter", (enter) => (state) => {
        enter(state);
        if (state === FIN_WAIT_1) enter(FIN_WAIT_2);
      });
    },
  },
  {
    what: "TIME-WAIT without the peer's FIN",
    broken: "in TIME-WAIT: the peer's FIN has come",
    plant: ({ ours }) => {
      replace(ours, "enter", (enter) => (state) => enter(state === FIN_WAIT_2 ? TIME_WAIT : state));
    },
    act: orphaned,
  },
  {
    what: "TIME-WAIT before the FIN is acknowledged",
    broken: "TIME-WAIT has its FIN acknowledged",
    plant: ({ ours }) => {
      replace(ours, "enter", (enter) => (state) => {
        enter(state);
        if (state === CLOSING) enter(TIME_WAIT);
      });
    },
    act: bothEnd,
  },
  {
    what: "an assertion that is broken inside a stack",
    broken: "planted",
    plant: ({ theirs }) => {
      replace(theirs, "advanceRcvNxt", () => () => assert(false, "planted"));
    },
  },
];

const BOUNDS: readonly Bug[] = [
  {
    what: "a queue that is given back twice",
    broken: "no account of memory is negative",
    plant: ({ theirs }) => {
      replace(theirs, "dropReceiveQueue", (drop) => () => {
        theirs.receiveQueue?.release();
        drop();
      });
    },
  },
  {
    what: "a budget of memory that gives whoever asks",
    broken: "memory is within its budget",
    plant: ({ theirs }) => {
      const { memory } = theirs.tcp;
      Object.assign(memory, { max: 4096, share: () => PLENTY, room: () => PLENTY });
      Object.defineProperty(memory, "free", { value: PLENTY });
    },
    act: many,
  },
  {
    what: "text that is kept again and again",
    broken: "unread octets are within the receive buffer",
    plant: ({ theirs }) => {
      inQueues(theirs, "receiveQueue", (queue) => {
        replace(queue, "push", (push) => (bytes, start, end) => {
          for (let copies = 0; copies < 100; copies++) push(bytes, start, end);
        });
      });
    },
    tcp: { receiveBuffer: 8192 },
    act: many,
  },
  {
    what: "text beyond a hole that is kept octet by octet",
    broken: "segments beyond a hole are within their bound",
    plant: ({ theirs }) => {
      inQueues(theirs, "outOfOrder", (queue) => {
        replace(queue, "insert", (insert) => (seq, bytes, at, length) => {
          for (let i = 0; i < length; i++) insert(seqAdd(seq, i), bytes, at + i, 1);
          return length;
        });
      });
    },
    tcp: { outOfOrderSegmentsMax: 64 },
    act: hole,
  },
];

const TIMERS: readonly Bug[] = [
  {
    what: "a retransmission timer that is not started",
    broken: "what is not acknowledged has a retransmission timer",
    plant: ({ ours }) => forget(ours, RTO_ARMED),
    act: nowhere,
  },
  {
    what: "TIME-WAIT without an end",
    broken: "TIME-WAIT has its timer",
    plant: ({ ours }) => forget(ours, LIFE_ARMED),
  },
  {
    what: "FIN-WAIT-2 without an owner and without an end",
    broken: "an orphan in FIN-WAIT-2 has its timer",
    plant: ({ ours }) => forget(ours, LIFE_ARMED),
    act: orphaned,
  },
  {
    what: "a timer that does not know of its entry in the wheel",
    broken: "an armed timer is in the wheel",
    plant: ({ ours }) => forget(ours, WHEEL_ARMED),
    act: nowhere,
  },
  {
    what: "a wheel that forgets",
    broken: "a timer fires when it is due",
    plant: ({ ours }) => {
      replace(ours.tcp.host, "arm", () => () => undefined);
    },
  },
];

const LEFT: readonly Bug[] = [
  {
    what: "a connection that stays in the tables",
    broken: "a: 1 connections are left after close",
    plant: ({ ours }) => {
      replace(ours.tcp.host, "released", () => () => undefined);
    },
  },
  {
    what: "unread text that is not given back",
    broken: "octets of memory are left after close",
    plant: ({ theirs }) => {
      replace(theirs, "dropReceiveQueue", () => () => {
        theirs.receiveQueue = null;
      });
    },
    act: unread,
  },
];

export const BUGS: readonly Bug[] = [
  ...CONSERVATION,
  ...FAILURES,
  ...SEQUENCE,
  ...STATES,
  ...BOUNDS,
  ...TIMERS,
  ...LEFT,
];

function onlyConnection(sim: Simulation, host: number): TcpConnection {
  const [connection] = sim.hosts[host].tcp.connections();
  assert(connection instanceof TcpConnection, "there is one connection");
  return connection;
}

/** Runs what brings `bug` out, with it or without. */
export async function runWith(bug: Bug, planted: boolean): Promise<void> {
  await simulate({ ...QUIET, seed: 1 }, async (sim) => {
    const { a, b, link } = await pairOf(sim, { delayMs: 1 }, bug.tcp);
    const accepted = new Promise<Socket>((resolve) => {
      b.net.createServer({ allowHalfOpen: true }, resolve).listen(7);
    });
    const socket = await connected(a, b);
    const served = await accepted;
    for (const each of [socket, served]) each.on("error", () => undefined);
    await sim.sleep(10);
    const world = { sim, link, socket, served, ours: onlyConnection(sim, 0), theirs: onlyConnection(sim, 1) };
    if (planted) bug.plant(world);
    await (bug.act ?? talk)(world);
    await sim.sleep(HOUR_MS);
  });
}
