/** System calls of scripts by their names. What is not in these tables makes a script unsupported before it runs. */
import type { Host } from "./host.ts";
import { type CallSpec, type Expr, Unsupported } from "./script.ts";
import { type Settings, wordOf } from "./settings.ts";
import { type Attempt, type CallResult, done, failed, O_NONBLOCK, ScriptSocket } from "./socket-table.ts";

/** What system calls act on. */
export interface Process {
  readonly host: Host;
  readonly settings: Settings;
  readonly sockets: Map<number, ScriptSocket>;
  /** A socket was made: packets without ports are no longer those of the connection before. */
  socketMade(): void;
  listening(): void;
  /** An active open to `port` begins. */
  connecting(socket: ScriptSocket, port: number): void;
}

type Call = (call: CallSpec, process: Process) => Attempt;

/** Words that stand for numbers, with Linux's values. */
const CONSTANTS: Readonly<Record<string, number>> = {
  O_RDONLY: 0,
  O_WRONLY: 1,
  O_RDWR: 2,
  O_NONBLOCK,
  MSG_OOB: 1,
  MSG_PEEK: 2,
  MSG_DONTWAIT: 0x40,
  MSG_WAITALL: 0x100,
  MSG_NOSIGNAL: 0x4000,
  POLLIN: 1,
  POLLRDNORM: 0x40,
  POLLOUT: 4,
  POLLWRNORM: 0x100,
  POLLERR: 8,
  POLLHUP: 16,
  POLLRDHUP: 0x2000,
};
const SEND_FLAGS = CONSTANTS["MSG_DONTWAIT"] | CONSTANTS["MSG_NOSIGNAL"];
const READ_FLAGS = CONSTANTS["MSG_DONTWAIT"] | CONSTANTS["MSG_PEEK"] | CONSTANTS["MSG_WAITALL"];

export function intOf(expr: Expr | undefined, what: string): number {
  if (expr?.kind === "int") return expr.value;
  if (expr?.kind === "or") return expr.parts.reduce((bits, part) => bits | intOf(part, what), 0);
  if (expr?.kind === "word" && Object.hasOwn(CONSTANTS, expr.name)) return CONSTANTS[expr.name];
  if (expr?.kind === "word") throw new Unsupported(`${what} ${expr.name}`);
  throw new Unsupported(`${what} of this form`);
}

const fdOf = (call: CallSpec): number => intOf(call.args.at(0), "a file descriptor");
const now =
  (result: CallResult): Attempt =>
  () =>
    result;

/** The socket of the call's first argument. */
const withSocket =
  (act: (socket: ScriptSocket, call: CallSpec, process: Process) => Attempt): Call =>
  (call, process) => {
    const socket = process.sockets.get(fdOf(call));
    return socket === undefined ? now(failed("EBADF")) : act(socket, call, process);
  };

function flagsOf(call: CallSpec, at: number, known: number): number {
  const flags = call.args.length > at ? intOf(call.args[at], "a flag") : 0;
  if ((flags & ~known) !== 0) throw new Unsupported(`flags 0x${flags.toString(16)} of ${call.name}`);
  return flags;
}

/** The length of a buffer or the sum of an iovec's. */
function lengthOf(call: CallSpec, at: number): number {
  const expr = call.args.at(at);
  if (call.args.at(1)?.kind === "word") throw new Unsupported("buffers that are no memory");
  return intOf(expr, "a length");
}

const vectorLength = (expr: Expr | undefined): number => {
  if (expr?.kind !== "array") throw new Unsupported("an iovec of this form");
  return expr.items.reduce((sum, item) => sum + (item.kind === "struct" ? intOf(item.items.at(1), "a length") : 0), 0);
};

const messageLength = (expr: Expr | undefined): number => {
  if (expr?.kind !== "struct") throw new Unsupported("a message header of this form");
  if (expr.fields.has("msg_control")) throw new Unsupported("control messages");
  return vectorLength(expr.fields.get("msg_iov"));
};

/** The port of `{sa_family = AF_INET, sin_port = htons(N), …}`, or `other` for "...". */
function portOf(expr: Expr | undefined, other: number): number {
  if (expr?.kind !== "struct") return other;
  const port = expr.fields.get("sin_port");
  return port?.kind === "call" ? intOf(port.args.at(0), "a port") : other;
}

const sender =
  (length: (call: CallSpec) => number, flagsAt: number): Call =>
  (call, process) => {
    const flags = flagsAt < 0 ? 0 : flagsOf(call, flagsAt, SEND_FLAGS);
    const octets = length(call);
    return withSocket((socket) => socket.write(octets, (flags & CONSTANTS["MSG_DONTWAIT"]) !== 0))(call, process);
  };

const reader =
  (length: (call: CallSpec) => number, flagsAt: number): Call =>
  (call, process) => {
    const flags = flagsAt < 0 ? 0 : flagsOf(call, flagsAt, READ_FLAGS);
    const octets = length(call);
    const has = (name: string): boolean => (flags & CONSTANTS[name]) !== 0;
    return withSocket((socket) =>
      socket.read(octets, { peek: has("MSG_PEEK"), nonBlocking: has("MSG_DONTWAIT"), all: has("MSG_WAITALL") }),
    )(call, process);
  };

const third = (call: CallSpec): number => lengthOf(call, 2);
const vector = (call: CallSpec): number => vectorLength(call.args.at(1));
const message = (call: CallSpec): number => messageLength(call.args.at(1));

export const CALLS: Readonly<Record<string, Call>> = {
  socket: (call, process) => {
    if (wordOf(call, 1) !== "SOCK_STREAM" || !["IPPROTO_TCP", "0", ""].includes(wordOf(call, 2))) {
      throw new Unsupported(`sockets of type ${wordOf(call, 1)} ${wordOf(call, 2)}`);
    }
    process.socketMade();
    return now(made(call, process, new ScriptSocket(process.host)));
  },
  bind: withSocket((socket, call, { settings }) => {
    socket.port = portOf(call.args.at(1), settings.bindPort);
    return now(done(0));
  }),
  listen: withSocket((socket, call, process) => {
    const result = socket.listen(Math.max(1, intOf(call.args.at(1), "a backlog")));
    if (result.value === 0) process.listening();
    return now(result);
  }),
  accept: withSocket((socket, call, process) => () => {
    if (socket.listener === null) return failed("EINVAL");
    const taken = socket.takeAccepted();
    if (taken !== null) return made(call, process, taken);
    return socket.nonBlocking ? failed("EAGAIN") : null;
  }),
  connect: withSocket((socket, call, process) => {
    const port = portOf(call.args.at(1), process.settings.connectPort);
    if (socket.state === "fresh") process.connecting(socket, port);
    return socket.connect(process.settings.remote, port);
  }),
  read: reader(third, -1),
  recv: reader(third, 3),
  recvfrom: reader(third, 3),
  readv: reader(vector, -1),
  recvmsg: reader(message, 2),
  write: sender(third, -1),
  send: sender(third, 3),
  sendto: sender(third, 3),
  writev: sender(vector, -1),
  sendmsg: sender(message, 2),
  shutdown: withSocket((socket, call) => {
    const how = wordOf(call, 1);
    return now(socket.shutdown(how !== "SHUT_WR", how !== "SHUT_RD"));
  }),
  close: withSocket((socket, call, process) => {
    process.sockets.delete(fdOf(call));
    return now(socket.close());
  }),
  fcntl: withSocket((socket, call) => {
    if (wordOf(call, 1) === "F_GETFL") return now(done(CONSTANTS["O_RDWR"] | (socket.nonBlocking ? O_NONBLOCK : 0)));
    socket.nonBlocking = (intOf(call.args.at(2), "a flag") & O_NONBLOCK) !== 0;
    return now(done(0));
  }),
  ioctl: withSocket((socket, call) => now(done(0, ioctl(socket, wordOf(call, 1))))),
  poll: (call, process) => poll(call, process),
  setsockopt: withSocket((socket, call) => now(setOption(socket, call))),
  getsockopt: withSocket((socket, call, process) => now(getOption(socket, call, process.settings))),
};

/** Gives a socket the number that the script expects for it. */
function made(call: CallSpec, process: Process, socket: ScriptSocket): CallResult {
  const wanted = call.result.kind === "int" ? call.result.value : -1;
  let fd = 3;
  while (process.sockets.has(fd)) fd++;
  if (wanted >= 3 && !process.sockets.has(wanted)) fd = wanted;
  process.sockets.set(fd, socket);
  return done(fd);
}

const NOTHING_SET = new Set(["SO_REUSEADDR", "SO_REUSEPORT", "SO_RCVBUF", "TCP_MAXSEG", "SO_NOSIGPIPE"]);

type SocketSetter = (socket: ScriptSocket, value: number) => void;
const SETTERS: Readonly<Record<string, SocketSetter>> = {
  SO_SNDBUF: (socket, value) => {
    socket.sendBuffer = 2 * value;
  },
  TCP_NODELAY: (socket, value) => {
    socket.configure({ noDelay: value !== 0 });
  },
  TCP_USER_TIMEOUT: (socket, value) => {
    socket.configure({ userTimeoutMs: value });
  },
  IP_TTL: (socket, value) => {
    socket.configure({ ttl: value });
  },
  IP_TOS: (socket, value) => {
    if ((value & 3) !== 0) throw new Unsupported("the ECN field is TCP's own");
    socket.configure({ dscp: value >> 2 });
  },
  SO_KEEPALIVE: (socket, value) => {
    socket.keepAlive(value !== 0, {});
  },
  TCP_KEEPIDLE: (socket, value) => {
    socket.keepAlive(null, { idleMs: value * 1000 });
  },
  TCP_KEEPINTVL: (socket, value) => {
    socket.keepAlive(null, { intervalMs: value * 1000 });
  },
  TCP_KEEPCNT: (socket, value) => {
    socket.keepAlive(null, { probes: value });
  },
};
const SET_NAMES = new Set([...NOTHING_SET, ...Object.keys(SETTERS), "SO_LINGER"]);
const GET_NAMES = new Set([
  "SO_ERROR",
  "TCP_NODELAY",
  "SO_SNDBUF",
  "SO_RCVBUF",
  "TCP_MAXSEG",
  "SO_TYPE",
  "SO_ACCEPTCONN",
]);
const IOCTLS = new Set(["SIOCINQ", "FIONREAD", "SIOCOUTQ", "TIOCOUTQ", "SIOCOUTQNSD"]);
const FCNTLS = new Set(["F_GETFL", "F_SETFL"]);

/** Throws `Unsupported` for a call that is not had here, before anything runs. */
export function refuseCall(call: CallSpec): void {
  const { name } = call;
  if (!Object.hasOwn(CALLS, name)) throw new Unsupported(`system call ${name}`);
  const known = { setsockopt: SET_NAMES, getsockopt: GET_NAMES, ioctl: IOCTLS, fcntl: FCNTLS } as const;
  if (!Object.hasOwn(known, name)) return;
  const at = name.endsWith("sockopt") ? 2 : 1;
  const word = wordOf(call, at);
  if (!known[name as keyof typeof known].has(word)) throw new Unsupported(`${name} ${word || "of this form"}`);
}

function setOption(socket: ScriptSocket, call: CallSpec): CallResult {
  const arg = call.args.at(3);
  const name = wordOf(call, 2);
  if (NOTHING_SET.has(name)) return done(0);
  if (name === "SO_LINGER") {
    if (arg?.kind !== "struct") throw new Unsupported("SO_LINGER of this form");
    const on = intOf(arg.fields.get("onoff"), "SO_LINGER") !== 0;
    const time = intOf(arg.fields.get("linger"), "SO_LINGER");
    if (on && time > 0) throw new Unsupported("SO_LINGER with a time");
    socket.resetOnClose = on;
    return done(0);
  }
  const value = intOf(arg?.kind === "array" ? arg.items.at(0) : arg, name);
  SETTERS[name](socket, value);
  return done(0);
}

function getOption(socket: ScriptSocket, call: CallSpec, settings: Settings): CallResult {
  switch (wordOf(call, 2)) {
    case "SO_ERROR":
      return socket.takeSocketError();
    case "TCP_NODELAY":
      return done(0, Number(socket.settings.noDelay === true));
    case "SO_SNDBUF":
      return done(0, socket.sendBuffer);
    case "SO_RCVBUF":
      return done(0, socket.state === "open" ? settings.receiveSpace.open : settings.receiveSpace.fresh);
    case "TCP_MAXSEG":
      return done(0, segmentSize(socket) ?? settings.tcp.mssMax ?? 536);
    case "SO_ACCEPTCONN":
      return done(0, Number(socket.listener !== null));
    default:
      return done(0, 1);
  }
}

/** TCP_MAXSEG tells the size without the options that every segment has. */
function segmentSize(socket: ScriptSocket): number | null {
  const info = socket.connection?.info();
  return info === undefined ? null : info.sndMss + (info.options.timestamps ? 12 : 0);
}

function ioctl(socket: ScriptSocket, name: string): number {
  if (name === "SIOCINQ" || name === "FIONREAD") return socket.readable;
  if (name === "SIOCOUTQNSD") return socket.connection?.info().notSent ?? 0;
  return socket.connection?.queuedOctets ?? 0;
}

function poll(call: CallSpec, process: Process): Attempt {
  const list = call.args.at(0);
  const timeoutMs = intOf(call.args.at(2), "a time-out");
  if (list?.kind !== "array") throw new Unsupported("poll of this form");
  const deadlineUs = timeoutMs < 0 ? Infinity : process.host.nowUs + timeoutMs * 1000;
  return () => {
    let ready = 0;
    const wrong: string[] = [];
    for (const item of list.items) {
      if (item.kind !== "struct") throw new Unsupported("poll of this form");
      const wanted = intOf(item.fields.get("events"), "an event") | CONSTANTS["POLLERR"] | CONSTANTS["POLLHUP"];
      const socket = process.sockets.get(intOf(item.fields.get("fd"), "a file descriptor"));
      const got = (socket?.events ?? 0x20) & wanted;
      const expected = item.fields.get("revents");
      if (got !== 0) ready++;
      const bits = expected === undefined ? 0 : intOf(expected, "an event");
      if (got !== bits) wrong.push(`revents: expected: 0x${bits.toString(16)} vs actual: 0x${got.toString(16)}`);
    }
    if (ready === 0 && process.host.nowUs < deadlineUs) return null;
    return wrong.length === 0 ? done(ready) : done(ready, wrong.join(", "));
  };
}
