/** Closing, lingering, and who is still there: RFC 9293 §3.6 and §3.8.4. */
export const CLOSING = [
  {
    id: "time-wait-not-restarted",
    file: "src/tcp/segment-arrives.ts",
    find: "if (seg.fin && c.state === TIME_WAIT && finSeq(seg) === seqAdd(c.rcvNxt, -1)) c.enter(TIME_WAIT);",
    replace: "",
    breaks: "A FIN that comes again in TIME-WAIT does not start the 2 MSL anew (RFC 9293 §3.10.7.4, eighth).",
  },
  {
    id: "closing-skipped",
    file: "src/tcp/text-arrives.ts",
    find: "c.enter(CLOSING);",
    replace: "c.enter(TIME_WAIT);",
    breaks: "In a simultaneous close our own FIN is forgotten before it was acknowledged (RFC 9293 §3.6, Figure 5).",
  },
  {
    id: "keep-alive-answers-forgotten",
    file: "src/tcp/keep-alive.ts",
    find: "this.#unanswered = 0;",
    replace: "",
    breaks: "Answered probes count as unanswered: an idle connection ends after the ninth (RFC 9293 §3.8.4, MUST-29).",
  },
];
