import type { Impairment } from "../device/impairment.ts";
import { LOG_LEVELS, type LogLevel } from "./log.ts";
import { addressText, integer, prefixText, UsageError } from "./usage.ts";

/** What `serve` and `sandbox` take, as `parseArgs` wants it. */
export const SERVE_OPTIONS = {
  tun: { type: "string" },
  address: { type: "string", multiple: true },
  peer: { type: "string" },
  mtu: { type: "string" },
  http: { type: "string" },
  https: { type: "string" },
  cert: { type: "string" },
  key: { type: "string" },
  keylog: { type: "string" },
  root: { type: "string" },
  echo: { type: "string" },
  discard: { type: "string" },
  chargen: { type: "string" },
  any: { type: "boolean" },
  pcap: { type: "string" },
  impair: { type: "string" },
  "log-level": { type: "string" },
} as const;

export const SERVE_OPTIONS_HELP = `  --tun NAME          the device; made where it is missing
  --address PREFIX    an own address, as 198.18.0.2/24; may be repeated
  --peer ADDRESS      the kernel's address on a device that is made here
  --mtu OCTETS        of the device, 68 to 65535
  --http PORT         HTTP/1.1: GET / (100 octets), POST /echo, GET /nocontent
  --https PORT        the same over TLS 1.2, with --cert FILE and --key FILE (PEM)
  --keylog FILE       append the secrets of HTTPS: whoever reads them reads the connections;
                      without it, to the file that SSLKEYLOGFILE names, as browsers do
  --root DIR          HTTP serves the files of this folder as well
  --echo PORT         RFC 862: what comes in goes out
  --discard PORT      RFC 863; answers the count of octets once the peer has ended
  --chargen PORT      RFC 864: characters until the peer closes
  --any               accept every address, and every port: those that no service
                      has go to the first one of http, https, echo, discard, chargen
  --pcap FILE         capture all datagrams (pcapng, for Wireshark), and with --https the
                      secrets beside them: whoever reads the file reads the connections
  --impair FAULTS     a bad link: loss=0.02,reorder=0.01,duplicate=0.01,corrupt=0.001,
                      delay=MS,jitter=MS,rate=BITS/S,seed=N; each may be left out
  --log-level LEVEL   ${LOG_LEVELS.join(" ")}; default warn; on standard error`;

/** Names of the services, in the order in which they are asked for the ports of `--any`. */
export const SERVICE_NAMES = ["http", "https", "echo", "discard", "chargen"] as const;
export type ServiceName = (typeof SERVICE_NAMES)[number];

export interface ImpairOptions extends Impairment {
  readonly seed: number;
}

/** Paths. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  readonly keylog: string | null;
}

export interface ServeOptions {
  readonly tun: string;
  /** With their prefix. */
  readonly addresses: readonly string[];
  readonly peer: string | null;
  /** In octets; null leaves it as it is. */
  readonly mtu: number | null;
  readonly ports: ReadonlyMap<ServiceName, number>;
  /** Null without HTTPS. */
  readonly tls: TlsFiles | null;
  readonly root: string | null;
  readonly any: boolean;
  readonly pcap: string | null;
  readonly impair: ImpairOptions | null;
  readonly logLevel: LogLevel;
}

/** As `parseArgs` gives them. */
export interface ServeValues extends Partial<Record<ServiceName, string | undefined>> {
  readonly tun?: string | undefined;
  readonly address?: string[] | undefined;
  readonly peer?: string | undefined;
  readonly mtu?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly keylog?: string | undefined;
  readonly root?: string | undefined;
  readonly any?: boolean | undefined;
  readonly pcap?: string | undefined;
  readonly impair?: string | undefined;
  readonly "log-level"?: string | undefined;
}

/** Checks what was typed. Errors: `UsageError`. */
export function serveOptions(values: ServeValues, environment: NodeJS.ProcessEnv = process.env): ServeOptions {
  const { tun, address: addresses = [], peer, mtu, root } = values;
  if (tun === undefined) throw new UsageError("--tun is missing; name the device, as in --tun tun0");
  if (addresses.length === 0) {
    throw new UsageError("--address is missing; name the stack's own address, as in --address 198.18.0.2/24");
  }
  const ports = servicePorts(values);
  if (root !== undefined && !ports.has("http") && !ports.has("https")) {
    throw new UsageError("--root needs --http PORT or --https PORT");
  }
  return {
    tun,
    addresses: addresses.map((text) => prefixText("--address", text)),
    peer: peer === undefined ? null : addressText("--peer", peer),
    mtu: mtu === undefined ? null : integer("--mtu", mtu, 68, 65_535),
    ports,
    tls: tlsFiles(values, ports, environment["SSLKEYLOGFILE"]),
    root: root ?? null,
    any: values.any ?? false,
    pcap: values.pcap ?? null,
    impair: values.impair === undefined ? null : impairOptions(values.impair),
    logLevel: logLevel(values["log-level"] ?? "warn"),
  };
}

function tlsFiles(
  { cert, key, keylog }: ServeValues,
  ports: ReadonlyMap<ServiceName, number>,
  usualKeylog: string | undefined,
): TlsFiles | null {
  if (ports.has("https")) {
    if (cert !== undefined && key !== undefined) return { cert, key, keylog: keylog ?? usualKeylog ?? null };
    throw new UsageError("--https needs --cert FILE and --key FILE, both in PEM");
  }
  if (cert === undefined && key === undefined && keylog === undefined) return null;
  throw new UsageError("--cert, --key and --keylog need --https PORT");
}

function servicePorts(values: ServeValues): Map<ServiceName, number> {
  const ports = new Map<ServiceName, number>();
  for (const name of SERVICE_NAMES) {
    const text = values[name];
    if (text === undefined) continue;
    const port = integer(`--${name}`, text, 1, 65_535);
    for (const [other, taken] of ports) {
      if (taken === port) throw new UsageError(`--${name} and --${other} are both given port ${port}; choose another`);
    }
    ports.set(name, port);
  }
  return ports;
}

function logLevel(text: string): LogLevel {
  const level = LOG_LEVELS.find((known) => known === text);
  if (level === undefined) throw new UsageError(`--log-level takes one of ${LOG_LEVELS.join(", ")}, not "${text}"`);
  return level;
}

const FAULTS = {
  loss: "loss",
  reorder: "reorder",
  duplicate: "duplicate",
  corrupt: "corrupt",
  delay: "delayMs",
  jitter: "jitterMs",
  rate: "rateBitsPerSecond",
} as const satisfies Record<string, keyof Impairment>;

type FaultName = keyof typeof FAULTS;
const PROBABILITIES: readonly string[] = ["loss", "reorder", "duplicate", "corrupt"];

const isFault = (name: string): name is FaultName => Object.hasOwn(FAULTS, name);

function impairOptions(text: string): ImpairOptions {
  const faults: { -readonly [K in keyof Impairment]: Impairment[K] } = {};
  let seed = 1;
  for (const part of text.split(",")) {
    const [name = "", valueText = ""] = part.split("=");
    if (name === "seed") {
      seed = integer("--impair seed", valueText, 0, Number.MAX_SAFE_INTEGER);
      continue;
    }
    if (!isFault(name)) {
      throw new UsageError(`--impair has no fault "${name}"; it takes ${Object.keys(FAULTS).join(", ")} and seed`);
    }
    faults[FAULTS[name]] = faultValue(name, valueText);
  }
  return { ...faults, seed };
}

function faultValue(name: FaultName, text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
  const most = PROBABILITIES.includes(name) ? 1 : Number.MAX_SAFE_INTEGER;
  if (value <= most && (value > 0 || name !== "rate")) return value;
  const range = most === 1 ? "a probability from 0 to 1" : "a positive number";
  throw new UsageError(`--impair ${name} takes ${range}, not "${text}"`);
}
