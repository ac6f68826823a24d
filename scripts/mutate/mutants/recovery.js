/** Loss and time: RFC 6298, 5681, 6582, 6675, 8985, 9438, 3522. */
export const RECOVERY = [
  {
    id: "karn-ignored",
    file: "src/tcp/acknowledgment.ts",
    find: "(RETRANSMITTED | SACKED)",
    replace: "SACKED",
    breaks: "Segments that were sent twice give round-trip samples (RFC 6298 §3, Karn's algorithm).",
  },
  {
    id: "rto-not-restarted",
    file: "src/tcp/acknowledgment.ts",
    find: "if (c.flightSize > 0) watchLoss(c, sender);",
    replace: "if (c.flightSize > 0) return;",
    breaks:
      "An ACK of new data does not restart the retransmission timer: it expires although the peer makes progress (RFC 6298 (5.3)).",
  },
  {
    id: "backoff-not-cleared",
    file: "src/tcp/rtt.ts",
    find: "c.backoff = 0;",
    replace: "",
    breaks: "The RTO stays doubled after a new round-trip sample (RFC 6298 §5, its last note).",
  },
  {
    id: "sack-trusted-after-timeout",
    file: "src/tcp/recovery.ts",
    find: "~(SACKED | COPY_IN_FLIGHT)",
    replace: "~COPY_IN_FLIGHT",
    breaks: "What a peer has reported by SACK and thrown away since is never sent again (RFC 2018 §8).",
  },
  {
    id: "cwnd-not-reduced",
    file: "src/tcp/congestion/cubic.ts",
    find: "Math.floor(window.cwnd * BETA)",
    replace: "window.cwnd",
    breaks: "CUBIC does not make its window smaller after a loss (RFC 9438 §4.6).",
  },
  {
    id: "partial-ack-ignored",
    file: "src/tcp/recovery.ts",
    find: "if (sender.phase === FAST_RECOVERY) markHeadLost(c, sender);",
    replace: "",
    breaks:
      "Without SACK, a partial ACK does not send the next hole again: each further loss costs a time-out (RFC 6582 §3.2 step 3).",
  },
  {
    id: "eifel-sign-wrong",
    file: "src/tcp/undo.ts",
    find: "((tsEcr - (this.#headAtMs + tsOffset)) | 0) < 0",
    replace: "((tsEcr - (this.#headAtMs + tsOffset)) | 0) >= 0",
    breaks: "A recovery from a real loss is taken back, one from a spurious time-out is not (RFC 3522 §3.2).",
  },
  {
    id: "no-reordering-window",
    file: "src/tcp/rack.ts",
    find: "return Math.min((this.#reoWndMult * minRttUs) >> 2, srttUs);",
    replace: "return 0;",
    breaks: "What is merely reordered counts as lost (RFC 8985 §6.2 step 4).",
  },
];
