/** Text and FIN on their way in: RFC 9293 §3.10.7.4, seventh and eighth; RFC 2018 and RFC 2883. */
export const RECEIVING = [
  {
    id: "overlap-kept-from-its-start",
    file: "src/tcp/out-of-order.ts",
    find: "at + seqDiff(from, seq)",
    replace: "at",
    breaks:
      "Of a segment that overlaps what is kept beyond a hole, the wrong octets are stored (RFC 9293 §3.10.7.4, seventh).",
  },
  {
    id: "fin-before-a-hole-taken",
    file: "src/tcp/text-arrives.ts",
    find: "fin = at === c.rcvNxt;",
    replace: "fin = seqGe(at, c.rcvNxt);",
    breaks: "A FIN behind a hole ends the stream before the text that is still missing (RFC 9293 §3.10.7.4, eighth).",
  },
  {
    id: "fin-counted-twice",
    file: "src/tcp/text-arrives.ts",
    find: "c.advanceRcvNxt(1);",
    replace: "c.advanceRcvNxt(2);",
    breaks: "A FIN takes two sequence numbers: the ACK of it goes one too far (RFC 9293 §3.4).",
  },
  {
    id: "dsack-not-reported",
    file: "src/tcp/segment-arrives.ts",
    find: "if (seqLe(finSeq(seg), c.rcvNxt)) reportDuplicate(c, seg.seq, finSeq(seg));",
    replace: "",
    breaks: "Text that comes a second time below RCV.NXT is not reported as a duplicate (RFC 2883 §4.1).",
  },
];
