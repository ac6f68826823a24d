/**
 * How much the kernel tests move: little enough for CI, or as much as the acceptance asks for where
 * `FOURTUPLE_ACCEPTANCE=full` is set (docs/acceptance.md).
 */
export const full = process.env["FOURTUPLE_ACCEPTANCE"] === "full";

const MIB = 1 << 20;

export const scale = {
  echoOctets: (full ? 1024 : 256) * MIB,
  impairedOctets: (full ? 64 : 8) * MIB,
  fileOctets: 100 * MIB,
  bulkOctets: (full ? 1024 : 128) * MIB,
  captureOctets: 8 * MIB,
  lossyOctets: (full ? 64 : 4) * MIB,
  wrkSeconds: full ? 30 : 3,
  wrkConnections: 1000,
  idleConnections: full ? 10_000 : 5000,
  hostileDatagrams: full ? 1_000_000 : 50_000,
  floodPings: full ? 20_000 : 2000,
} as const;

/** For one run in a namespace. */
export const timeoutMs = full ? 600_000 : 90_000;

/**
 * Segments that may be sent twice on a link that loses nothing, and rightly so. The kernel holds back its ACK while a reader that
 * the scheduler has passed over leaves the window as it is; then a tail is probed (RFC 8985 §7). A connection learns from
 * each probe in vain, and waits 160 ms after the fourth; two connections at most have so much in flight here.
 */
export const STALLS_MAX = 9;
