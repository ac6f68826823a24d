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
  hostileDatagrams: full ? 200_000 : 50_000,
  floodPings: full ? 20_000 : 2000,
} as const;

/** For one run in a namespace. */
export const timeoutMs = full ? 600_000 : 90_000;

/**
 * Segments that may be sent twice on a link that loses nothing: where the machine stalls, a tail is probed before its ACK could be
 * written (RFC 8985 §7), and rightly so.
 */
export const STALLS_MAX = 50;
