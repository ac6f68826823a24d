/** `%{ tcpi_… }%`: the fields of Linux's `struct tcp_info` from `socket.info()`. */
import type { TcpSocket } from "../../src/stack/tcp-service.ts";
import type { TcpStateName } from "../../src/tcp/states.ts";

/** Linux's numbers; what `tcpi_state` is compared with. */
const STATES: Readonly<Record<TcpStateName, readonly [name: string, value: number]>> = {
  ESTABLISHED: ["TCP_ESTABLISHED", 1],
  "SYN-SENT": ["TCP_SYN_SENT", 2],
  "SYN-RECEIVED": ["TCP_SYN_RECV", 3],
  "FIN-WAIT-1": ["TCP_FIN_WAIT1", 4],
  "FIN-WAIT-2": ["TCP_FIN_WAIT2", 5],
  "TIME-WAIT": ["TCP_TIME_WAIT", 6],
  CLOSED: ["TCP_CLOSE", 7],
  "CLOSE-WAIT": ["TCP_CLOSE_WAIT", 8],
  "LAST-ACK": ["TCP_LAST_ACK", 9],
  LISTEN: ["TCP_LISTEN", 10],
  CLOSING: ["TCP_CLOSING", 11],
};

const OPTION_BITS: Readonly<Record<string, number>> = {
  TCPI_OPT_TIMESTAMPS: 1,
  TCPI_OPT_SACK: 2,
  TCPI_OPT_WSCALE: 4,
  TCPI_OPT_ECN: 8,
};
const SSTHRESH_INFINITE = 0x7fff_ffff;

/** Counts are in segments and times in microseconds where Linux has them so. */
const FIELDS: Readonly<Record<string, (socket: TcpSocket, info: ReturnType<TcpSocket["info"]>) => number>> = {
  tcpi_state: (_, info) => STATES[info.state][1],
  tcpi_options: (_, info) =>
    Number(info.options.timestamps) + 2 * Number(info.options.sack) + 4 * Number(info.options.windowScale),
  tcpi_snd_wscale: (_, info) => info.sndWscale,
  tcpi_rcv_wscale: (_, info) => info.rcvWscale,
  tcpi_rto: (_, info) => info.rtoMs * 1000,
  tcpi_rtt: (_, info) => Math.round(info.rttMs * 1000),
  tcpi_rttvar: (_, info) => Math.round(info.rttvarMs * 1000),
  tcpi_snd_mss: (_, info) => info.sndMss,
  tcpi_snd_cwnd: (_, info) => Math.floor(info.cwnd / info.sndMss),
  tcpi_snd_ssthresh: (_, info) =>
    info.ssthresh === Infinity ? SSTHRESH_INFINITE : Math.floor(info.ssthresh / info.sndMss),
  tcpi_snd_wnd: (_, info) => info.sndWnd,
  tcpi_rcv_wnd: (_, info) => info.rcvWnd,
  tcpi_unacked: (_, info) => Math.ceil(info.unacked / info.sndMss),
  tcpi_notsent_bytes: (_, info) => info.notSent,
  tcpi_retransmits: (_, info) => info.retransmits,
  tcpi_backoff: (_, info) => info.retransmits,
  tcpi_total_retrans: (_, info) => info.totalRetrans,
  tcpi_bytes_received: (socket) => socket.bytesRead,
};

export const isKnown = (name: string): boolean =>
  name in FIELDS || name in OPTION_BITS || Object.values(STATES).some(([known]) => known === name);

export function variablesOf(socket: TcpSocket): Map<string, number> {
  const info = socket.info();
  const variables = new Map<string, number>([...Object.entries(OPTION_BITS), ...Object.values(STATES)]);
  for (const [name, field] of Object.entries(FIELDS)) variables.set(name, field(socket, info));
  return variables;
}
