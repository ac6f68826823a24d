/** Windows: RFC 9293 §3.8.6. */
export const FLOW_CONTROL = [
  {
    id: "persist-not-armed",
    file: "src/tcp/output.ts",
    find: "armPersist(c);",
    replace: "",
    breaks: "A closed window is not probed: where its update is lost, both sides wait for ever (RFC 9293 MUST-36).",
  },
  {
    id: "zero-window-counts-as-silence",
    file: "src/tcp/acknowledgment.ts",
    find: "if (window === 0) {",
    replace: "if (false) {",
    breaks: "A peer that answers every probe with a closed window is given up after R2 (RFC 9293 MUST-37).",
  },
  {
    id: "window-from-old-segment",
    file: "src/tcp/acknowledgment.ts",
    find: "if (!newer) return;",
    replace: "",
    breaks:
      "A reordered segment brings an old window back: SND.WL1 and SND.WL2 are not asked (RFC 9293 §3.10.7.4, fifth).",
  },
  {
    id: "receiver-silly-window",
    file: "src/tcp/window.ts",
    find: "return gain >= Math.min(halfBuffer(c), c.rcvMss);",
    replace: "return gain > 0;",
    breaks: "The receiver offers slivers of window (RFC 9293 MUST-39).",
  },
  {
    id: "sender-silly-window",
    file: "src/tcp/output.ts",
    find: "return window <= congestion && room >= c.maxSndWnd >> 1 ? room : 0;",
    replace: "return room;",
    breaks: "The sender fills slivers of window with small segments (RFC 9293 MUST-38).",
  },
  {
    id: "resent-beyond-window",
    file: "src/tcp/output.ts",
    find: "Math.min(congestion, windowBehind(c, sender.inFlight.start(i)))",
    replace: "congestion",
    breaks: "After the peer has shrunk its window, retransmissions go beyond it (RFC 9293 SHLD-16, MUST-34).",
  },
];
