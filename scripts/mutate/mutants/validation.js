/** Whether a segment is believed: RFC 9293 §3.10.7.4, RFC 7323 §5, RFC 5961. */
export const VALIDATION = [
  {
    id: "window-check-skipped",
    file: "src/tcp/segment-arrives.ts",
    find: "if (!isAcceptable(c, seg.seq, seg.len)) {",
    replace: "if (false) {",
    breaks: "Segments outside of the window are processed (RFC 9293 §3.10.7.4, first).",
  },
  {
    id: "segment-before-window-taken",
    file: "src/tcp/window.ts",
    find: "offset >= 0 && offset < window",
    replace: "offset < window",
    breaks:
      "A segment without text before RCV.NXT, a keep-alive probe, is taken in silence instead of answered (RFC 9293 §3.10.7.4, first).",
  },
  {
    id: "paws-dropped",
    file: "src/tcp/segment-arrives.ts",
    find: "!seg.rst && !checkTimestamps(c, seg)",
    replace: "!seg.rst && !seg.hasTimestamps",
    breaks: "A segment with a timestamp older than TS.Recent is taken (RFC 7323 §5.3 R1).",
  },
  {
    id: "paws-without-wrap",
    file: "src/tcp/timestamps.ts",
    find: "((seg.tsVal - c.tsRecent) | 0) >= 0",
    replace: "seg.tsVal >= c.tsRecent",
    breaks: "Once the peer's timestamps wrap around, all that it sends is dropped (RFC 7323 §5.2).",
  },
  {
    id: "ts-recent-from-beyond-a-hole",
    file: "src/tcp/timestamps.ts",
    find: "c.has(TIMESTAMPS) && seqLe(seg.seq, c.lastAckSent)",
    replace: "c.has(TIMESTAMPS)",
    breaks:
      "TS.Recent follows segments out of order: ACKs echo the wrong time, and the segment that fills the hole may fail PAWS (RFC 7323 §4.3).",
  },
  {
    id: "rst-anywhere-in-window",
    file: "src/tcp/segment-arrives.ts",
    find: "if (seg.seq !== c.rcvNxt) {",
    replace: "if (seqLt(seg.seq, c.rcvNxt)) {",
    breaks: "An RST anywhere in the window ends the connection (RFC 5961 §3.2).",
  },
  {
    id: "syn-in-window-resets",
    file: "src/tcp/segment-arrives.ts",
    find: "if (!seg.syn) return true;",
    replace:
      'if (!seg.syn) return true;\n  if (c.state === ESTABLISHED) {\n    c.fail("ECONNRESET");\n    return false;\n  }',
    breaks:
      "A SYN in the window ends an established connection, as RFC 793 had it, instead of being challenged (RFC 5961 §4.2).",
  },
  {
    id: "ancient-ack-taken",
    file: "src/tcp/segment-arrives.ts",
    find: " || seqLt(seg.ack, seqAdd(c.sndUna, -c.maxSndWnd))",
    replace: "",
    breaks: "Text comes in with any old acknowledgment number: a blind injector need not guess it (RFC 5961 §5.2).",
  },
];
