/** Whether what the stack has sent is what the script expects; the first difference as a text. */
import { ACK_FLAG } from "./packet-parser.ts";
import { showOption } from "./notation.ts";
import type { EcnCheck, IcmpSpec, IpSpec, TcpOption, TcpSpec } from "./script.ts";
import type { LiveIcmp, LiveIp } from "./wire.ts";

export interface Strictness {
  /** PSH is compared; otherwise it is left to the sender, as RFC 9293 §3.9.1.2 leaves it. */
  readonly push: boolean;
  /** Options are compared in their order and with their padding. */
  readonly options: boolean;
  /** Most difference of TS val in microseconds, and microseconds a tick; 0 ticks: not compared. */
  readonly tsToleranceUs: number;
  readonly tsTickUs: number;
}

const PSH = 0x08;
const FLAG_FIELDS: readonly (readonly [string, number])[] = [
  ["tcp_fin", 0x01],
  ["tcp_syn", 0x02],
  ["tcp_rst", 0x04],
  ["tcp_psh", PSH],
  ["tcp_ack", ACK_FLAG],
  ["tcp_urg", 0x20],
  ["tcp_ece", 0x40],
  ["tcp_cwr", 0x80],
];

const differs = (field: string, expected: number, actual: number): string | null =>
  expected === actual ? null : `live packet field ${field}: expected: ${both(expected)} vs actual: ${both(actual)}`;

const both = (value: number): string => `${String(value)} (0x${(value >>> 0).toString(16)})`;

export function compareTcp(expected: TcpSpec, actual: TcpSpec, strict: Strictness): string | null {
  for (const [field, bit] of FLAG_FIELDS) {
    if (bit === PSH && !strict.push) continue;
    const difference = differs(field, Number((expected.flags & bit) !== 0), Number((actual.flags & bit) !== 0));
    if (difference !== null) return difference;
  }
  return (
    differs("tcp_seq", expected.seq >>> 0, actual.seq) ??
    differs("tcp_payload_length", expected.length, actual.length) ??
    ((expected.flags & ACK_FLAG) === 0 ? null : differs("tcp_ack_seq", expected.ack >>> 0, actual.ack)) ??
    (expected.win === undefined ? null : differs("tcp_window", expected.win, actual.win ?? 0)) ??
    differs("tcp_urg_ptr", expected.urg, actual.urg) ??
    compareOptions(expected.options, actual.options ?? [], strict)
  );
}

function compareOptions(
  expected: readonly TcpOption[] | null,
  actual: readonly TcpOption[],
  strict: Strictness,
): string | null {
  if (expected === null) return null;
  const wanted = strict.options ? expected : significant(expected);
  const got = strict.options ? actual : significant(actual);
  for (let i = 0; i < Math.max(wanted.length, got.length); i++) {
    const want = wanted.at(i);
    const have = got.at(i);
    if (!want || want.name !== have?.name) return "bad outbound TCP options";
    if (!sameOption(want, have, strict)) {
      return `bad value in outbound TCP option: expected: ${showOption(want)} actual: ${showOption(have)}`;
    }
  }
  return null;
}

/** Without padding, in an order that does not depend on the sender's. */
const significant = (options: readonly TcpOption[]): TcpOption[] =>
  options.filter(({ name }) => name !== "nop" && name !== "eol").sort((a, b) => (a.name < b.name ? -1 : 1));

function sameOption(want: TcpOption, have: TcpOption, strict: Strictness): boolean {
  if (want.name === "TS") {
    const ticks = Math.abs((want.numbers[0] - have.numbers[0]) | 0);
    return ticks * strict.tsTickUs <= strict.tsToleranceUs && want.numbers[1] >>> 0 === have.numbers[1];
  }
  return (
    want.numbers.length === have.numbers.length && want.numbers.every((value, i) => value >>> 0 === have.numbers[i])
  );
}

const ECN_VALUES: Readonly<Record<Exclude<EcnCheck, "ect01">, number>> = { noecn: 0, ect1: 1, ect0: 2, ce: 3 };

export function compareIp(expected: IpSpec, actual: LiveIp): string | null {
  const ecn = actual.tos & 3;
  if (expected.ecn === "ect01" && ecn !== 1 && ecn !== 2)
    return `live packet field ip_ecn: expected: ect0 or ect1 vs actual: ${String(ecn)}`;
  if (expected.ecn !== undefined && expected.ecn !== "ect01") {
    const difference = differs("ip_ecn", ECN_VALUES[expected.ecn], ecn);
    if (difference !== null) return difference;
  }
  return (
    (expected.tos === undefined ? null : differs("ip_tos", expected.tos, actual.tos)) ??
    (expected.ttl === undefined ? null : differs("ip_ttl", expected.ttl, actual.ttl))
  );
}

/** The ECN field and TOS octet of a packet that the script injects. */
export const tosOf = (ip: IpSpec): number => {
  const ecn = ip.ecn === undefined || ip.ecn === "ect01" ? 0 : ECN_VALUES[ip.ecn];
  return ip.tos ?? ecn;
};

export function compareIcmp(expected: IcmpSpec, actual: LiveIcmp): string | null {
  return (
    differs("icmp_type", expected.icmpType, actual.type) ??
    differs("icmp_code", expected.icmpCode, actual.code) ??
    (expected.mtu === undefined ? null : differs("icmp_mtu", expected.mtu, actual.mtu))
  );
}
