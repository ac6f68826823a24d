// Congestion control of one's own, per connection: a small model of the path in the manner of BBR (bandwidth and round-trip
// time, cf. draft-ietf-ccwg-bbr) against CUBIC, on a link that loses 2 % of all datagrams for no reason. In virtual time.
//
//   node --import ./test/support/typescript.mjs examples/congestion-control.ts [LOSS]
//
// Node from 22.18 on needs no --import.
import type { CongestionAlgorithm, CongestionController, CongestionWindow, RateSample } from "fourtuple";
import { cubic } from "fourtuple";
import { simulate } from "fourtuple/sim";

/** 2 / ln 2: doubles what is delivered in each round. */
const STARTUP_GAIN = 2.89;
/** One phase each for more, for less, and six for as much as the path has shown. */
const CYCLE = [1.25, 0.75, 1, 1, 1, 1, 1, 1];
/** Rounds for which the best bandwidth seen is believed; rounds without a quarter more after which the pipe is full. */
const BANDWIDTH_ROUNDS = 10,
  FULL_ROUNDS = 3;

/** Sends at the rate at which the path delivers, whatever it loses. Rates in octets per microsecond. */
class PathModel implements CongestionController {
  #best: { rate: number; round: number }[] = [];
  #round = 0;
  #roundEnd = 0;
  #fullRate = 0;
  #fullRounds = 0;
  #phase: "startup" | "drain" | "cruise" = "startup";
  #step = 2;
  #stepUs = 0;

  reset(): void {
    this.#best = [];
    this.#round = this.#roundEnd = this.#fullRate = this.#fullRounds = 0;
    this.#phase = "startup";
  }

  acknowledged(window: CongestionWindow, sample: RateSample): void {
    const isNewRound = sample.priorDelivered >= this.#roundEnd;
    if (isNewRound) {
      this.#roundEnd = sample.deliveredTotal;
      this.#round++;
    }
    this.#learnRate(sample);
    const rate = this.#best[0]?.rate ?? 0;
    if (rate === 0) return;
    const product = rate * sample.minRttUs;
    if (isNewRound && this.#phase === "startup") this.#lookWhetherFull(rate);
    if (this.#phase === "drain" && sample.inFlight <= product) this.#phase = "cruise";
    window.pacingRate = this.#gain(sample) * rate * 1e6;
    // Twice the product: room for ACKs that come late and all at once.
    window.cwnd = Math.max(4 * window.sendMss, (this.#phase === "startup" ? STARTUP_GAIN : 2) * product);
  }

  /** The highest rate of the last rounds, highest first. A sample that the application held down counts if it is higher still. */
  #learnRate({ delivered, intervalUs, isAppLimited }: RateSample): void {
    if (intervalUs === 0) return;
    const rate = delivered / intervalUs;
    if (isAppLimited && rate < (this.#best[0]?.rate ?? 0)) return;
    this.#best = this.#best.filter((seen) => seen.rate > rate && seen.round > this.#round - BANDWIDTH_ROUNDS);
    this.#best.push({ rate, round: this.#round });
  }

  #lookWhetherFull(rate: number): void {
    if (rate >= this.#fullRate * 1.25) {
      this.#fullRate = rate;
      this.#fullRounds = 0;
    } else if (++this.#fullRounds >= FULL_ROUNDS) {
      this.#phase = "drain";
    }
  }

  #gain({ nowUs, minRttUs }: RateSample): number {
    if (this.#phase === "startup") return STARTUP_GAIN;
    if (this.#phase === "drain") return 1 / STARTUP_GAIN;
    if (nowUs - this.#stepUs > minRttUs) {
      this.#step = (this.#step + 1) % CYCLE.length;
      this.#stepUs = nowUs;
    }
    return CYCLE[this.#step];
  }

  /** A loss says nothing about the rate of the path. */
  lost(): void {}

  /** Nothing comes back any more: one segment asks whether the path is still there. The next ACK brings the model back. */
  timedOut(window: CongestionWindow): void {
    window.cwnd = window.sendMss;
  }
}

const pathModel: CongestionAlgorithm = { name: "path-model", create: () => new PathModel() };

const loss = Number(process.argv[2] ?? 0.02);
const SECONDS = 10;

/** Megabits per second that one connection carries over 20 Mbit/s and 40 ms. */
async function throughput(congestion: CongestionAlgorithm): Promise<number> {
  const { value } = await simulate({ seed: 7 }, async (sim) => {
    const sender = await sim.host("sender", { address: "10.0.0.1/24" });
    const receiver = await sim.host("receiver", { address: "10.0.0.2/24" });
    sim.link(sender, receiver, { rateBitsPerSecond: 20e6, delayMs: 20, queueOctets: 100_000, loss });
    let received = 0;
    receiver.net.createServer((socket) => socket.on("data", (chunk: Buffer) => (received += chunk.length))).listen(9);
    const socket = sender.net.connect({ host: receiver.address, port: 9, settings: { congestion } });
    const chunk = Buffer.alloc(65_536);
    const fill = () => {
      while (socket.write(chunk)) continue;
    };
    socket.on("connect", fill).on("drain", fill);
    await sim.sleep(SECONDS * 1000);
    socket.resetAndDestroy();
    return (received * 8) / SECONDS / 1e6;
  });
  return value;
}

for (const congestion of [cubic, pathModel]) {
  const mbit = await throughput(congestion);
  console.log(`${congestion.name.padEnd(10)} ${mbit.toFixed(1).padStart(5)} Mbit/s of 20 at ${loss * 100} % loss`);
}
