/** IPv4 and ICMP: RFC 791, 1122, 5927, 3168. */
export const NETWORK = [
  {
    id: "fragment-overlap-accepted",
    file: "src/ipv4/partial-datagram.ts",
    find: 'return place < count && this.#starts[place] < end ? "fragment-overlap" : place;',
    replace: "return place;",
    breaks: "A fragment that reaches into the next one is taken (RFC 5722 §4, RFC 1858 §3).",
  },
  {
    id: "fragments-of-two-sources-mixed",
    file: "src/ipv4/partial-datagram.ts",
    find: "this.source === fragment.source &&",
    replace: "",
    breaks: "Fragments of different sources with one identification are put together (RFC 791 §3.2).",
  },
  {
    id: "tcp-header-split",
    file: "src/ipv4/reassembly.ts",
    find: 'if (fragment.fragmentOffset === FRAGMENT_UNIT) return "fragment-tiny";',
    replace: "",
    breaks: "A fragment at offset 1 may rewrite the TCP header (RFC 3128 §3).",
  },
  {
    id: "congestion-mark-lost",
    file: "src/ipv4/partial-datagram.ts",
    find: "tos |= ECN_CE;",
    replace: "",
    breaks: "A congestion mark of one fragment does not mark the whole datagram (RFC 3168 §5.3).",
  },
  {
    id: "default-route-first",
    file: "src/ipv4/routes.ts",
    find: "(b.mask >>> 0) - (a.mask >>> 0)",
    replace: "b.mask - a.mask",
    breaks:
      "Masks are compared with their sign: the default route wins over every other (RFC 1122 §3.3.1, longest match).",
  },
  {
    id: "reassembled-still-vouched",
    file: "src/ipv4/partial-datagram.ts",
    find: "into.vouched = false;",
    replace: "",
    breaks:
      "The device's word for one fragment is taken for the whole: its transport checksum is not checked (RFC 9293 MUST-3).",
  },
  {
    id: "icmp-sequence-unchecked",
    file: "src/tcp/icmp-errors.ts",
    find: "if (!isInFlight(c, quoted)) return;",
    replace: "",
    breaks:
      "ICMP errors are believed whatever sequence number they quote: a blind attacker refuses connections (RFC 5927 §4.1).",
  },
  {
    id: "error-about-broadcast",
    file: "src/icmp/icmp.ts",
    find: "if (!datagram.toHost || datagram.fragmentOffset > 0)",
    replace: "if (datagram.fragmentOffset > 0)",
    breaks: "A datagram that was sent to everybody is answered with an ICMP error (RFC 1122 §3.2.2).",
  },
];
