import { type TokenStream, readInt } from "./lexer.ts";
import {
  type EcnCheck,
  type IcmpSpec,
  type IpSpec,
  type PacketSpec,
  type TcpOption,
  type TcpSpec,
  Unsupported,
} from "./script.ts";

/** Letters of control bits; "." is ACK. RFC 9293 §3.1. */
export const FLAG_LETTERS: readonly (readonly [string, number])[] = [
  ["S", 0x02],
  ["F", 0x01],
  ["R", 0x04],
  ["P", 0x08],
  ["U", 0x20],
  ["E", 0x40],
  ["W", 0x80],
];
export const ACK_FLAG = 0x10;

export const ICMP_TYPES: readonly (readonly [string, number])[] = [
  ["echo_reply", 0],
  ["unreachable", 3],
  ["source_quench", 4],
  ["redirect", 5],
  ["echo_request", 8],
  ["time_exceeded", 11],
  ["parameter_problem", 12],
];
/** Codes of "unreachable": RFC 792, RFC 1122 §3.2.2.1, RFC 1812 §5.2.7.1. */
export const ICMP_CODES: readonly (readonly [string, number])[] = [
  ["net_unreachable", 0],
  ["host_unreachable", 1],
  ["protocol_unreachable", 2],
  ["port_unreachable", 3],
  ["frag_needed", 4],
  ["source_route_failed", 5],
  ["net_unknown", 6],
  ["host_unknown", 7],
  ["source_host_isolated", 8],
  ["net_prohibited", 9],
  ["host_prohibited", 10],
  ["net_unreachable_for_tos", 11],
  ["host_unreachable_for_tos", 12],
  ["packet_filtered", 13],
  ["precedence_violation", 14],
  ["precedence_cutoff", 15],
];
/** Codes of "time_exceeded": RFC 792. */
const TIME_CODES: readonly (readonly [string, number])[] = [
  ["ttl_exceeded_in_transit", 0],
  ["frag_reass_exceeded", 1],
];

const ECN_WORDS: readonly string[] = ["noecn", "ect0", "ect1", "ect01", "ce"] satisfies EcnCheck[];

/** From the "<" or ">" on. */
export function parsePacket(tokens: TokenStream): PacketSpec {
  const inbound = tokens.next().text === "<";
  refuseTunnels(tokens);
  const ip = parseIp(tokens);
  refuseTunnels(tokens);
  const base = { type: "packet", inbound, ip } as const;
  if (tokens.take("icmp")) return { ...base, ...parseIcmp(tokens) };
  if (tokens.take("udp")) {
    const ports = parsePorts(tokens);
    tokens.expect("(");
    const length = tokens.expectInt("the length of a datagram");
    tokens.expect(")");
    return { ...base, ...ports, protocol: "udp", length };
  }
  return { ...base, ...parsePorts(tokens), ...parseTcp(tokens) };
}

function refuseTunnels(tokens: TokenStream): void {
  for (const word of ["ipv4", "ipv6", "gre", "GREv0", "mpls", "encap"]) {
    if (tokens.is(word)) throw new Unsupported(`packets inside ${word} are not spoken here`);
  }
}

function parseIp(tokens: TokenStream): IpSpec {
  const close = tokens.is("[") ? "]" : tokens.is("(") ? ")" : null;
  if (close === null) return {};
  tokens.next();
  const ip: { ecn?: EcnCheck; tos?: number; ttl?: number } = {};
  while (!tokens.take(close)) {
    const word = tokens.next().text;
    if (ECN_WORDS.includes(word)) ip.ecn = word as EcnCheck;
    else if (word === "tos") ip.tos = tokens.expectInt("a TOS octet");
    else if (word === "ttl") ip.ttl = tokens.expectInt("a TTL");
    else if (word === "ecn" && ECN_WORDS.includes(tokens.peek()?.text ?? "")) ip.ecn = tokens.next().text as EcnCheck;
    else if (word === "flowlabel" || word === "hlim" || word === "class")
      throw new Unsupported(`${word} belongs to IPv6`);
    else if (word !== ",") tokens.fail(`"${word}" is nothing of an IP header`);
  }
  return ip;
}

function parsePorts(tokens: TokenStream): { ports?: readonly [number, number] } {
  if (!tokens.isKind("int") || !tokens.is(">", 1)) return {};
  const source = tokens.expectInt("a port");
  tokens.expect(">");
  return { ports: [source, tokens.expectInt("a port")] };
}

function parseTcp(tokens: TokenStream): Omit<TcpSpec, "type" | "inbound" | "ip" | "ports"> {
  const flags = parseFlags(tokens);
  const { seq, length } = parseSequence(tokens);
  let ack = 0;
  if (tokens.take("ack")) ack = tokens.expectInt("an acknowledgment number");
  const win = tokens.take("win") ? tokens.expectInt("a window") : undefined;
  const urg = tokens.take("urg") ? tokens.expectInt("an urgent pointer") : 0;
  const options = parseOptions(tokens);
  if (tokens.is("/")) throw new Unsupported("TCP inside UDP is not spoken here");
  return { protocol: "tcp", flags, seq, length, ack, urg, options, ...(win === undefined ? {} : { win }) };
}

function parseFlags(tokens: TokenStream): number {
  if (tokens.take("-")) return 0;
  let flags = 0;
  const word = tokens.takeKind("word");
  for (const letter of word ?? "") {
    const bit = FLAG_LETTERS.find(([known]) => known === letter)?.[1];
    if (letter === "A" || /[0-9]/.test(letter))
      throw new Unsupported("accurate ECN (the ACE field) is not in the stack");
    if (bit === undefined) tokens.fail(`"${letter}" is no control bit`);
    flags |= bit;
  }
  if (tokens.isKind("float")) throw new Unsupported("accurate ECN (the ACE field) is not in the stack");
  if (tokens.take(".")) flags |= ACK_FLAG;
  else if (word === null) tokens.fail(`expected control bits instead of "${tokens.peek()?.text ?? ""}"`);
  return flags;
}

function parseSequence(tokens: TokenStream): { seq: number; length: number } {
  if (tokens.isKind("ellipsis")) throw new Unsupported("sequence numbers that are not compared");
  const seq = tokens.expectInt("a sequence number");
  tokens.expect(":");
  const end = tokens.expectInt("the sequence number behind the text");
  tokens.expect("(");
  const length = tokens.expectInt("the length of the text");
  tokens.expect(")");
  if (tokens.is("!")) throw new Unsupported("sequence numbers that are not mapped");
  if (((seq + length - end) | 0) !== 0) tokens.fail("inconsistent TCP sequence numbers and payload length");
  return { seq, length };
}

function parseOptions(tokens: TokenStream): TcpOption[] | null {
  if (!tokens.take("<")) return [];
  if (tokens.takeKind("ellipsis") !== null) {
    tokens.expect(">");
    return null;
  }
  const options: TcpOption[] = [];
  do options.push(parseOption(tokens));
  while (tokens.take(","));
  tokens.expect(">");
  return options;
}

function parseOption(tokens: TokenStream): TcpOption {
  const name = tokens.next().text;
  switch (name) {
    case "nop":
    case "eol":
    case "sackOK":
      return { name, numbers: [] };
    case "mss":
    case "wscale":
      return { name, numbers: [tokens.expectInt(`the value of ${name}`)] };
    case "sack":
      return { name, numbers: parseBlocks(tokens) };
    case "TS": {
      tokens.expect("val");
      const val = tokens.expectInt("TS val");
      tokens.expect("ecr");
      return { name, numbers: [val, tokens.expectInt("TS ecr")] };
    }
    case "FO":
    case "FOEXP": {
      const blob = tokens.takeKind("word") ?? tokens.takeKind("int") ?? "";
      return { name, numbers: [], blob };
    }
    case "md5":
    case "ECN":
      throw new Unsupported(`TCP option ${name} is not in the stack`);
    default:
      return tokens.fail(`"${name}" is no TCP option`);
  }
}

function parseBlocks(tokens: TokenStream): number[] {
  const edges: number[] = [];
  while (tokens.isKind("int")) {
    edges.push(tokens.expectInt("a SACK edge"));
    tokens.expect(":");
    edges.push(tokens.expectInt("a SACK edge"));
  }
  if (edges.length === 0) tokens.fail("expected SACK blocks");
  return edges;
}

function parseIcmp(tokens: TokenStream): Omit<IcmpSpec, "type" | "inbound" | "ip" | "ports"> {
  const typeName = tokens.expectKind("word", "an ICMP type");
  const type = ICMP_TYPES.find(([name]) => name === typeName);
  if (type === undefined) throw new Unsupported(`ICMP type ${typeName}`);
  const spec: { icmpCode: number; mtu?: number; id?: number; quotedTcp?: IcmpSpec["quotedTcp"]; quotedUdp?: number } = {
    icmpCode: 0,
  };
  for (;;) {
    if (tokens.take("mtu")) spec.mtu = tokens.expectInt("an MTU");
    else if (tokens.take("id")) spec.id = tokens.expectInt("an identifier");
    else if (tokens.take("[")) {
      if (tokens.take("udp")) spec.quotedUdp = parseLength(tokens);
      else if (tokens.take("raw")) throw new Unsupported("raw sockets are not in the stack");
      else spec.quotedTcp = parseSequence(tokens);
      tokens.expect("]");
    } else if (tokens.isKind("word")) {
      spec.icmpCode = parseCode(tokens, type[1] === 3 ? ICMP_CODES : type[1] === 11 ? TIME_CODES : []);
    } else break;
  }
  return { protocol: "icmp", icmpType: type[1], ...spec } as Omit<IcmpSpec, "type" | "inbound" | "ip" | "ports">;
}

function parseCode(tokens: TokenStream, codes: readonly (readonly [string, number])[]): number {
  const name = tokens.expectKind("word", "an ICMP code");
  if (/^[A-Z]+$/.test(name)) throw new Unsupported(`symbol ${name} is defined outside of the script`);
  return codes.find(([known]) => known === name)?.[1] ?? tokens.fail(`"${name}" is no ICMP code`);
}

function parseLength(tokens: TokenStream): number {
  tokens.expect("(");
  const length = readInt(tokens.expectKind("int", "a length"));
  tokens.expect(")");
  return length;
}
