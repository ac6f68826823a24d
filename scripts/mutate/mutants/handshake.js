/** Opening: RFC 9293 §3.5, §3.10.7.3; options of the SYN. */
export const HANDSHAKE = [
  {
    id: "syn-sent-takes-ack-of-iss",
    file: "src/tcp/handshake.ts",
    find: "seqGt(seg.ack, c.iss)",
    replace: "seqGe(seg.ack, c.iss)",
    breaks:
      "A SYN-ACK that acknowledges the ISS itself, and not our SYN, opens the connection (RFC 9293 §3.10.7.3, first).",
  },
  {
    id: "syn-sent-takes-blind-rst",
    file: "src/tcp/handshake.ts",
    find: 'if (seg.acks) c.fail("ECONNREFUSED");',
    replace: 'c.fail("ECONNREFUSED");',
    breaks:
      "An RST that acknowledges nothing, which anybody can send, refuses the connection (RFC 9293 §3.10.7.3, second).",
  },
  {
    id: "syn-window-scaled",
    file: "src/tcp/window.ts",
    find: "const shift = syn ? 0 : c.rcvWscale;",
    replace: "const shift = c.rcvWscale;",
    breaks: "The window field of SYN and SYN-ACK is scaled, and so far too small (RFC 7323 §2.2).",
  },
  {
    id: "mss-without-options",
    file: "src/tcp/connection.ts",
    find: "- TCP_HEADER) - options)",
    replace: "- TCP_HEADER))",
    breaks:
      "Timestamps are not subtracted from the MSS: full segments exceed the path's MTU (RFC 9293 MUST-16, RFC 6691 §2).",
  },
  {
    id: "iss-without-hash",
    file: "src/tcp/context.ts",
    find: "toSeq(this.#hash[0] + Math.floor(this.clock.nowUs / 4))",
    replace: "toSeq(Math.floor(this.clock.nowUs / 4))",
    breaks: "The initial sequence number can be foretold from the time alone (RFC 6528 §3, RFC 9293 MUST-9).",
  },
];
