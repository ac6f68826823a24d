/** What a script's options and commands mean for the stack under test. What has no equivalent makes the script unsupported. */
import { type TcpConfig, tcpConfig } from "../../src/tcp/config.ts";
import { windowScaleFor } from "../../src/tcp/window.ts";
import { cubic } from "../../src/tcp/congestion/cubic.ts";
import { newReno } from "../../src/tcp/congestion/new-reno.ts";
import { type CallSpec, type Script, type TcpSpec, Unsupported } from "./script.ts";

const DEFAULTS = tcpConfig({});

export interface Settings {
  tcp: { -readonly [K in keyof TcpConfig]?: TcpConfig[K] };
  mtu: number;
  offload: boolean;
  local: number;
  remote: number;
  bindPort: number;
  connectPort: number;
  toleranceUs: number;
  tolerancePercent: number;
  tsTickUs: number;
  scaleEchoes: boolean;
  strictPush: boolean;
  strictOptions: boolean;
  strictSegments: boolean;
  strictEnd: boolean;
  /** What SO_RCVBUF tells before a connection is open, and afterwards. */
  receiveSpace: { fresh: number; open: number };
}

const address = (text: string): number => {
  const octets = text.split("/")[0].split(".").map(Number);
  if (octets.length !== 4 || octets.some((octet) => !(octet >= 0 && octet < 256)))
    throw new Unsupported(`address ${text}`);
  return octets.reduce((value, octet) => value * 256 + octet, 0) >>> 0;
};

const number = (text: string): number => {
  const value = Number(text);
  if (Number.isNaN(value)) throw new Unsupported(`"${text}" is no number`);
  return value;
};

type Setter = (settings: Settings, value: string, script: Script) => void;
const nothing: Setter = () => undefined;

const OPTIONS: Readonly<Record<string, Setter>> = {
  ip_version: nothing, // The parser has refused what is not IPv4.
  tolerance_usecs: (s, v) => (s.toleranceUs = number(v)),
  tolerance_percent: (s, v) => (s.tolerancePercent = number(v)),
  mtu: (s, v) => (s.mtu = number(v)),
  local_ip: (s, v) => (s.local = address(v)),
  remote_ip: (s, v) => (s.remote = address(v)),
  gateway_ip: nothing,
  netmask_ip: nothing,
  speed: nothing,
  bind_port: (s, v) => (s.bindPort = number(v)),
  connect_port: (s, v) => (s.connectPort = number(v)),
  init_scripts: nothing,
  verbose: nothing,
  tcp_ts_tick_usecs: (s, v) => (s.tsTickUs = number(v)),
  tcp_ts_ecr_scaled: (s) => (s.scaleEchoes = true),
  strict_segments: (s) => (s.strictSegments = true),
  // Of this runner alone: see docs/packetdrill.md.
  strict_push: (s) => (s.strictPush = true),
  strict_options: (s) => (s.strictOptions = true),
  strict_end: (s) => (s.strictEnd = true),
};

/** For settings that the stack cannot switch: only the value that it has anyway. */
const only =
  (...values: string[]): Setter =>
  (_, value) => {
    if (!values.includes(value)) throw new Unsupported(`the stack has no switch for it (needs ${values.join(" or ")})`);
  };

/** A TCP option that the stack always has: switched off, it may not come up in the script. */
const offered =
  (...names: string[]): Setter =>
  (_, value, script) => {
    if (value !== "0") return;
    const comes = script.events.some(({ action }) => {
      if (action.type === "call") return action.name === "connect";
      if (action.type !== "packet" || action.protocol !== "tcp" || !action.inbound) return false;
      return action.options?.some(({ name }) => names.includes(name)) === true;
    });
    if (comes) throw new Unsupported(`the stack has no switch for ${names.join(" and ")}`);
  };

/** FreeBSD rounds the buffer up to whole segments once a connection is open. */
function setReceiveSpace(settings: Settings, octets: number): void {
  const open = Math.ceil(octets / 1460) * 1460;
  settings.receiveSpace = { fresh: octets, open };
  settings.tcp.receiveBuffer = open;
}

/** By the name behind the last dot, for Linux and FreeBSD alike. What changes nothing that a peer sees here is listed as nothing. */
const SYSCTLS: Readonly<Record<string, Setter>> = {
  tcp_congestion_control: (s, v) => (s.tcp.congestion = congestion(v)),
  tcp_rmem: (s, v) => {
    const [, initial, max] = v.trim().split(/\s+/);
    s.tcp.receiveBuffer = number(initial);
    s.tcp.receiveBufferMax = number(max);
  },
  recvspace: (s, v) => {
    setReceiveSpace(s, number(v));
  },
  delacktime: (s, v) => (s.tcp.delayedAckMs = number(v)),
  rexmit_initial: (s, v) => (s.tcp.rtoMsInitial = number(v)),
  tcp_fin_timeout: (s, v) => (s.tcp.finWait2Ms = number(v) * 1000),
  tcp_challenge_ack_limit: (s, v) => (s.tcp.challengeAcksPerSecond = number(v)),
  tcp_timestamps: offered("TS"),
  tcp_sack: offered("sackOK"),
  tcp_window_scaling: offered("wscale"),
  rfc1323: offered("TS", "wscale"),
  "sack.enable": offered("sackOK"),
  tcp_ecn: (s, v) => (s.tcp.ecn = ecnMode(v)),
  "ecn.enable": (s, v) => (s.tcp.ecn = ecnMode(v)),
  tcp_ecn_fallback: nothing,
  insecure_rst: only("0"),
  insecure_syn: only("0"),
  blackhole: only("0"),
  drop_synfin: only("0"),
  icmp_may_rst: only("1"),
  path_mtu_discovery: only("1"),
  pmtud_blackhole_detection: only("0"),
  tolerate_missing_ts: only("0"),
  syncookies: nothing,
  syncookies_only: only("0"),
  tcp_syncookies: only("0", "1"),
  tcp_slow_start_after_idle: nothing,
  tcp_mtu_probing: only("0"),
  ip_no_pmtu_disc: only("0"),
  tcp_frto: nothing,
  tcp_dsack: nothing,
  tcp_fack: nothing,
  tcp_reordering: only("3"),
  tcp_early_retrans: nothing,
  tcp_recovery: nothing,
  tcp_wmem: nothing,
  tcp_tso_win_divisor: nothing,
  tcp_min_tso_segs: nothing,
  tcp_pacing_ss_ratio: nothing,
  tcp_pacing_ca_ratio: nothing,
  tcp_no_metrics_save: nothing,
  tcp_autocorking: nothing,
  tcp_moderate_rcvbuf: nothing,
  tcp_fastopen: nothing,
  tcp_fastopen_key: nothing,
  tcp_notsent_lowat: nothing,
  tcp_invalid_ratelimit: nothing,
  maxsockbuf: (s, v) => (s.tcp.receiveBufferMax = number(v)),
  sendspace: nothing,
  "hostcache.purgenow": nothing,
  rexmit_slop: nothing,
  rexmit_drop_options: nothing,
  keepinit: nothing,
  "fastopen.client_enable": only("0"),
};

const ecnMode = (value: string): TcpConfig["ecn"] => {
  const mode = new Map<string, TcpConfig["ecn"]>([
    ["0", "off"],
    ["1", "on"],
    ["2", "passive"],
  ]).get(value);
  if (mode === undefined) throw new Unsupported("accurate ECN is not in the stack");
  return mode;
};

export const congestion = (name: string): typeof cubic => {
  if (name === "cubic") return cubic;
  if (name === "reno" || name === "newreno") return newReno;
  throw new Unsupported(`congestion control ${name} is not in the stack`);
};

/** What packetdrill's own folder of defaults sets and the stack has a setting for. */
const LINUX_DEFAULTS =
  "sysctl -q net.ipv4.tcp_rmem='4096 540000 15728640' net.ipv4.tcp_congestion_control=cubic net.ipv4.tcp_ecn=0";

/** Throws `Unsupported` with the reason for what the stack cannot be made to do. */
export function settingsOf(script: Script, tcp: Partial<TcpConfig> = {}): Settings {
  const settings: Settings = {
    tcp: { ...tcp },
    mtu: 1500,
    offload: true,
    local: address("192.168.0.1"),
    remote: address("192.0.2.1"),
    bindPort: 8080,
    connectPort: 8080,
    toleranceUs: 4000,
    tolerancePercent: 0,
    tsTickUs: 0,
    scaleEchoes: false,
    strictPush: false,
    strictOptions: false,
    strictSegments: false,
    strictEnd: false,
    receiveSpace: { fresh: DEFAULTS.receiveBuffer, open: DEFAULTS.receiveBuffer },
  };
  for (const [name, value] of script.options) {
    if (!Object.hasOwn(OPTIONS, name)) throw new Unsupported(`option --${name}`);
    OPTIONS[name](settings, value, script);
  }
  const timed = script.events.flatMap(({ action }) => (action.type === "command" ? [action.text] : []));
  for (const text of [...script.commands.map((command) => command.text), ...timed])
    applyCommand(settings, text, script);
  fitWindowScale(settings, script);
  fitSocketOptions(settings, script);
  return settings;
}

function applyCommand(settings: Settings, text: string, script: Script): void {
  const joined = text.replace(/\\\n/g, " ");
  for (const line of joined.split(/[\n;]|&&/)) {
    const command = line.replace(/#.*$/, "").trim();
    if (command !== "") applyLine(settings, command, script);
  }
}

function applyLine(settings: Settings, command: string, script: Script): void {
  const [name] = command.split(/\s+/);
  if (name.endsWith("/defaults.sh") || name === "defaults.sh") return applyLine(settings, LINUX_DEFAULTS, script);
  if (name.includes("sysctl_restore_") || name.endsWith("/sysctl_restore.sh")) return;
  if (name === "sysctl" || name.endsWith("set_sysctls.py"))
    return applySysctls(settings, command.slice(name.length), script);
  if (/^ip (-4 )?tcp_metrics flush/.test(command) || /^tc qdisc (add|replace) dev tun0 root p?fifo *$/.test(command))
    return;
  if (command.startsWith("ethtool -K tun0")) {
    if (/\b(tso|gso) off/.test(command)) settings.offload = false;
    return;
  }
  throw new Unsupported(`shell command "${command}"`);
}

function applySysctls(settings: Settings, text: string, script: Script): void {
  const assignments = text.matchAll(/([\w./-]+)\s*=\s*("[^"]*"|'[^']*'|\S*)/g);
  for (const [, path, quoted] of assignments) {
    const key = path.replace(/^\/proc\/sys\//, "").replaceAll("/", ".");
    const name = key.replace(/^net\.(ipv4|inet\.tcp|core)\.|^kern\.ipc\./, "");
    const value = quoted.replace(/^["']|["']$/g, "");
    if (!Object.hasOwn(SYSCTLS, name)) throw new Unsupported(`sysctl ${key}`);
    try {
      SYSCTLS[name](settings, value, script);
    } catch (error) {
      if (error instanceof Unsupported) throw new Unsupported(`sysctl ${key}=${value}: ${error.message}`);
      throw error;
    }
  }
}

/** The window scale that the script expects in the stack's SYN is had by a receive buffer that needs it. */
function fitWindowScale(settings: Settings, script: Script): void {
  for (const { action } of script.events) {
    if (action.type !== "packet" || action.inbound || action.protocol !== "tcp") continue;
    const scale = action.options?.find(({ name }) => name === "wscale")?.numbers[0];
    if (scale === undefined) continue;
    const { receiveBuffer, receiveBufferMax } = tcpConfig(settings.tcp);
    if (scale === windowScaleFor(receiveBufferMax)) return;
    settings.tcp.receiveBufferMax = 65_535 * 2 ** Math.min(scale, 14);
    settings.tcp.receiveBuffer = Math.min(receiveBuffer, settings.tcp.receiveBufferMax);
    return;
  }
}

/** Socket options that the stack has for all of its connections or not at all. */
function fitSocketOptions(settings: Settings, script: Script): void {
  for (const { action } of script.events) {
    if (action.type !== "call" || action.name !== "setsockopt") continue;
    const value = optionValue(action);
    if (value === null) continue;
    if (wordOf(action, 2) === "TCP_MAXSEG") settings.tcp.mssMax = value;
    if (wordOf(action, 2) === "SO_RCVBUF") {
      settings.tcp.receiveBuffer = settings.tcp.receiveBufferMax = value;
      settings.receiveSpace = { fresh: value, open: value };
    }
  }
}

export const wordOf = (call: CallSpec, i: number): string => {
  const arg = call.args.at(i);
  return arg?.kind === "word" ? arg.name : "";
};

function optionValue(call: CallSpec): number | null {
  const arg = call.args.at(3);
  if (arg?.kind !== "array" || arg.items.length !== 1) return null;
  const [item] = arg.items;
  return item.kind === "int" ? item.value : null;
}

/** Segments that use what the stack does not have yet. */
export function refuseSegment(spec: TcpSpec): void {
  if (spec.options?.some(({ name }) => name === "FO" || name === "FOEXP") === true) {
    throw new Unsupported("TCP Fast Open is not in the stack");
  }
}
