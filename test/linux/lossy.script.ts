/**
 * What `lossy.test.ts` runs in a namespace: a transfer each way across a path that loses datagrams, captured at both ends of
 * the path, and what Wireshark's dissectors make of it.
 */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import type { Socket as KernelSocket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toAddress } from "../../src/base/address.ts";
import { impaired } from "../../src/device/impaired.ts";
import { captured } from "../../src/device/tap.ts";
import { TunDevice } from "../../src/device/tun.ts";
import { Stack } from "../../src/host/stack.ts";
import type { Socket } from "../../src/sockets/socket.ts";
import { EventLoopTimebase, wallClockUs } from "../../src/stack/event-loop-timebase.ts";
import { connected, must, Pattern, readAll, STACK, writeAll } from "./kernel-side.ts";
import { scale } from "./scale.ts";

const PORT = 7;
const pattern = new Pattern();
const folder = mkdtempSync(join(tmpdir(), "fourtuple-lossy-"));

/** One segment of a capture, as tshark tells it. */
interface Segment {
  readonly fromUs: boolean;
  readonly seq: number;
  readonly length: number;
  readonly ack: number;
  /** Scaled. */
  readonly window: number;
  /** It acknowledges what the capture has not seen. */
  readonly badAck: boolean;
  /** It repeats what the capture has seen acknowledged. */
  readonly spurious: boolean;
  readonly malformed: boolean;
}

const FIELDS = [
  "ip.src",
  "tcp.seq",
  "tcp.len",
  "tcp.ack",
  "tcp.window_size",
  "tcp.analysis.ack_lost_segment",
  "tcp.analysis.spurious_retransmission",
  "_ws.malformed",
];

async function segmentsOf(file: string): Promise<Segment[]> {
  const fields = FIELDS.flatMap((field) => ["-e", field]);
  const said = await must("tshark", "-r", file, "-Y", "tcp", "-T", "fields", ...fields);
  const lines = said.split("\n").filter((line) => line !== "");
  return lines.map((line) => {
    const [source = "", ...rest] = line.split("\t");
    const [seq = 0, length = 0, ack = 0, window = 0] = rest.map(Number);
    const [badAck = false, spurious = false, malformed = false] = rest.slice(4).map((mark) => mark !== "");
    return { fromUs: source === STACK, seq, length, ack, window, badAck, spurious, malformed };
  });
}

/** Segments with text beyond the largest right edge that the other side had offered up to then. RFC 9293 §3.8.6, SHLD-16. */
function beyondWindow(segments: readonly Segment[], fromUs: boolean): number {
  let edge = Infinity;
  let beyond = 0;
  for (const segment of segments) {
    if (segment.fromUs !== fromUs) {
      const offered = segment.ack + segment.window;
      edge = edge === Infinity ? offered : Math.max(edge, offered);
    } else if (segment.length > 0 && segment.seq + segment.length > edge) beyond++;
  }
  return beyond;
}

/** What one end of the path saw of what one side sent. */
function judged(segments: readonly Segment[], fromUs: boolean): unknown {
  const own = segments.filter((segment) => segment.fromUs === fromUs);
  return {
    withText: own.filter(({ length }) => length > 0).length,
    badAcks: own.filter(({ badAck }) => badAck).length,
    spurious: own.filter(({ spurious }) => spurious).length,
    malformed: own.filter(({ malformed }) => malformed).length,
  };
}

/** `fromUs` tells who sends `scale.lossyOctets`. */
async function transfer(fromUs: boolean): Promise<unknown> {
  const timebase = new EventLoopTimebase();
  const tun = TunDevice.open({ name: "tun0", address: toAddress(0xc612_0001), prefixLength: 24, up: true });
  const files = { kernel: join(folder, "kernel.pcapng"), stack: join(folder, "stack.pcapng") };
  const capture = { timebase, epochUs: wallClockUs() };
  const far = captured(tun, files.kernel, capture);
  const path = impaired(far, { timebase, seed: 3, loss: 0.01, delayMs: 10, rateBitsPerSecond: 100e6 });
  const near = captured(path, files.stack, capture);
  const stack = await Stack.open({ device: near, address: `${STACK}/24`, strict: true });
  const accepted = new Promise<Socket>((resolve) =>
    stack.net.createServer({ allowHalfOpen: true }, resolve).listen(PORT),
  );
  const kernel = await connected({ port: PORT });
  const ours = (await accepted) as unknown as KernelSocket;
  const [source, sink] = fromUs ? [ours, kernel] : [kernel, ours];
  const [seen] = await Promise.all([readAll(sink, pattern), writeAll(source, pattern, scale.lossyOctets)]);
  sink.end();
  await Promise.all([once(source.resume(), "end"), once(kernel, "close")]);
  const { retransSegs = 0 } = stack.stats().tcp;
  await stack.close();
  await Promise.all([far.flushed, near.flushed]);
  const { lost } = fromUs ? path.counters.out : path.counters.in;
  const [atKernel, atStack] = await Promise.all([segmentsOf(files.kernel), segmentsOf(files.stack)]);
  return {
    ...seen,
    lost,
    retransSegs,
    // What a side may send is judged where it sends: by what had reached it.
    beyondWindow: beyondWindow(fromUs ? atStack : atKernel, fromUs),
    ours: { atKernel: judged(atKernel, true), atStack: judged(atStack, true) },
    kernels: { atKernel: judged(atKernel, false), atStack: judged(atStack, false) },
  };
}

try {
  process.stdout.write(JSON.stringify(await transfer(process.argv[2] === "out")));
} finally {
  rmSync(folder, { recursive: true });
}
