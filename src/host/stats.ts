import type { StackCore } from "../stack/core.ts";

/** Counts since the stack was opened, named as in RFC 4293 (ip), RFC 4293's ICMP table (icmp) and RFC 4022 (tcp) where those have a name. */
export interface StackStats {
  readonly ip: Readonly<Record<string, number>>;
  readonly icmp: Readonly<Record<string, number>>;
  readonly tcp: Readonly<Record<string, number>>;
  /** Datagrams dropped, by reason; reasons that never occurred are left out. */
  readonly drops: Readonly<Record<string, number>>;
  /** Octets that all queues of the stack may hold (`memoryMax`), those that count now, and what each kind of queue holds. */
  readonly memory: Readonly<Record<"max" | "used" | "receive" | "outOfOrder" | "send" | "reassembly", number>>;
  readonly connections: { readonly all: number; readonly timeWait: number };
}

export function collectStats(core: StackCore): StackStats {
  const drops = Object.fromEntries(Object.entries(core.drops).filter(([, count]) => count > 0));
  return {
    ip: { ...core.ipv4.counters },
    icmp: icmpStats(core),
    tcp: Object.fromEntries(Object.entries(core.tcpCounters) as [string, number][]),
    drops,
    memory: memoryStats(core),
    connections: { all: core.tcp.size, timeWait: core.tcp.lingering },
  };
}

function memoryStats({ memory }: StackCore): StackStats["memory"] {
  const { max, used, receive, outOfOrder, send, reassembly } = memory;
  return { max, used, receive, outOfOrder, send, reassembly };
}

/** RFC 4293's per-type counts as `inPkts.8`, those that are not 0. */
function icmpStats(core: StackCore): Record<string, number> {
  const { inPkts, outPkts, ...totals } = core.icmp.counters;
  const stats: Record<string, number> = { ...totals };
  for (const [name, counts] of Object.entries({ inPkts, outPkts })) {
    counts.forEach((count, type) => {
      if (count > 0) stats[`${name}.${String(type)}`] = count;
    });
  }
  return stats;
}
