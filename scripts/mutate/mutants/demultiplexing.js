/** Whose a segment is, and who may open: RFC 9293 §3.10.7.1 and .2, RFC 6056, RFC 4987. */
export const DEMULTIPLEXING = [
  {
    id: "cookie-not-verified",
    file: "src/stack/syn-cookies.ts",
    find: " || seqDiff(cookie, this.#cookie(tuple, peerIss, made, index)) !== 0",
    replace: "",
    breaks: "While cookies are out, any ACK opens a connection, whatever its number (RFC 4987 §3.6).",
  },
  {
    id: "ephemeral-port-clash",
    file: "src/stack/tcp-layer.ts",
    find: "this.#table.find(local, port, remote, remotePort) < 0 &&",
    replace: "",
    breaks:
      "A local port is chosen whose four-tuple is in use: connecting fails although others are free (RFC 6056 §3.3.3).",
  },
  {
    id: "burst-lookup-stale",
    file: "src/stack/tcp-layer.ts",
    find: "if (this.#table.version !== version) id = this.#find(tuple);",
    replace: "",
    breaks:
      "A connection that began or ended earlier in the same batch is not seen by the segments behind (RFC 9293 §3.10.7).",
  },
  {
    id: "reset-forgets-the-syn",
    file: "src/stack/tcp-layer.ts",
    find: "seqAdd(seg.seq, seg.len), RST | ACK",
    replace: "seqAdd(seg.seq, seg.textLength), RST | ACK",
    breaks: "The RST that answers a SYN does not acknowledge it, and the peer ignores it (RFC 9293 §3.5.2).",
  },
  {
    id: "checksum-never-checked",
    file: "src/stack/tcp-layer.ts",
    find: "const pseudoSum = datagram.vouched ? -1 :",
    replace: "const pseudoSum = true ? -1 :",
    breaks: "Corrupted segments are taken although no device vouches for them (RFC 9293 MUST-3).",
  },
  {
    id: "index-moves-entries-before-home",
    file: "src/stack/four-tuple-index.ts",
    find: "if (slot === 0 || displacementOf(slot, next) === 0) break;",
    replace: "if (slot === 0) break;",
    breaks:
      "Removing one connection hides others of the same chain: their segments are answered by RST (RFC 9293 §3.10.7.1).",
  },
  {
    id: "numbers-reused-after-time-wait",
    file: "src/stack/syn-arrivals.ts",
    find: "if (previous !== null) beginAfter(connection, previous);",
    replace: "",
    breaks: "A connection that reopens one in TIME-WAIT may begin within the numbers of the old one (RFC 9293 MAY-2).",
  },
  {
    id: "backlog-unbounded",
    file: "src/tcp/listening-socket.ts",
    find: "this.#halfOpen.size < this.backlog && ",
    replace: "",
    breaks: "A SYN flood makes half-open connections without a bound (RFC 4987 §3).",
  },
];
