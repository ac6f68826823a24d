/** Connection states, RFC 9293 §3.3.2. */
export const CLOSED = 0,
  LISTEN = 1,
  SYN_SENT = 2,
  SYN_RECEIVED = 3,
  ESTABLISHED = 4,
  FIN_WAIT_1 = 5,
  FIN_WAIT_2 = 6,
  CLOSE_WAIT = 7,
  CLOSING = 8,
  LAST_ACK = 9,
  TIME_WAIT = 10;

export type TcpState =
  | typeof CLOSED
  | typeof LISTEN
  | typeof SYN_SENT
  | typeof SYN_RECEIVED
  | typeof ESTABLISHED
  | typeof FIN_WAIT_1
  | typeof FIN_WAIT_2
  | typeof CLOSE_WAIT
  | typeof CLOSING
  | typeof LAST_ACK
  | typeof TIME_WAIT;

const NAMES = [
  "CLOSED",
  "LISTEN",
  "SYN-SENT",
  "SYN-RECEIVED",
  "ESTABLISHED",
  "FIN-WAIT-1",
  "FIN-WAIT-2",
  "CLOSE-WAIT",
  "CLOSING",
  "LAST-ACK",
  "TIME-WAIT",
] as const;

export type TcpStateName = (typeof NAMES)[number];

/** The RFC's own name, for people. */
export const stateName = (state: TcpState): TcpStateName => NAMES[state];
