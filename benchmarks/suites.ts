import { checksum } from "./checksum.ts";
import { demux } from "./demux.ts";
import type { Bench } from "./harness.ts";
import { headers } from "./headers.ts";
import { httpParser } from "./http-parser.ts";
import { httpPath } from "./http-path.ts";
import { simulator } from "./simulator.ts";
import { tlsTiming } from "./tls-timing.ts";
import { tlsTimingSocket } from "./tls-timing-socket.ts";
import { timerWheel } from "./timer-wheel.ts";

/** All micro-benchmarks by the name that `micro.ts` takes. */
export const suites: Readonly<Record<string, (bench: Bench) => Promise<void>>> = {
  checksum,
  demux,
  headers,
  "http-parser": httpParser,
  "http-path": httpPath,
  simulator,
  "timer-wheel": timerWheel,
  "tls-timing": tlsTiming,
  "tls-timing-socket": tlsTimingSocket,
};
