/** Why a datagram went no further, below TCP. TCP has reasons of its own. `stats()` shows each under this very name. */
export const DROP_REASONS = [
  "ip-truncated", // Fewer octets than a header, or than Total Length says.
  "ip-version",
  "ip-header-length",
  "ip-total-length",
  "ip-checksum",
  "ip-option-malformed",
  "ip-source-route",
  "ip-source-martian",
  "ip-destination-martian",
  "ip-not-local",
  "ip-not-joined",
  "fragment-length", // Empty, or not a multiple of eight although more follow.
  "fragment-too-long",
  "fragment-tiny",
  "fragment-overlap",
  "fragment-end-conflict",
  "fragment-ecn-conflict",
  "fragment-count",
  "fragment-evicted",
  "fragment-timeout",
  "icmp-truncated",
  "icmp-checksum",
  "icmp-not-unicast",
  "icmp-ignored",
  "icmp-quote-truncated",
  "icmp-quote-foreign",
  "icmp-queue-full",
  "icmp-rate-limited",
  "icmp-not-answerable",
  "ip-no-route",
  "ip-needs-fragmenting",
  "udp-truncated",
  "udp-length",
  "udp-checksum",
] as const;

export type DropReason = (typeof DROP_REASONS)[number];

/** One count per reason, all zero. */
export type DropCounters = Record<DropReason, number>;

export const newDropCounters = (): DropCounters =>
  Object.fromEntries(DROP_REASONS.map((reason) => [reason, 0])) as DropCounters;
