import { type Random, randomBelow, randomUnit, SeededRandom } from "../base/random.ts";
import { cubic } from "../tcp/congestion/cubic.ts";
import { newReno } from "../tcp/congestion/new-reno.ts";
import type { TcpConfig } from "../tcp/config.ts";
import type { InterfaceOffload } from "./host-interface.ts";
import type { DirectionOptions } from "./link.ts";

/** What one connection of the mixed-fault scenario does. Octets and ms. */
export interface ConnectionPlan {
  /** The place of its client among the plan's hosts; the server is host 0. */
  readonly client: number;
  readonly startMs: number;
  /** Request and response lengths of its exchanges, in turn. */
  readonly exchanges: readonly (readonly [request: number, response: number])[];
  readonly noDelay: boolean;
  /** Who ends first, and how. */
  readonly ending: "client" | "server" | "both" | "client destroys" | "client resets";
  /** The client rests this long behind each chunk that it reads; 0 reads at once. */
  readonly readRestMs: number;
}

/** Something that is done to the network at a moment of the run. */
export interface Disturbance {
  readonly kind: "partition" | "link-down" | "no-route" | "pause" | "crash";
  readonly atMs: number;
  readonly forMs: number;
  /** Of a pause or a crash: the host's place. */
  readonly host: number;
  /** Of a crash: whether it starts again. */
  readonly restarts: boolean;
}

export interface HostPlan {
  readonly offload: InterfaceOffload;
  readonly clockMs: number;
  readonly tcp: Partial<TcpConfig>;
}

/** A whole run, drawn from its seed. */
export interface ScenarioPlan {
  readonly hosts: readonly HostPlan[];
  /** Routers between the server and the clients; of two, the link between them has the faults. */
  readonly routers: number;
  /** Towards the server, and away from it: of the one link that has faults. */
  readonly there: DirectionOptions;
  readonly back: DirectionOptions;
  /** Datagrams, counted from the first in each direction, that are dropped whatever they are. */
  readonly dropThere: readonly number[];
  readonly connections: readonly ConnectionPlan[];
  readonly disturbances: readonly Disturbance[];
}

/** How likely each kind of fault takes part in a run: more than the fifth of all runs in which it shall occur. */
const SHARE = 0.4;
/** Where it takes two sides, or a router, as well. */
const LARGE_SHARE = 0.75;
/** Short, so that the ends of TIME-WAIT are reached within a run. */
const MSL_MS = 2000;
/** What a seed says in its second part, which came later: so that the first part stays what it was. */
const SECOND_PART = 2 ** 46;
/** Of the bulk transfer. */
const BULK_OCTETS = 100_000;
/** Disturbances come while something is going on. */
const DISTURBED_MS = 400;
/** Where a clock of 32 bits counting milliseconds changes its sign, and where it begins anew. */
const CLOCK_WRAPS_MS = [0, 2 ** 31, 2 ** 32] as const;

/** Draws from one generator. */
class Dice {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  happens(p: number): boolean {
    return randomUnit(this.#random) < p;
  }
  between(low: number, high: number): number {
    return low + randomUnit(this.#random) * (high - low);
  }
  integer(low: number, high: number): number {
    return low + randomBelow(this.#random, high - low + 1);
  }
  one<T>(of: readonly T[]): T {
    return of[randomBelow(this.#random, of.length)];
  }
}

function drawHost(dice: Dice, second: Dice): HostPlan {
  const wrap = dice.one(CLOCK_WRAPS_MS);
  return {
    offload: dice.one(["none", "checksum", "segments"]),
    tcp: {
      mslMs: MSL_MS,
      receiveBuffer: dice.one([8192, 65_536, 1 << 20]),
      ecn: second.happens(LARGE_SHARE) ? "on" : second.one(["passive", "off"]),
      congestion: second.one([cubic, newReno]),
      pacing: second.happens(LARGE_SHARE),
      outOfOrderSegmentsMax: second.one([4096, 4096, 4096, 8]),
    },
    clockMs: wrap === 0 ? 0 : wrap - dice.integer(0, 500),
  };
}

function drawDirection(dice: Dice, second: Dice, mtu: number): DirectionOptions {
  const loss = dice.one(["none", "alone", "bursts", "alone", "bursts"]);
  const limited = dice.happens(0.7);
  return {
    delayMs: dice.between(0.1, 30),
    ...(loss === "alone" ? { loss: dice.between(0.01, 0.08) } : {}),
    ...(loss === "bursts"
      ? { loss: { toBad: dice.between(0.01, 0.03), toGood: dice.between(0.2, 0.6), lossBad: 0.9 } }
      : {}),
    ...(dice.happens(SHARE) ? { duplicate: dice.between(0.01, 0.05) } : {}),
    ...(dice.happens(SHARE) ? { reorder: dice.between(0.02, 0.1), reorderMs: dice.between(1, 40) } : {}),
    ...(dice.happens(SHARE) ? { corrupt: dice.between(0.01, 0.03) } : {}),
    ...(dice.happens(SHARE) ? { jitterMs: dice.between(0.5, 20) } : {}),
    ...(limited ? { rateBitsPerSecond: dice.between(1e6, 1e7), queueOctets: dice.integer(4000, 12_000) } : {}),
    ecnThresholdOctets: second.integer(1000, 4000),
    mtu,
  };
}

function drawConnection(dice: Dice, clients: number, isBulk: boolean): ConnectionPlan {
  const exchanges: [number, number][] = Array.from({ length: dice.integer(1, 5) }, () => [
    dice.integer(1, 3000),
    dice.integer(1, 3000),
  ]);
  const bulk = dice.integer(BULK_OCTETS / 2, (BULK_OCTETS * 3) / 2);
  if (isBulk)
    exchanges.push(
      dice.one<[number, number]>([
        [bulk, 20],
        [20, bulk],
        [bulk >> 1, bulk >> 1],
      ]),
    );
  return {
    client: dice.integer(1, clients),
    startMs: dice.between(0, 100),
    exchanges,
    noDelay: dice.happens(0.5),
    ending: dice.one(["client", "client", "server", "both", "both", "client destroys", "client resets"]),
    readRestMs: dice.happens(0.3) ? dice.between(1, 50) : 0,
  };
}

function drawDisturbances(dice: Dice, second: Dice, hosts: number): Disturbance[] {
  const draw = (from: Dice, kind: Disturbance["kind"], longestMs: number): Disturbance => ({
    kind,
    atMs: from.between(5, DISTURBED_MS),
    forMs: from.between(20, longestMs),
    host: from.integer(0, hosts - 1),
    restarts: from.happens(0.7),
  });
  const disturbances: Disturbance[] = [];
  if (dice.happens(SHARE)) disturbances.push(draw(dice, "partition", 5000));
  if (dice.happens(SHARE)) disturbances.push(draw(dice, "link-down", 3000));
  if (dice.happens(SHARE)) disturbances.push(draw(dice, "pause", 3000));
  if (dice.happens(SHARE)) disturbances.push(draw(dice, "crash", 2000));
  if (second.happens(LARGE_SHARE)) disturbances.push(draw(second, "no-route", 1000));
  return disturbances;
}

/** What happens in the run of `seed`. */
export function drawPlan(seed: number): ScenarioPlan {
  const dice = new Dice(new SeededRandom(seed));
  const second = new Dice(new SeededRandom(seed + SECOND_PART));
  const clients = dice.integer(1, 2);
  const routers = clients > 1 ? dice.one([1, 2]) : dice.one([0, 1, 2, 2]);
  // Between two routers: one at a host would be the host's own, which the host knows.
  const mtu = routers === 2 && dice.happens(0.8) ? dice.integer(600, 1400) : 1500;
  return {
    hosts: Array.from({ length: clients + 1 }, () => drawHost(dice, second)),
    routers,
    there: drawDirection(dice, second, mtu),
    back: drawDirection(dice, second, mtu),
    dropThere: dice.happens(SHARE) ? [dice.integer(1, 8), dice.integer(1, 40)] : [],
    connections: Array.from({ length: dice.integer(1, 3) }, (_, i) => drawConnection(dice, clients, i === 0)),
    disturbances: drawDisturbances(dice, second, clients + 1),
  };
}
