/** What an idle connection costs: the growth of the server's resident memory, and of the kernel's slabs, for each one more. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { HeldLoad } from "./load.ts";
import type { Sample } from "./measure.ts";
import { ServerProcess } from "./server-process.ts";
import { PORT } from "./servers/roles.ts";
import type { Place, Subject } from "./subjects.ts";
import type { IdleWorkload } from "./workloads.ts";
import { framesDropped, IDLE_SOURCES } from "./world.ts";

/** Of all connections, those that are there before the first look: what the first ones alone cost is not looked at. */
const BEFORE = 0.1;
/** Descriptors of a process that are no connections. */
const DESCRIPTORS_OTHER = 200;
/** For a smoke run. */
const FEW = 500;
const OCTETS_PER_KIB = 1024;

/** How many descriptors a process may have. */
const descriptorsMax = (): number =>
  Number(/^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "latin1"))?.[1] ?? 1024);

/** Of the whole machine: on one that does other things too, it says little. */
const slabOctets = (): number =>
  Number(/^Slab:\s*(\d+) kB/m.exec(readFileSync("/proc/meminfo", "latin1"))?.[1]) * OCTETS_PER_KIB;

/**
 * Takes one sample with a fresh server. Where a connection needs a descriptor of the server's, there are no more than it may
 * have: a connection costs the same then.
 */
export async function sampleIdle(
  workload: IdleWorkload,
  subject: Subject,
  place: Place,
  isSmoke: boolean,
): Promise<Sample> {
  const each = descriptorsMax() - DESCRIPTORS_OTHER;
  const wanted = isSmoke ? FEW : workload.idle;
  const count = subject.usesDescriptors ? Math.min(wanted, each) : wanted;
  const { link } = subject;
  const hold = (connections: number): Promise<HeldLoad> =>
    HeldLoad.start([
      join(place.folder, "idle"),
      link.server,
      String(PORT),
      String(connections),
      link.firstSource,
      String(IDLE_SOURCES),
      String(each),
    ]);
  const server = await ServerProcess.start(subject.command(workload.role, place, ["--expose-gc"]));
  const dropped = framesDropped(link);
  const held: HeldLoad[] = [];
  try {
    const first = Math.round(count * BEFORE);
    held.push(await hold(first));
    const rss = await server.residentOctets();
    const slab = slabOctets();
    held.push(await hold(count - first));
    const grown = (await server.residentOctets()) - rss;
    const slabGrown = slabOctets() - slab;
    return {
      metrics: { rss: grown / (count - first), slab: slabGrown / (count - first) },
      serverCpu: null,
      loadCpu: null,
      errors: 0,
      framesDropped: framesDropped(link) - dropped,
    };
  } finally {
    await server.stop();
    for (const load of held) await load.stop();
  }
}
