import { getSystemErrorMap } from "node:util";

/** Every code that a `NetError` may carry. They are Node's own; match on them, not on messages. */
export type NetErrorCode =
  | "EADDRINUSE"
  | "EADDRNOTAVAIL"
  | "EAFNOSUPPORT"
  | "ECONNABORTED"
  | "ECONNREFUSED"
  | "ECONNRESET"
  | "EHOSTUNREACH"
  | "EINVAL"
  | "EISCONN"
  | "ENETUNREACH"
  | "ENOBUFS"
  | "ENOTFOUND"
  | "EPIPE"
  | "ETIMEDOUT";

export type NetSyscall = "connect" | "listen" | "read" | "write" | "getaddrinfo";

/** libuv's number for a name that cannot be resolved, which Node gives to `ENOTFOUND`. */
const UV_EAI_NONAME = -3008;

/** Negative numbers as libuv has them on this platform, and what the code means in libuv's words. */
const SYSTEM_ERRORS: ReadonlyMap<string, readonly [errno: number, meaning: string]> = new Map([
  ...[...getSystemErrorMap()].map(([errno, [code, meaning]]) => [code, [errno, meaning]] as const),
  ["ENOTFOUND", [UV_EAI_NONAME, "unknown node or service"]],
]);

/** What to do about it, where that can be said without knowing more. */
const ADVICE: Readonly<Record<NetErrorCode, string>> = {
  EADDRINUSE: "another listener has this address and port; close it, or choose port 0 for a free one",
  EADDRNOTAVAIL: "the stack does not own this address; name one that it was opened with, or * for all of them",
  EAFNOSUPPORT: "only IPv4 is supported; give a dotted-quad address",
  ECONNABORTED: "the connection was aborted on this side; was the stack closed while it was in use?",
  ECONNREFUSED: "nothing listens on this port over there",
  ECONNRESET: "the peer reset the connection; its program may have ended or refused what it was sent",
  EHOSTUNREACH: "no answer came from this host's network; check the address and the device's other side",
  EINVAL: "this address cannot be used here; it must be a unicast address",
  EISCONN: "this socket is connected already; make another one, or destroy it first",
  ENETUNREACH: "the stack has no route to this network; open it with a gateway or a wider prefix",
  ENOBUFS: "a bound of the stack was reached (connections or free ports); see its stats",
  ENOTFOUND: "this name cannot be resolved; give a dotted-quad address, or a `lookup` function",
  EPIPE: "the connection had ended before this write; listen for 'end' and 'close'",
  ETIMEDOUT: "the peer stopped answering; check that packets reach it and come back",
};

/** Where an error belongs: the remote end of a connection, or the address to listen on. */
export interface NetPlace {
  readonly address: string;
  readonly port: number;
}

const NOWHERE: NetPlace = { address: "", port: 0 };

/** Node names the place for `connect` and `listen`, and for these two only. */
function describe(code: NetErrorCode, syscall: NetSyscall, place: NetPlace): string {
  if (syscall === "getaddrinfo") return `${syscall} ${code} ${place.address}`;
  if (syscall === "read" || syscall === "write") return `${syscall} ${code}`;
  const end = place.port > 0 ? `${place.address}:${place.port}` : place.address;
  if (syscall === "connect") return `${syscall} ${code} ${end}`;
  const meaning = SYSTEM_ERRORS.get(code)?.[1] ?? "unknown error";
  return `${syscall} ${code}: ${meaning} ${end}`;
}

/** Why a call of the application failed: "connect ECONNREFUSED 198.18.0.1:80". Shaped as `node:net`'s errors are. */
export class NetError extends Error {
  override readonly name = "NetError";
  readonly code: NetErrorCode;
  /** Negative, as in Node: libuv's number for `code` on this platform. */
  readonly errno: number;
  readonly syscall: NetSyscall;
  /** Departs from `node:net`, where `read` and `write` leave the place out: it costs nothing here and helps in logs. */
  readonly address: string;
  readonly port: number;
  /** The name that was looked up; only with `ENOTFOUND`. */
  readonly hostname?: string;
  /** What to do about it, for people. */
  readonly advice: string;

  constructor(code: NetErrorCode, syscall: NetSyscall, place: NetPlace = NOWHERE) {
    super(describe(code, syscall, place));
    this.code = code;
    this.errno = SYSTEM_ERRORS.get(code)?.[0] ?? 0;
    this.syscall = syscall;
    this.address = place.address;
    this.port = place.port;
    this.advice = ADVICE[code];
    if (syscall === "getaddrinfo") this.hostname = place.address;
  }
}
