import { randomBelow, randomUnit, SeededRandom } from "../../src/base/random.ts";
import type { Impairment } from "../../src/device/impairment.ts";
import type { TcpConfig } from "../../src/tcp/config.ts";

/** How an application ends its connection. */
export type Ending =
  /** Ends its side once everything is sent. */
  | "end"
  /** Ends its side once everything is sent and the peer has ended. */
  | "after-peer"
  /** Ends its side, then goes away without reading the rest. */
  | "close"
  /** Goes away with a reset in the middle. */
  | "abort";

/** What one application does with its connection. */
export interface AppPlan {
  readonly octets: number;
  readonly writeMax: number;
  /** Chance of a pause between two writes, and its length at most. */
  readonly writePause: number;
  readonly pauseMsMax: number;
  /** Whether octets are lent to it (`data`) or read by it (`readable`). */
  readonly lent: boolean;
  /** Chance that it stops reading for a while whenever something arrives. */
  readonly readPause: number;
  readonly copies: boolean;
  readonly noDelay: boolean;
  readonly ending: Ending;
  /** When "abort" and "close" happen, after the connection is there. */
  readonly leaveAtMs: number;
}

export interface ConnectionPlan {
  /** Which host opens it; its server is the next one. */
  readonly opener: number;
  readonly startMs: number;
  /** Of the opener, of the acceptor. */
  readonly apps: readonly [AppPlan, AppPlan];
}

/** Everything that happens in a run; a pure function of the seed. */
export interface Plan {
  readonly seed: number;
  readonly hosts: number;
  readonly offload: boolean;
  readonly mtu: number;
  readonly faults: Impairment;
  /** Times in which nothing passes at all. */
  readonly partitions: readonly { readonly atMs: number; readonly lengthMs: number }[];
  /** When host 1 is cut off for good. */
  readonly vanishAtMs: number | null;
  readonly tcp: Partial<TcpConfig>;
  readonly connections: readonly ConnectionPlan[];
}

class Dice {
  readonly #random: SeededRandom;
  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }
  chance = (probability: number): boolean => randomUnit(this.#random) < probability;
  /** In [low, high]. */
  between = (low: number, high: number): number => low + randomBelow(this.#random, high - low + 1);
  /** In [0, most): small values are as likely as large ones. */
  fraction = (most: number): number => randomUnit(this.#random) ** 2 * most;
  pick = <T>(values: readonly [T, ...T[]]): T => values[randomBelow(this.#random, values.length)] ?? values[0];
}

function appPlan(dice: Dice, mayWait: boolean, rough: boolean): AppPlan {
  const endings: readonly [Ending, ...Ending[]] = rough
    ? ["end", "end", "end", "close", "abort"]
    : mayWait
      ? ["end", "after-peer"]
      : ["end"];
  return {
    octets: dice.pick([0, 1, dice.between(1, 3000), dice.between(1, 60_000), dice.between(1, 300_000)]),
    writeMax: dice.pick([1, 100, 1460, 5000, 70_000]),
    writePause: dice.pick([0, 0, 0.05, 0.5]),
    pauseMsMax: dice.pick([5, 300, 3000]),
    lent: dice.chance(0.5),
    readPause: dice.pick([0, 0, 0.02, 0.3]),
    copies: dice.chance(0.5),
    noDelay: dice.chance(0.3),
    ending: dice.pick(endings),
    leaveAtMs: dice.between(0, 3000),
  };
}

/** Writes of one octet are for short streams, or a run would take all day. */
const bounded = (app: AppPlan): AppPlan =>
  app.octets > 200 * app.writeMax || (app.writePause > 0 && app.octets > 40 * app.writeMax)
    ? { ...app, octets: (app.octets % (40 * app.writeMax)) + 1 }
    : app;

function faults(dice: Dice): Impairment {
  const severity = dice.pick([0, 0.1, 1, 1]);
  return {
    loss: dice.fraction(0.3 * severity),
    duplicate: dice.fraction(0.2 * severity),
    reorder: dice.fraction(0.3 * severity),
    corrupt: dice.fraction(0.1 * severity),
    delayMs: dice.pick([0, dice.between(1, 30), dice.between(30, 300)]),
    jitterMs: dice.chance(0.3) ? dice.between(1, 100) : 0,
    ...(dice.chance(0.3)
      ? { rateBitsPerSecond: dice.between(200_000, 20_000_000), queueOctets: dice.between(5000, 100_000) }
      : {}),
  };
}

export function planOf(seed: number): Plan {
  const dice = new Dice(seed);
  const hosts = dice.chance(0.12) ? dice.between(3, 6) : 2;
  const rough = dice.chance(0.35);
  const connections: ConnectionPlan[] = [];
  for (let left = dice.between(1, hosts === 2 ? 4 : 8); left > 0; left--) {
    const opener = appPlan(dice, true, rough);
    const acceptor = appPlan(dice, opener.ending !== "after-peer", rough);
    connections.push({
      opener: dice.between(0, hosts - 1),
      startMs: dice.pick([0, dice.between(0, 2000)]),
      apps: [bounded(opener), bounded(acceptor)],
    });
  }
  const partitions = dice.chance(0.2)
    ? Array.from({ length: dice.between(1, 3) }, () => ({
        atMs: dice.between(0, 5000),
        lengthMs: dice.between(100, 20_000),
      }))
    : [];
  return {
    seed,
    hosts,
    offload: hosts === 2 && dice.chance(0.5),
    mtu: dice.pick([1500, 1500, 576, 1280, 9000]),
    faults: faults(dice),
    partitions,
    vanishAtMs: dice.chance(0.1) ? dice.between(0, 5000) : null,
    tcp: {
      receiveBuffer: dice.pick([1 << 20, 65_536, 8192, 3000]),
      sendHighWater: dice.pick([1 << 18, 20_000, 2000]),
      initialWindowSegments: dice.pick([10, 10, 2, 1]),
      outOfOrderSegmentsMax: dice.pick([4096, 4096, 8]),
    },
    connections,
  };
}
