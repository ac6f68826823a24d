import { randomBelow, type Random } from "../../src/base/random.ts";
import { icmpMessage, ipv4, pattern } from "../ipv4/datagrams.ts";
import { ACK, FIN, icmpError, mended, ping, PSH, RST, SYN, tcp, timestampOption, udp } from "./packets.ts";

const ports = { sourcePort: 40_000, destinationPort: 7 };
/** Valid datagrams of every kind, from 198.18.0.1 to 198.18.0.2: what is mutated. */
const corpus = (clientPort: number): readonly Uint8Array[] => [
  tcp({
    ...ports,
    seq: 1,
    flags: SYN,
    tcpOptions: Uint8Array.of(2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7),
  }),
  tcp({ ...ports, seq: 1, ack: 1, flags: ACK | PSH, text: pattern(64) }),
  tcp({ ...ports, seq: 1, ack: 1, flags: FIN | ACK }),
  tcp({ ...ports, seq: 1, flags: RST }),
  tcp({
    sourcePort: clientPort,
    destinationPort: 7,
    seq: 1,
    ack: 1,
    flags: ACK,
    tcpOptions: timestampOption(1, 1),
    text: pattern(200),
  }),
  tcp({ sourcePort: 5, destinationPort: 81, seq: 1, flags: SYN }),
  udp(53, 53, pattern(40)),
  ping(pattern(56)),
  icmpError(3, 4, tcp({ sourcePort: 7, destinationPort: clientPort, flags: ACK }), 576),
  icmpError(11, 0, udp(1, 2, pattern(8))),
  ipv4({ protocol: 17, identification: 7, moreFragments: true, payload: pattern(800) }),
  ipv4({ protocol: 17, identification: 7, fragmentOffset: 800, payload: pattern(400) }),
  ipv4({ protocol: 1, options: Uint8Array.of(7, 7, 4, 0, 0, 0, 0, 0), payload: icmpMessage(8, 0, 1, pattern(8)) }),
];

/** Datagrams that mean harm: noise, and valid ones with a few octets changed. A pure function of the randomness. */
export class Hostile {
  readonly #random: Random;
  readonly #corpus: readonly Uint8Array[];

  /** `clientPort`: of an honest connection to port 7 that they are to disturb. */
  constructor(random: Random, clientPort: number) {
    this.#random = random;
    this.#corpus = corpus(clientPort);
  }

  next(): Uint8Array {
    return this.#below(4) === 0 ? this.#noise() : this.#mutated();
  }

  #below(bound: number): number {
    return randomBelow(this.#random, bound);
  }

  #mutated(): Uint8Array {
    const bytes = Uint8Array.from(this.#corpus[this.#below(this.#corpus.length)] ?? []);
    for (let changes = 1 + this.#below(4); changes > 0; changes--) {
      // Headers are where it hurts.
      const at = this.#below(this.#below(4) === 0 ? bytes.length : Math.min(bytes.length, 60));
      bytes[at] = this.#below(2) === 0 ? this.#below(256) : (bytes[at] ?? 0) ^ (1 << this.#below(8));
    }
    const cut = this.#below(8) === 0 ? bytes.subarray(0, this.#below(bytes.length + 1)) : bytes;
    return this.#below(4) === 0 ? cut : mended(cut);
  }

  #noise(): Uint8Array {
    const bytes = new Uint8Array(this.#below(200));
    for (let i = 0; i < bytes.length; i++) bytes[i] = this.#random.nextInt32();
    if (bytes.length > 20 && this.#below(2) === 0) {
      // Near enough to a datagram for this host to be looked at.
      bytes.set([0x45, 0, 0, bytes.length]);
      bytes.set([198, 18, 0, 1, 198, 18, 0, 2], 12);
      return mended(bytes);
    }
    return bytes;
  }
}
