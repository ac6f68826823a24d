import { formatAddress, toAddress } from "../../src/base/address.ts";
import { run as runCode } from "./code.ts";
import { compareIcmp, compareIp, compareTcp, type Strictness, tosOf } from "./compare.ts";
import { Flow, type SentSegment } from "./flow.ts";
import { Host } from "./host.ts";
import { variablesOf } from "./info.ts";
import { seconds, showPacket } from "./notation.ts";
import type { CallSpec, Expr, IcmpSpec, PacketSpec, Script, ScriptEvent, TcpSpec } from "./script.ts";
import { Unsupported } from "./script.ts";
import type { Settings } from "./settings.ts";
import type { Attempt, CallResult, ScriptSocket } from "./socket-table.ts";
import { CALLS, type Process } from "./syscalls.ts";
import { encodeIcmp, encodeTcp, encodeUdp, ipFrom, type LivePacket, type LiveTcp, streamOctet } from "./wire.ts";

const SYN = 0x02;
const ACK = 0x10;
const FIN_AND_PSH = 0x09;
/** How long behind its time an expected packet is waited for, so that the message can tell when it came. */
const PATIENCE_US = 2_000_000;
/** The longest wait for a packet "at any time": one simulated day. */
const ANY_TIME_US = 86_400_000_000;
const EPHEMERAL_PORT = 40_000;

/** Something that the stack has sent and no event has taken yet. */
interface Sent {
  readonly atUs: number;
  readonly packet: LivePacket;
  readonly flow: Flow | null;
  readonly localIsn: number;
}

interface Blocked {
  readonly line: number;
  readonly call: CallSpec;
  readonly attempt: Attempt;
  /** When the script wants it to return. */
  readonly endUs: number;
}

/** What went wrong, without its place: the event's line is put in front of it. */
class Mismatch extends Error {}

/** What goes out of a run: with its place. */
class EventFailure extends Error {}

/** One script on one stack. */
export class Run implements Process {
  readonly host: Host;
  readonly settings: Settings;
  readonly sockets = new Map<number, ScriptSocket>();
  readonly #script: Script;
  readonly #strict: Strictness;
  readonly #flows: Flow[] = [];
  /** Whose packets those without ports are: the connection made last. null: the next packet in begins one. */
  #current: Flow | null = null;
  #nextPort = EPHEMERAL_PORT;
  readonly #sent: Sent[] = [];
  #blocked: Blocked | null = null;
  #last: { event: ScriptEvent; us: number } | null = null;
  readonly #variables = new Map<string, number>();

  constructor(script: Script, settings: Settings) {
    this.#script = script;
    this.settings = settings;
    this.#strict = {
      push: settings.strictPush,
      options: settings.strictOptions,
      tsTickUs: settings.tsTickUs,
      tsToleranceUs: settings.toleranceUs,
    };
    this.host = new Host({
      tcp: settings.tcp,
      mtu: settings.mtu,
      offload: settings.offload,
      local: settings.local,
      sent: (packet, atUs) => {
        this.#packetSent(packet, atUs);
      },
    });
  }

  /** Runs every event. Throws an `Error` with file, line and what differs. */
  all(): void {
    for (const event of this.#script.events) this.#at(event.line, () => this.#run(event));
    const last = this.#script.events.at(-1)?.line ?? 1;
    if (this.#blocked !== null) this.#at(this.#blocked.line, () => this.#awaitBlocked());
    if (this.settings.strictEnd) this.#at(last, () => this.#nothingLeft());
  }

  #at(line: number, act: () => void): void {
    try {
      act();
    } catch (error) {
      if (error instanceof Unsupported || error instanceof EventFailure) throw error;
      const message = error instanceof Mismatch ? error.message : `the stack threw: ${String(error)}`;
      throw new EventFailure(`${this.#script.file}:${String(line)}: ${message}`);
    }
  }

  #nothingLeft(): void {
    this.#pass(this.host.nowUs + this.settings.toleranceUs);
    if (this.#sent.length === 0) return;
    const shown = this.#sent.map((sent) => `\n  ${this.#show(sent)}`);
    throw new Mismatch(`packets that nothing expected before the end of the script:${shown.join("")}`);
  }

  // Time.

  /** When an event is due by the script; a relative time counts from now, or from one injected packet to the next. */
  #dueUs(event: ScriptEvent): { us: number; endUs: number } {
    const { time } = event;
    const base = this.#baseUs(event);
    switch (time.kind) {
      case "absolute":
        return { us: time.us, endUs: time.us };
      case "range":
        return { us: time.us, endUs: time.endUs };
      case "relative":
        return { us: base + time.us, endUs: base + time.us };
      case "relativeRange":
        return { us: base + time.us, endUs: base + time.endUs };
      case "any":
        return { us: this.host.nowUs, endUs: this.host.nowUs + ANY_TIME_US };
    }
  }

  #baseUs(event: ScriptEvent): number {
    const inbound = ({ action }: ScriptEvent): boolean => action.type === "packet" && action.inbound;
    const last = this.#last;
    return last !== null && inbound(last.event) && inbound(event) ? last.us : this.host.nowUs;
  }

  #toleranceUs(us: number): number {
    return Math.max(this.settings.toleranceUs, (this.settings.tolerancePercent / 100) * (us - this.host.nowUs));
  }

  #pass(untilUs: number): void {
    this.host.pass(untilUs, () => {
      this.#tryBlocked();
      return false;
    });
    this.#tryBlocked();
  }

  #run(event: ScriptEvent): void {
    const { action } = event;
    const due = this.#dueUs(event);
    if (action.type === "packet" && !action.inbound) {
      this.#expectPacket(action, event, due);
    } else {
      if (event.time.kind !== "any") this.#pass(due.us);
      switch (action.type) {
        case "packet":
          this.#inject(action);
          break;
        case "call":
          this.#call(action, event, due.us);
          break;
        case "code":
          this.#check(action.text);
          break;
        case "command": // Its settings hold from the start.
          break;
      }
      this.host.turn();
      this.#tryBlocked();
    }
    this.#last = { event, us: event.time.kind === "any" ? this.host.nowUs : due.us };
  }

  // Flows.

  socketMade(): void {
    this.#current = null;
  }
  listening(): void {
    this.#current = null;
  }
  connecting(_socket: ScriptSocket, port: number): void {
    this.#current = this.#add(new Flow(port, 0, "connecting"));
  }

  #add(flow: Flow): Flow {
    this.#flows.push(flow);
    return flow;
  }

  /** Ports that a script names are taken as they are. */
  #named(remotePort: number, localPort: number): Flow {
    const known = this.#flows.findLast((flow) => flow.remotePort === remotePort && flow.localPort === localPort);
    return known ?? this.#add(new Flow(remotePort, localPort, "new"));
  }

  #flowOf(spec: PacketSpec): Flow {
    if (spec.ports !== undefined) {
      const [remote, local] = spec.inbound ? spec.ports : [spec.ports[1], spec.ports[0]];
      this.#current = this.#named(remote, local);
      return this.#current;
    }
    if (this.#current !== null) return this.#current;
    if (!spec.inbound) throw new Mismatch("no matching socket for script packet");
    this.#current = this.#add(new Flow(this.#nextPort++, this.settings.bindPort, "new"));
    return this.#current;
  }

  // What the stack sends.

  #packetSent(packet: LivePacket, atUs: number): void {
    if (packet.protocol !== "tcp") {
      this.#sent.push({ atUs, packet, flow: null, localIsn: 0 });
      return;
    }
    const flow = this.#flowOfSent(packet);
    if (flow === null) return; // Of a connection that the script does not speak of.
    if ((packet.flags & SYN) !== 0) flow.localIsn = packet.seq;
    this.#checkText(packet, flow);
    this.#sent.push({ atUs, packet, flow, localIsn: flow.localIsn });
  }

  #flowOfSent(packet: LiveTcp): Flow | null {
    const begins = (packet.flags & (SYN | ACK)) === SYN;
    const flow = this.#flows.findLast(
      ({ remotePort, localPort, state }) =>
        remotePort === packet.dstPort &&
        (localPort === packet.srcPort || (begins && localPort === 0 && state === "connecting")),
    );
    if (flow?.localPort === 0) flow.localPort = packet.srcPort;
    return flow ?? null;
  }

  /** Every octet stands where `write` put it. */
  #checkText({ seq, text, flags }: LiveTcp, flow: Flow): void {
    const from = (seq - flow.localIsn - ((flags & SYN) !== 0 ? 0 : 1)) | 0;
    for (let i = 0; i < text.length; i++) {
      if (text[i] === streamOctet(from + i)) continue;
      throw new Mismatch(`the stack has sent a wrong octet at ${String(from + 1 + i)} of the stream`);
    }
  }

  #expectPacket(spec: PacketSpec, event: ScriptEvent, due: { us: number; endUs: number }): void {
    const flow = spec.protocol === "tcp" ? this.#flowOf(spec) : null;
    const first = this.#nextSent(spec, flow, due.endUs);
    if (spec.protocol === "icmp" && first.packet.protocol === "icmp") {
      const difference = compareIcmp(spec, first.packet) ?? compareIp(spec.ip, first.packet.ip);
      if (difference !== null) this.#differ(difference, spec, due.us, first);
    } else if (spec.protocol === "tcp" && first.packet.protocol === "tcp" && flow !== null) {
      this.#expectSegment(spec, flow, first, due);
    } else {
      this.#differ("live packet field ip_protocol", spec, due.us, first);
    }
    this.#checkTime(event, due, first.atUs, "outbound packet", () => `\n${this.#both(spec, due.us, first)}`);
  }

  /** The next packet of the flow (or any ICMP message), taken from the queue or waited for. */
  #nextSent(spec: PacketSpec, flow: Flow | null, untilUs: number): Sent {
    const mine = (sent: Sent): boolean => sent.flow === null || flow === null || sent.flow === flow;
    this.host.pass(untilUs + PATIENCE_US, () => {
      this.#tryBlocked();
      return this.#sent.some(mine);
    });
    const i = this.#sent.findIndex(mine);
    if (i >= 0) return this.#sent.splice(i, 1)[0];
    throw new Mismatch(
      `timed out waiting for packet: nothing was sent until ${seconds(this.host.nowUs)}\n` +
        `script packet: ${showPacket(untilUs, spec)}`,
    );
  }

  /**
   * Compares with one segment, with the start of a longer one, or with several that together have the expected length:
   * where a super-segment is cut is the device's business.
   */
  #expectSegment(spec: TcpSpec, flow: Flow, first: Sent, due: { us: number; endUs: number }): void {
    let whole = first.packet as LivePacket & LiveTcp;
    const difference0 = compareIp(spec.ip, whole.ip);
    if (difference0 !== null) this.#differ(difference0, spec, due.us, first);
    if (!this.settings.strictSegments && spec.length > 0) {
      while (whole.text.length > 0 && whole.text.length < spec.length) {
        const next = this.#following(flow, whole, due.endUs);
        if (next === null) break;
        whole = { ...next, seq: whole.seq, text: concat(whole.text, next.text) };
      }
      if (whole.text.length > spec.length) whole = this.#cut(first, whole, spec.length);
    }
    const actual = flow.toScript(segment(first, whole, flow), spec);
    const difference = compareTcp(spec, actual, this.#strict);
    if (difference !== null) this.#differ(difference, spec, due.us, { ...first, packet: whole });
  }

  /** The segment that continues `before` with the same acknowledgment, if it is there or comes in time. */
  #following(flow: Flow, before: LiveTcp, endUs: number): (LivePacket & LiveTcp) | null {
    const continues = ({ packet, flow: of }: Sent): boolean =>
      of === flow && packet.protocol === "tcp" && packet.text.length > 0 && (packet.flags & SYN) === 0;
    this.host.pass(endUs + this.settings.toleranceUs, () => this.#sent.some((sent) => sent.flow === flow));
    const i = this.#sent.findIndex((sent) => sent.flow === flow);
    if (i < 0 || !continues(this.#sent[i])) return null;
    const next = this.#sent[i].packet as LivePacket & LiveTcp;
    if (next.seq !== (before.seq + before.text.length) >>> 0 || next.ack !== before.ack) return null;
    this.#sent.splice(i, 1);
    return next;
  }

  /** Takes `length` octets; the rest waits as a segment of its own, which keeps FIN and PSH. */
  #cut(sent: Sent, whole: LivePacket & LiveTcp, length: number): LivePacket & LiveTcp {
    const rest = { ...whole, seq: (whole.seq + length) >>> 0, text: whole.text.subarray(length) };
    this.#sent.unshift({ ...sent, packet: rest });
    return { ...whole, flags: whole.flags & ~FIN_AND_PSH, text: whole.text.subarray(0, length) };
  }

  #checkTime(
    event: ScriptEvent,
    due: { us: number; endUs: number },
    actualUs: number,
    what: string,
    more: () => string,
  ): void {
    const { time } = event;
    if (time.kind === "any") return;
    const tolerance = this.#toleranceUs(due.us);
    if (actualUs >= due.us - tolerance && actualUs <= due.endUs + tolerance) return;
    const range =
      due.us === due.endUs ? `at ${seconds(due.us)} sec` : `in time range ${seconds(due.us)}~${seconds(due.endUs)} sec`;
    throw new Mismatch(
      `timing error: expected ${what} ${range} but happened at ${seconds(actualUs)} sec; ` +
        `tolerance ${seconds(tolerance)} sec${more()}`,
    );
  }

  #differ(difference: string, spec: PacketSpec, us: number, sent: Sent): never {
    throw new Mismatch(`error handling packet: ${difference}\n${this.#both(spec, us, sent)}`);
  }
  #both(spec: PacketSpec, us: number, sent: Sent): string {
    return `script packet: ${showPacket(us, spec)}\nactual packet: ${this.#show(sent, spec)}`;
  }

  #show(sent: Sent, beside?: PacketSpec): string {
    const { packet, flow, atUs } = sent;
    const ip = beside?.ip.tos === undefined && beside?.ip.ecn === undefined ? {} : { tos: packet.ip.tos };
    const base = { type: "packet", inbound: false, ip } as const;
    if (packet.protocol === "udp") return showPacket(atUs, { ...base, protocol: "udp", length: packet.length });
    if (packet.protocol === "icmp" || flow === null) {
      const { type, code, mtu } = packet.protocol === "icmp" ? packet : { type: 0, code: 0, mtu: 0 };
      return showPacket(atUs, {
        ...base,
        protocol: "icmp",
        icmpType: type,
        icmpCode: code,
        ...(code === 4 ? { mtu } : {}),
      });
    }
    const spec = beside?.protocol === "tcp" ? beside : NOTHING_EXPECTED;
    return showPacket(atUs, { ...flow.toScript(segment(sent, packet, flow), spec), ip });
  }

  // What the script injects.

  #inject(spec: PacketSpec): void {
    const { local, remote, bindPort, connectPort } = this.settings;
    const ip = ipFrom(remote, local, tosOf(spec.ip), spec.ip.ttl);
    if (spec.protocol === "udp") {
      const [srcPort, dstPort] = spec.ports ?? [connectPort, bindPort];
      return this.host.deliver(encodeUdp(ip, { protocol: "udp", srcPort, dstPort, length: spec.length }));
    }
    const flow = this.#flowOf(spec);
    if (spec.protocol === "icmp") return this.host.deliver(this.#encodeError(spec, flow));
    const live = flow.toLive(spec, this.settings.scaleEchoes);
    if (typeof live === "string") throw new Mismatch(live);
    this.host.deliver(encodeTcp(ip, live));
  }

  /** An ICMP error quotes the segment's IP header and as much of TCP as RFC 792 asks for, and more. */
  #encodeError(spec: IcmpSpec, flow: Flow): Uint8Array {
    const { local, remote } = this.settings;
    const ip = ipFrom(remote, local, tosOf(spec.ip), spec.ip.ttl);
    const echo = spec.icmpType === 8 || spec.icmpType === 0;
    const quoted = spec.quotedTcp ?? { seq: 0, length: 0 };
    const segmentQuoted: LiveTcp = {
      protocol: "tcp",
      srcPort: flow.localPort,
      dstPort: flow.remotePort,
      seq: (quoted.seq + flow.localIsn) >>> 0,
      ack: 0,
      flags: ACK,
      win: 0,
      urg: 0,
      options: [],
      text: new Uint8Array(quoted.length),
    };
    const quote = encodeTcp(ipFrom(local, remote), segmentQuoted).subarray(0, 40);
    const mtu = echo ? (spec.id ?? 0) : (spec.mtu ?? 0);
    const data = echo ? new Uint8Array(8) : quote;
    return encodeIcmp(ip, { protocol: "icmp", type: spec.icmpType, code: spec.icmpCode, mtu, data });
  }

  // System calls.

  #call(call: CallSpec, event: ScriptEvent, startUs: number): void {
    this.#awaitBlocked();
    const attempt = CALLS[call.name](call, this);
    const result = attempt();
    if (result === null && call.endUs === undefined) {
      throw new Mismatch(`error in ${call.name} call: it blocks, and the script gives it no time ("...")`);
    }
    const endUs =
      call.endUs === undefined ? startUs : call.endUs + (event.time.kind === "relative" ? startUs - event.time.us : 0);
    if (result === null) this.#blocked = { line: event.line, call, attempt, endUs };
    else this.#returned({ line: event.line, call, attempt, endUs }, result);
  }

  #tryBlocked(): void {
    const blocked = this.#blocked;
    if (blocked === null) return;
    const result = blocked.attempt();
    if (result === null) return;
    this.#blocked = null;
    this.host.turn();
    this.#at(blocked.line, () => this.#returned(blocked, result));
  }

  /** One call may block at a time: the next waits for it. */
  #awaitBlocked(): void {
    const blocked = this.#blocked;
    if (blocked === null) return;
    this.host.pass(blocked.endUs + this.settings.toleranceUs, () => {
      this.#tryBlocked();
      return this.#blocked === null;
    });
    if (this.#blocked === null) return;
    throw new Mismatch(
      `timing error: ${blocked.call.name} should have returned at ${seconds(blocked.endUs)} sec and still blocks`,
    );
  }

  #returned({ call, endUs }: Blocked, result: CallResult): void {
    const { nowUs } = this.host;
    const difference = compareResult(call, result);
    if (difference !== null) throw new Mismatch(`runtime error in ${call.name} call: ${difference}`);
    const tolerance = this.#toleranceUs(endUs);
    if (call.endUs === undefined || Math.abs(nowUs - endUs) <= tolerance) return;
    throw new Mismatch(
      `timing error: expected system call return at ${seconds(endUs)} sec but happened at ${seconds(nowUs)} sec; ` +
        `tolerance ${seconds(tolerance)} sec`,
    );
  }

  // Checks.

  #check(text: string): void {
    const flow = this.#current;
    const socket = [...this.host.core.tcp.connections()].find(
      ({ localPort, remotePort, remoteAddress }) =>
        localPort === flow?.localPort &&
        remotePort === flow.remotePort &&
        remoteAddress === formatAddress(toAddress(this.settings.remote)),
    );
    if (socket === undefined) throw new Mismatch("there is no connection to ask for its tcp_info");
    const failure = runCode(text, variablesOf(socket), this.#variables);
    if (failure !== null) throw new Mismatch(failure);
  }
}

const NOTHING_EXPECTED: TcpSpec = {
  type: "packet",
  inbound: false,
  ip: {},
  protocol: "tcp",
  flags: 0,
  seq: 0,
  length: 0,
  ack: 0,
  urg: 0,
  options: null,
};

const segment = (sent: Sent, live: LiveTcp, flow: Flow): SentSegment => ({
  live,
  localIsn: sent.localIsn,
  remoteIsn: flow.remoteIsn,
});

function concat(left: Uint8Array, right: Uint8Array): Uint8Array {
  const joined = new Uint8Array(left.length + right.length);
  joined.set(left, 0);
  joined.set(right, left.length);
  return joined;
}

/** What a system call gave against what the script says, or null. -1 without an errno stands for any. */
function compareResult(call: CallSpec, { value, errno, out }: CallResult): string | null {
  const { result } = call;
  const got = `${String(value)}${errno === undefined ? "" : ` with errno ${errno}`}`;
  const wanted = result.kind === "int" ? result.value : result.kind === "ellipsis" ? value : null;
  if (wanted === null) throw new Unsupported(`a result of this form of ${call.name}`);
  if (wanted !== value)
    return `Expected result ${String(wanted)}${call.errno === undefined ? "" : ` ${call.errno}`} but got ${got}`;
  if (call.errno !== undefined && sameErrno(call.errno) !== errno)
    return `Expected errno ${call.errno} but got ${errno ?? "none"}`;
  return out === undefined ? null : compareOut(call, out);
}

const sameErrno = (name: string): string => (name === "EWOULDBLOCK" ? "EAGAIN" : name);

/** Where getsockopt and ioctl write to; of poll `out` is already the difference. */
function compareOut(call: CallSpec, out: number | string): string | null {
  if (call.name === "poll") return String(out);
  const arg = call.args.at(call.name === "ioctl" ? 2 : 3);
  const expected: Expr | undefined = arg?.kind === "array" ? arg.items.at(0) : arg;
  if (expected === undefined || expected.kind === "ellipsis") return null;
  if (expected.kind !== "int" && expected.kind !== "word")
    throw new Unsupported(`a value of this form of ${call.name}`);
  const wanted = expected.kind === "int" ? expected.value : expected.name;
  return wanted === out ? null : `Bad value: expected: ${String(wanted)} actual: ${String(out)}`;
}
