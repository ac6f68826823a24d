/** Counts over a stack's life, named as in RFC 4022 where it has a name; the others say what was done. */
export class TcpCounters {
  activeOpens = 0;
  passiveOpens = 0;
  attemptFails = 0;
  estabResets = 0;
  currEstab = 0;
  inSegs = 0;
  outSegs = 0;
  retransSegs = 0;
  inErrs = 0;
  outRsts = 0;
  /** RSTs not sent because of the limit per second. */
  outRstsSuppressed = 0;
  challengeAcks = 0;
  challengeAcksSuppressed = 0;
  /** ACKs of text outside the window that were put off, to serve for all such text of a connection. */
  staleAcksDelayed = 0;
  /** SYNs dropped because a listener's SYN queue was full. */
  synQueueOverflows = 0;
  /** SYN cookies: sent, come back, and ACKs that were none while some were out. */
  synCookiesSent = 0;
  synCookiesReceived = 0;
  synCookiesFailed = 0;
  /** Handshakes that had to wait because a listener's accept queue was full. */
  acceptQueueOverflows = 0;
  /** SYNs dropped because of `connectionsMax`. */
  connectionsRefused = 0;
  timeWaitOverflows = 0;
  rtoExpirations = 0;
  fastRetransmits = 0;
  zeroWindowProbes = 0;
  /** CE marks received, and reductions of the window because of the peer's ECE: RFC 3168. */
  ceMarks = 0;
  ecnReductions = 0;
  /** Paths that swallowed full segments in silence: smaller ones were sent from then on. */
  blackHoles = 0;
  tailLossProbes = 0;
  keepAliveProbes = 0;
  /** Closed connections whose last octets were given up after `lingerMs`. */
  lingersExpired = 0;
  /** Responses to a loss that was none, taken back: RFC 4015. */
  spuriousRecoveries = 0;
  /** Duplicates of ours that the peer has reported: RFC 2883. */
  dsacksReceived = 0;
  outOfOrderSegs = 0;
  outOfOrderDropped = 0;
  /** Segments kept beyond a hole and given up again for want of memory. */
  outOfOrderPruned = 0;
  /** Segments in order of which not all was taken for want of memory: Linux's TCPRcvQDrop. */
  receiveQueueDropped = 0;
  /** Connections ended because their owner sent on without waiting for `drain`. */
  sendQueueOverflows = 0;
  /** Connections that nobody owned any more and that were reset because memory was tight. */
  orphansReset = 0;
  duplicateSegs = 0;
  outsideWindow = 0;
  pawsDropped = 0;
  brokenInvariants = 0;
}
