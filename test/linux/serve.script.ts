/** What `serve.test.ts` runs in a namespace: `fourtuple serve` as a process, and the kernel's own programs against it. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { configureInterface, interfaceState } from "../../src/device/tun-interface.ts";
import {
  connected,
  echoed,
  type Ended,
  KERNEL,
  must,
  Pattern,
  readAll,
  run,
  serve,
  STACK,
  writeAll,
} from "./kernel-side.ts";
import { scale } from "./scale.ts";

const SERVICES = ["--http", "8080", "--echo", "5007", "--discard", "5001", "--chargen", "5002"];
const URL_ROOT = `http://${STACK}:8080`;

const folder = mkdtempSync(join(tmpdir(), "fourtuple-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

const retransmitted = ({ stats }: Ended): number | undefined => stats?.["tcp"]?.["retransSegs"];

/** Loss in per cent, and how many came twice. */
function pingLoss(said: string): string {
  return /(\d+ packets transmitted, .* packet loss)/.exec(said)?.[1] ?? said;
}

async function ping(): Promise<unknown> {
  const server = await serve(...SERVICES);
  const count = String(scale.floodPings);
  const pings = {
    plain: pingLoss(await must("ping", "-c", "3", "-i", "0.2", STACK)),
    flood: pingLoss(await must("ping", "-f", "-q", "-c", count, STACK)),
    floodInFragments: pingLoss(await must("ping", "-f", "-q", "-c", "200", "-s", "8000", STACK)),
    fragments: pingLoss(await must("ping", "-c", "3", "-i", "0.2", "-s", "8000", STACK)),
    large: pingLoss(await must("ping", "-c", "3", "-i", "0.2", "-s", "60000", STACK)),
  };
  const { status } = await server.stop();
  return { pings, status, ready: server.ready };
}

const curl = async (...args: string[]): Promise<string> => (await run("curl", ["-sS", "-m", "20", ...args])).stdout;
const codeOf = (...args: string[]): Promise<string> => curl("-o", "/dev/null", "-w", "%{http_code}", ...args);

async function http(): Promise<unknown> {
  const server = await serve(...SERVICES);
  const posted = "x".repeat(300_000);
  const file = join(folder, "posted");
  writeFileSync(file, posted);
  const seen = {
    page: (await curl(`${URL_ROOT}/`)).length,
    codes: {
      root: await codeOf(`${URL_ROOT}/`),
      missing: await codeOf(`${URL_ROOT}/missing`),
      method: await codeOf("-X", "DELETE", `${URL_ROOT}/`),
      head: await codeOf("-I", `${URL_ROOT}/`),
      nocontent: await codeOf(`${URL_ROOT}/nocontent`),
    },
    head: /content-length: 100/i.test(await curl("-I", `${URL_ROOT}/`)),
    echo: (await curl("--data-binary", `@${file}`, `${URL_ROOT}/echo`)) === posted,
    chunked:
      (await curl("-H", "Transfer-Encoding: chunked", "--data-binary", `@${file}`, `${URL_ROOT}/echo`)) === posted,
    continues:
      (await curl("-H", "Expect: 100-continue", "--data-binary", `@${file}`, "-v", `${URL_ROOT}/echo`)) === posted,
    saysContinue: /HTTP\/1.1 100/.test(
      (await run("curl", ["-sv", "-H", "Expect: 100-continue", "-d", "abc", `${URL_ROOT}/echo`])).stderr,
    ),
    // One connection for three pages.
    connections: await connectionsMade(3),
    pipelined: await pipelined(),
  };
  const ended = await server.stop();
  return { ...seen, status: ended.status, retransmitted: retransmitted(ended) };
}

/** How many connections curl made for each of several pages. */
async function connectionsMade(pages: number): Promise<number[]> {
  const asked = Array.from({ length: pages }, () => ["-o", "/dev/null", `${URL_ROOT}/`]).flat();
  return (await curl("-w", "%{num_connects} ", ...asked)).trim().split(" ").map(Number);
}

/** Twenty requests in one segment, twenty answers in order. */
async function pipelined(): Promise<number> {
  const socket = await connected({ port: 8080 });
  const ask = (path: string, last: boolean): string =>
    `GET ${path} HTTP/1.1\r\nHost: x\r\n${last ? "Connection: close\r\n" : ""}\r\n`;
  socket.write(Array.from({ length: 20 }, (_, i) => ask(i % 2 === 0 ? "/" : "/missing", i === 19)).join(""));
  const answer = await text(socket);
  socket.end();
  const codes = [...answer.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, code]) => code);
  return codes.every((code, i) => code === (i % 2 === 0 ? "200" : "404")) ? codes.length : -1;
}

async function file(): Promise<unknown> {
  const octets = Buffer.alloc(scale.fileOctets);
  const pattern = new Pattern();
  for (let at = 0; at < octets.length; at += 1 << 19) octets.set(pattern.slice(at, 1 << 19), at);
  writeFileSync(join(folder, "large"), octets);
  const server = await serve(...SERVICES, "--root", folder);
  const got = join(folder, "got");
  await must("curl", "-sS", "-m", "60", "-o", got, `${URL_ROOT}/large`);
  const [sum] = (await must("sha256sum", got)).split(" ");
  const ended = await server.stop();
  const same = sum === createHash("sha256").update(octets).digest("hex");
  return { same, status: ended.status, retransmitted: retransmitted(ended) };
}

async function echo(): Promise<unknown> {
  const server = await serve(...SERVICES);
  const same = await echoed(5007, scale.echoOctets);
  const ended = await server.stop();
  return { same, status: ended.status, retransmitted: retransmitted(ended) };
}

async function impaired(): Promise<unknown> {
  const server = await serve(...SERVICES, "--impair", "loss=0.02,reorder=0.01,duplicate=0.01,corrupt=0.001,seed=7");
  const same = await echoed(5007, scale.impairedOctets);
  const page = await codeOf(`${URL_ROOT}/`);
  const ended = await server.stop();
  const { retransSegs = 0, inErrs = 0 } = ended.stats?.["tcp"] ?? {};
  return {
    same,
    page,
    status: ended.status,
    retransmitted: retransSegs,
    corrupted: inErrs + (ended.stats?.["drops"]?.["ip-checksum"] ?? 0),
  };
}

async function bulk(): Promise<unknown> {
  const server = await serve(...SERVICES);
  const pattern = new Pattern();
  const socket = await connected({ port: 5001 });
  const counted = text(socket);
  await writeAll(socket, pattern, scale.bulkOctets);
  const discarded = Number(await counted);
  const source = await connected({ port: 5002 });
  let got = 0;
  source.on("data", (chunk: Buffer) => {
    got += chunk.length;
    if (got >= scale.bulkOctets) source.destroy();
  });
  await once(source, "close");
  const ended = await server.stop();
  return { discarded, enough: got >= scale.bulkOctets, status: ended.status, retransmitted: retransmitted(ended) };
}

/** Packets for which the device's queue in the kernel had no room: a loss that is no fault of TCP's. */
async function droppedByKernel(): Promise<number> {
  const said = await must("ip", "-s", "-j", "link", "show", "tun0");
  const [link] = JSON.parse(said) as [{ stats64: { tx: { dropped: number } } }];
  return link.stats64.tx.dropped;
}

async function wrk(): Promise<unknown> {
  const server = await serve(...SERVICES);
  const seconds = String(scale.wrkSeconds);
  const said = await must("wrk", "-t", "2", "-c", String(scale.wrkConnections), "-d", seconds, `${URL_ROOT}/`);
  const page = await codeOf(`${URL_ROOT}/`);
  const dropped = await droppedByKernel();
  const ended = await server.stop();
  const requests = Number(/(\d+) requests in/.exec(said)?.[1] ?? 0);
  const errors = /Socket errors: (.*)/.exec(said)?.[1] ?? "none";
  const other = /Non-2xx.*: (\d+)/.exec(said)?.[1] ?? "none";
  return { requests, errors, other, page, dropped, status: ended.status, retransmitted: retransmitted(ended) };
}

/** Fields that Wireshark's dissectors set where something is wrong on a link that loses nothing; of checksums, 0 means bad. */
const WRONG = ["_ws.malformed", "tcp.analysis.lost_segment", "tcp.analysis.ack_lost_segment"];
const CHECKSUMS = ["ip.checksum.status", "tcp.checksum.status", "icmp.checksum.status"];
/** And those by which they tell that text was sent again. */
const AGAIN = ["retransmission", "fast_retransmission", "spurious_retransmission", "out_of_order"].map(
  (mark) => `tcp.analysis.${mark}`,
);
/** `_ws.expert.severity` of an error. */
const SEVERITY_ERROR = "8388608";
const FIELDS = ["frame.number", "ip.src", "tcp.len", "_ws.expert.severity", ...CHECKSUMS, ...WRONG, ...AGAIN];

/** One packet: what tshark says of each field, all occurrences of it. */
type Dissected = ReadonlyMap<string, readonly string[]>;

async function dissected(file: string): Promise<readonly Dissected[]> {
  const checks = ["-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE"];
  const fields = FIELDS.flatMap((field) => ["-e", field]);
  const lines = (await must("tshark", "-r", file, ...checks, "-T", "fields", ...fields)).split("\n").slice(0, -1);
  return lines.map((line) => {
    const said = line.split("\t").map((field) => (field === "" ? [] : field.split(",")));
    return new Map(FIELDS.map((field, i) => [field, said[i] ?? []]));
  });
}

/** What is wrong with a packet. */
function faultsOf(packet: Dissected): string[] {
  const has = (field: string, value?: string): boolean =>
    value === undefined ? (packet.get(field)?.length ?? 0) > 0 : (packet.get(field)?.includes(value) ?? false);
  const faults = [...WRONG.filter((field) => has(field)), ...CHECKSUMS.filter((field) => has(field, "0"))];
  if (has("_ws.expert.severity", SEVERITY_ERROR)) faults.push("an error");
  return faults.map((fault) => `packet ${String(packet.get("frame.number")?.[0])}: ${fault}`);
}

/** Whether it is text of `source` that was sent before. */
const isRepeat = (packet: Dissected, source: string): boolean =>
  packet.get("ip.src")?.[0] === source &&
  Number(packet.get("tcp.len")?.[0] ?? 0) > 0 &&
  AGAIN.some((mark) => (packet.get(mark)?.length ?? 0) > 0);

async function capture(): Promise<unknown> {
  const pcap = join(folder, "run.pcapng");
  const server = await serve(...SERVICES, "--pcap", pcap);
  await must("ping", "-c", "3", "-i", "0.2", "-s", "4000", STACK);
  await curl(...Array<string>(5).fill(`${URL_ROOT}/`));
  await curl(`${URL_ROOT}/missing`);
  const same = await echoed(5007, scale.captureOctets);
  await pipelined();
  const refused = await run("curl", ["-sS", `http://${STACK}:81/`]);
  const ended = await server.stop("SIGTERM");
  const packets = await dissected(pcap);
  const repeats = (source: string): number => packets.filter((packet) => isRepeat(packet, source)).length;
  const warned = (await run("tshark", ["-r", pcap, "-c", "1"])).stderr.includes("appears to");
  return {
    same,
    packets: packets.length,
    checked: packets.filter((packet) => packet.get("tcp.checksum.status")?.[0] === "1").length,
    wrong: packets.flatMap(faultsOf),
    repeats: { ours: repeats(STACK), kernels: repeats(KERNEL) },
    duplicates: ended.stats?.["tcp"]?.["duplicateSegs"],
    warned,
    refused: refused.status,
    status: ended.status,
    retransmitted: retransmitted(ended),
  };
}

/** A request in work when the signal comes is finished; an idle keep-alive connection does not hold up the end. */
async function signals(): Promise<unknown> {
  const endings: unknown[] = [];
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    const server = await serve(...SERVICES);
    const idle = await connected({ port: 8080 });
    const ends = once(idle, "end");
    const busy = await connected({ port: 5007 });
    busy.write("half");
    await once(busy, "data");
    busy.on("error", () => undefined);
    const { status, stderr } = await server.stop(signal);
    await ends;
    idle.destroy();
    busy.destroy();
    endings.push({ signal, status, errors: stderr.includes('"level":50'), device: interfaceState("tun0") });
  }
  return endings;
}

async function taken(way: "down" | "deleted"): Promise<unknown> {
  const server = await serve(...SERVICES);
  const pattern = new Pattern();
  const socket = await connected({ port: 5007 });
  socket.on("error", () => undefined);
  void readAll(socket, pattern).catch(() => undefined);
  void writeAll(socket, pattern, 1 << 30).catch(() => undefined);
  await once(socket, "data");
  if (way === "down") configureInterface("tun0", { up: false });
  else await must("ip", "link", "delete", "tun0");
  const { status, signal, stderr } = await server.ended;
  socket.destroy();
  const lines = stderr.split("\n").filter((line) => line.startsWith("fourtuple"));
  return { status, signal, lines: lines.length, told: lines.join(" ") };
}

const verbs: Record<string, () => Promise<unknown>> = {
  ping,
  http,
  file,
  echo,
  impaired,
  bulk,
  wrk,
  capture,
  signals,
  down: () => taken("down"),
  deleted: () => taken("deleted"),
};

configureInterface("lo", { up: true });
const verb = verbs[process.argv[2] ?? ""];
if (verb === undefined) throw new Error(`no verb ${process.argv[2] ?? ""}`);
process.stdout.write(JSON.stringify(await verb()));
