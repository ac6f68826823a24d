/** Packets written as packetdrill writes them, for messages. */
import { ACK_FLAG, FLAG_LETTERS, ICMP_CODES, ICMP_TYPES } from "./packet-parser.ts";
import type { PacketSpec, TcpOption } from "./script.ts";

export const showFlags = (flags: number): string => {
  const letters = FLAG_LETTERS.filter(([, bit]) => (flags & bit) !== 0).map(([letter]) => letter);
  return letters.join("") + ((flags & ACK_FLAG) !== 0 ? "." : "") || "-";
};

export function showOption(option: TcpOption): string {
  const { name, numbers } = option;
  switch (name) {
    case "sack":
      return `sack ${pairs(numbers)}`;
    case "TS":
      return `TS val ${String(numbers[0])} ecr ${String(numbers[1])}`;
    case "FO":
    case "FOEXP":
    case "unknown":
      return [name, ...numbers.map(String), option.blob ?? ""].join(" ").trim();
    case "nop":
    case "eol":
    case "sackOK":
    case "mss":
    case "wscale":
      return [name, ...numbers.map(String)].join(" ");
  }
}

const pairs = (edges: readonly number[]): string =>
  edges.flatMap((edge, i) => (i % 2 === 0 ? [`${String(edge)}:${String(edges[i + 1])}`] : [])).join(" ");

const showOptions = (options: readonly TcpOption[] | null): string => {
  if (options === null) return " <...>";
  return options.length === 0 ? "" : ` <${options.map(showOption).join(",")}>`;
};

const nameOf = (names: readonly (readonly [string, number])[], value: number): string =>
  names.find(([, known]) => known === value)?.[0] ?? String(value);

/** "0.100000 S. 0:0(0) ack 1 win 65535 <mss 1460>": a time in seconds of the script, then the packet. */
export function showPacket(us: number | null, packet: PacketSpec): string {
  const time = us === null ? "" : `${seconds(us)} `;
  const { ecn, tos } = packet.ip;
  const ip = ecn !== undefined ? `[${ecn}] ` : tos !== undefined ? `(tos 0x${tos.toString(16)}) ` : "";
  const ports = packet.ports === undefined ? "" : `${packet.ports.map(String).join(" > ")} `;
  return time + ip + ports + showBody(packet);
}

function showBody(packet: PacketSpec): string {
  switch (packet.protocol) {
    case "udp":
      return `udp (${String(packet.length)})`;
    case "icmp": {
      const code = packet.icmpType === 3 ? ` ${nameOf(ICMP_CODES, packet.icmpCode)}` : "";
      const quoted = packet.quotedTcp;
      const quote = quoted === undefined ? "" : ` [${showRange(quoted.seq, quoted.length)}]`;
      const mtu = packet.mtu === undefined ? "" : ` mtu ${String(packet.mtu)}`;
      return `icmp ${nameOf(ICMP_TYPES, packet.icmpType)}${code}${mtu}${quote}`;
    }
    case "tcp": {
      const { flags, seq, length, ack, win, urg } = packet;
      const parts = [showFlags(flags), showRange(seq, length)];
      if ((flags & ACK_FLAG) !== 0) parts.push(`ack ${String(ack)}`);
      if (win !== undefined) parts.push(`win ${String(win)}`);
      if (urg !== 0) parts.push(`urg ${String(urg)}`);
      return parts.join(" ") + showOptions(packet.options);
    }
  }
}

const showRange = (seq: number, length: number): string =>
  `${String(seq)}:${String((seq + length) >>> 0)}(${String(length)})`;

export const seconds = (us: number): string => (us / 1e6).toFixed(6);
