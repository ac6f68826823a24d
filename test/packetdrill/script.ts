/** What a packetdrill script says, after parsing. Times in microseconds, sequence numbers as the script writes them. */

/** Where something stands: "file:line". */
export interface Place {
  readonly file: string;
  readonly line: number;
}

/** The script is not in the language. */
export class ScriptError extends Error {
  override readonly name = "ScriptError";
  readonly place: Place;

  constructor(place: Place, message: string) {
    super(message);
    this.place = place;
  }
}

/** The script is in the language and asks for something that cannot be had here: it is reported as skipped, never as passed. */
export class Unsupported extends Error {
  override readonly name = "Unsupported";
}

export type EventTime =
  | { readonly kind: "absolute" | "relative"; readonly us: number }
  | { readonly kind: "any" }
  | { readonly kind: "range" | "relativeRange"; readonly us: number; readonly endUs: number };

/** One option of a TCP header as the script writes it. SACK blocks are pairs of `numbers`; a cookie is `blob`. */
export interface TcpOption {
  readonly name: "nop" | "eol" | "mss" | "wscale" | "sackOK" | "sack" | "TS" | "FO" | "FOEXP" | "unknown";
  readonly numbers: readonly number[];
  readonly blob?: string;
}

export type EcnCheck = "noecn" | "ect0" | "ect1" | "ect01" | "ce";

export interface IpSpec {
  readonly ecn?: EcnCheck;
  readonly tos?: number;
  readonly ttl?: number;
}

interface PacketBase {
  readonly type: "packet";
  readonly inbound: boolean;
  readonly ip: IpSpec;
  /** "40000 > 8080": source and destination as the packet has them. */
  readonly ports?: readonly [number, number];
}

export interface TcpSpec extends PacketBase {
  readonly protocol: "tcp";
  /** Control bits by RFC 9293 §3.1. */
  readonly flags: number;
  readonly seq: number;
  readonly length: number;
  readonly ack: number;
  /** Absent: not compared on the way out, 0 on the way in. */
  readonly win?: number;
  readonly urg: number;
  /** null where the script says `<...>`: not compared. */
  readonly options: readonly TcpOption[] | null;
}

export interface IcmpSpec extends PacketBase {
  readonly protocol: "icmp";
  readonly icmpType: number;
  readonly icmpCode: number;
  readonly mtu?: number;
  readonly id?: number;
  /** The TCP segment or UDP datagram that the error quotes. */
  readonly quotedTcp?: { readonly seq: number; readonly length: number };
  readonly quotedUdp?: number;
}

export interface UdpSpec extends PacketBase {
  readonly protocol: "udp";
  readonly length: number;
}

export type PacketSpec = TcpSpec | IcmpSpec | UdpSpec;

/** An argument of a system call. */
export type Expr =
  | { readonly kind: "ellipsis" }
  | { readonly kind: "int"; readonly value: number }
  | { readonly kind: "word"; readonly name: string }
  | { readonly kind: "string"; readonly text: string }
  | { readonly kind: "or"; readonly parts: readonly Expr[] }
  | { readonly kind: "array"; readonly items: readonly Expr[] }
  | { readonly kind: "struct"; readonly fields: ReadonlyMap<string, Expr>; readonly items: readonly Expr[] }
  | { readonly kind: "call"; readonly name: string; readonly args: readonly Expr[] };

export interface CallSpec {
  readonly type: "call";
  readonly name: string;
  readonly args: readonly Expr[];
  /** When it returns, on the same scale as its own time; absent where it may not block. */
  readonly endUs?: number;
  readonly result: Expr;
  readonly errno?: string;
}

export interface CommandSpec {
  readonly type: "command";
  readonly text: string;
}

export interface CodeSpec {
  readonly type: "code";
  readonly text: string;
}

export type Action = PacketSpec | CallSpec | CommandSpec | CodeSpec;

export interface ScriptEvent {
  readonly line: number;
  readonly time: EventTime;
  readonly action: Action;
}

export interface Script {
  readonly file: string;
  /** The first line of its first comment. */
  readonly title: string;
  readonly options: ReadonlyMap<string, string>;
  /** Commands before the first event and behind the last. */
  readonly commands: readonly CommandSpec[];
  readonly events: readonly ScriptEvent[];
}
