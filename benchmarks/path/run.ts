/** One run of a plan (its JSON is the argument), inside a private user and network namespace; prints the result as JSON. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";

import { toAddress } from "../../src/base/address.ts";
import { ImpairedDevice, impaired } from "../../src/device/impaired.ts";
import { EventLoopTimebase } from "../../src/stack/event-loop-timebase.ts";
import { Bridge } from "./bridge.ts";
import type { Host } from "./host.ts";
import { linuxHost } from "./linux-host.ts";
import { ourHost } from "./our-host.ts";
import type { FlowResult, HostKind, PathPlan, PathResult, Sample } from "./plan.ts";

/** RFC 2544's benchmark network: the receiver is .1, the senders .2 and up. */
const NETWORK = 0xc612_0000;
const DATAGRAM = 1500;
const DRAIN_MS = 1000;

const plan = JSON.parse(process.argv[2] ?? "") as PathPlan;
const timebase = new EventLoopTimebase();
const nowSeconds = (): number => timebase.nowUs() / 1e6;

const makeHost = (kind: HostKind, place: number): Promise<Host> =>
  kind === "ours"
    ? ourHost(`198.18.0.${String(place)}`, timebase, plan.offload, plan.seed * 16 + place)
    : linuxHost(`198.18.0.${String(place)}`, `path${String(place)}`, plan.offload);

/** The bottleneck is the receiver's own link. */
function bottleneckTo(receiver: Host): ImpairedDevice {
  const { rateBitsPerSecond, rttMs, queueOctets, loss, seed } = plan;
  return impaired(receiver.device, { timebase, seed, rateBitsPerSecond, delayMs: rttMs / 2, queueOctets, loss });
}

/** Datagrams that wait for the bottleneck now: those on the wire are held, too, but do not wait. */
function queueLength({ counters: { out } }: ImpairedDevice): number {
  const held = out.entered - out.lost - out.queueDropped - out.overflowed - out.released;
  return Math.max(0, held - (plan.rateBitsPerSecond * plan.rttMs) / 2 / 8000 / DATAGRAM);
}

interface Flow {
  readonly kind: HostKind;
  readonly host: Host;
  readonly startedAt: number;
  readonly samples: Sample[];
}

async function sampleAll(flows: readonly Flow[], receiver: Host, beganAt: number): Promise<void> {
  for (const { host, samples } of flows) {
    const octets = await receiver.receivedFrom(host.address);
    samples.push({ seconds: nowSeconds() - beganAt, octets, ...(await host.senderInfo()) });
  }
}

/** Until what was on its way has arrived, too. */
async function warmUp(senders: readonly Host[], receiver: Host): Promise<void> {
  if (plan.warmUpSeconds === 0) return;
  for (const sender of senders) {
    await sender.send(receiver.address);
    await pause(plan.warmUpSeconds * 1000);
    await sender.stopSending();
    await pause(DRAIN_MS);
  }
}

async function startAll(senders: readonly Host[], receiver: Host, beganAt: number): Promise<Flow[]> {
  const flows: Flow[] = [];
  const order = plan.senders.map((sender, i) => ({ ...sender, host: senders[i] }));
  order.sort((a, b) => (a.startSeconds ?? 0) - (b.startSeconds ?? 0));
  for (const { kind, host, startSeconds = 0 } of order) {
    await passTime(flows, receiver, beganAt, beganAt + startSeconds);
    await host.send(receiver.address);
    flows.push({ kind, host, startedAt: nowSeconds(), samples: [] });
  }
  return flows;
}

async function passTime(flows: readonly Flow[], receiver: Host, beganAt: number, until: number): Promise<void> {
  for (let left = until - nowSeconds(); left > 0; left = until - nowSeconds()) {
    const step = plan.sampleMs > 0 ? Math.min(plan.sampleMs / 1000, left) : left;
    await pause(step * 1000);
    if (plan.sampleMs > 0) await sampleAll(flows, receiver, beganAt);
  }
}

const receiver = await makeHost(plan.receiver, 1);
const senders: Host[] = [];
for (const [i, { kind }] of plan.senders.entries()) senders.push(await makeHost(kind, i + 2));
const bottleneck = bottleneckTo(receiver);
let peakQueue = 0;
const ports = senders.map(({ device }, i) => ({
  address: toAddress(NETWORK + i + 2) >>> 0,
  device: impaired(device, { timebase, seed: i, delayMs: (plan.senders[i].extraRttMs ?? 0) / 2 }),
}));
const bridge = new Bridge([{ address: NETWORK + 1, device: bottleneck }, ...ports], () => {
  peakQueue = Math.max(peakQueue, queueLength(bottleneck));
});
await receiver.receive();
await warmUp(senders, receiver);
peakQueue = 0;
const before = { ...bottleneck.counters.out };
const octetsBefore = await Promise.all(senders.map(({ address }) => receiver.receivedFrom(address)));
const late = monitorEventLoopDelay({ resolution: 5 });
late.enable();
const beganAt = nowSeconds();
const flows = await startAll(senders, receiver, beganAt);
await passTime(flows, receiver, beganAt, nowSeconds() + plan.settleSeconds);
const sharedFrom = nowSeconds();
const already = await Promise.all(flows.map(({ host }) => receiver.receivedFrom(host.address)));
const cpuBefore = process.cpuUsage();
await passTime(flows, receiver, beganAt, sharedFrom + plan.seconds);
const results: FlowResult[] = [];
for (const [i, { kind, host, startedAt, samples }] of flows.entries()) {
  const octets = await receiver.receivedFrom(host.address);
  const seconds = nowSeconds() - startedAt;
  const { totalRetrans } = await host.senderInfo();
  const earlier = octetsBefore[senders.indexOf(host)];
  results.push({ kind, octets: octets - earlier, seconds, sharedOctets: octets - already[i], totalRetrans, samples });
}
const { user, system } = process.cpuUsage(cpuBefore);
const after = bottleneck.counters.out;
const result: PathResult = {
  flows: results,
  sharedSeconds: nowSeconds() - sharedFrom,
  entered: after.entered - before.entered,
  lost: after.lost - before.lost,
  queueDropped: after.queueDropped - before.queueDropped + bridge.refused,
  peakQueue: Math.round(peakQueue),
  cpu: (user + system) / 1e6 / (nowSeconds() - sharedFrom),
  lateMsP99: late.percentile(99) / 1e6 - 5,
  lateMsMax: late.max / 1e6 - 5,
};
process.stdout.write(JSON.stringify(result), () => process.exit());
