import { ACK_FLAG, FLAG_LETTERS } from "./packet-parser.ts";
import type { TcpOption, TcpSpec } from "./script.ts";
import { type LiveTcp, streamOctets } from "./wire.ts";

const SYN = FLAG_LETTERS[0][1];

/** A segment that the stack has sent, with what its numbers are counted from. */
export interface SentSegment {
  readonly live: LiveTcp;
  readonly localIsn: number;
  readonly remoteIsn: number;
}

/**
 * One connection (or what would be one) between script and stack. Numbers of a SYN are absolute in the script, all
 * others count from the initial one of their side; the remote side's initial number is the script's own, the local
 * side's is learnt from the stack's SYN.
 */
export class Flow {
  readonly remotePort: number;
  /** 0 until an active open has chosen it. */
  localPort: number;
  /** "new": nothing has come yet. "connecting": an active open of which the peer's SYN has not come. */
  state: "new" | "connecting" | "known";
  remoteIsn = 0;
  localIsn = 0;
  scriptLocalIsn = 0;
  readonly #timestamps = new Map<number, number>();
  #firstTs: { script: number; live: number } | null = null;

  constructor(remotePort: number, localPort: number, state: "new" | "connecting") {
    this.remotePort = remotePort;
    this.localPort = localPort;
    this.state = state;
  }

  /** The script's segment as it goes on the wire. A text tells why that cannot be known. */
  toLive(spec: TcpSpec, scaleEchoes: boolean): LiveTcp | string {
    const syn = (spec.flags & SYN) !== 0;
    if (this.state === "new" || (this.state === "connecting" && syn)) {
      this.remoteIsn = spec.seq;
      this.state = "known";
    }
    const local = syn ? this.localIsn - this.scriptLocalIsn : this.localIsn;
    const acks = (spec.flags & ACK_FLAG) !== 0;
    const options: TcpOption[] = [];
    for (const option of spec.options ?? []) {
      const mapped = this.#optionToLive(option, local, acks, scaleEchoes);
      if (typeof mapped === "string") return mapped;
      options.push(mapped);
    }
    return {
      protocol: "tcp",
      srcPort: this.remotePort,
      dstPort: this.localPort,
      seq: (spec.seq + (syn ? 0 : this.remoteIsn)) >>> 0,
      ack: acks ? (spec.ack + local) >>> 0 : 0,
      flags: spec.flags,
      win: spec.win ?? 0,
      urg: spec.urg,
      options,
      text: streamOctets(syn ? 0 : spec.seq - 1, spec.length),
    };
  }

  #optionToLive(option: TcpOption, local: number, acks: boolean, scaleEchoes: boolean): TcpOption | string {
    if (option.name === "sack") return { name: "sack", numbers: option.numbers.map((edge) => (edge + local) >>> 0) };
    if (option.name !== "TS" || !acks) return option;
    const [val, ecr] = option.numbers;
    const echo = this.#timestamps.get(ecr);
    if (echo !== undefined) return { name: "TS", numbers: [val, echo] };
    const first = this.#firstTs;
    if (scaleEchoes && first !== null) return { name: "TS", numbers: [val, (ecr - first.script + first.live) >>> 0] };
    return `unable to infer live TS ecr for script TS ecr ${String(ecr)}: no segment with this TS val was expected before`;
  }

  /** What the stack has sent, in the script's numbers. `expected` gives the script's TS val, where it has one. */
  toScript({ live, localIsn, remoteIsn }: SentSegment, expected: TcpSpec): TcpSpec {
    const syn = (live.flags & SYN) !== 0;
    const acks = (live.flags & ACK_FLAG) !== 0;
    if (syn && (expected.flags & SYN) !== 0) this.scriptLocalIsn = expected.seq;
    return {
      type: "packet",
      inbound: false,
      ip: {},
      protocol: "tcp",
      flags: live.flags,
      seq: (live.seq - localIsn + (syn ? this.scriptLocalIsn : 0)) >>> 0,
      length: live.text.length,
      ack: acks ? (live.ack - (syn ? 0 : remoteIsn)) >>> 0 : 0,
      win: live.win,
      urg: live.urg,
      options: live.options.map((option) => this.#optionToScript(option, remoteIsn, expected)),
    };
  }

  #optionToScript(option: TcpOption, remoteIsn: number, expected: TcpSpec): TcpOption {
    if (option.name === "sack")
      return { name: "sack", numbers: option.numbers.map((edge) => (edge - remoteIsn) >>> 0) };
    if (option.name !== "TS") return option;
    const [val, ecr] = option.numbers;
    const script = expected.options?.find(({ name }) => name === "TS")?.numbers[0];
    if (script !== undefined) {
      this.#timestamps.set(script, val);
      this.#firstTs ??= { script, live: val };
    }
    const first = this.#firstTs;
    return { name: "TS", numbers: [first === null ? val : (val - first.live + first.script) >>> 0, ecr] };
  }
}
