/**
 * Where each octet of an idle connection goes: two heap snapshots of a process with two stacks on a memory link, before and after
 * so many connections, and what has come in between, by the objects' constructors. No namespace, no device.
 * Use: node --expose-gc --import ./test/support/typescript.mjs benchmarks/idle-heap.ts [--connections N] [--streams]
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { writeHeapSnapshot } from "node:v8";

import { EventLoopTimebase, memoryPair, Stack } from "../src/index.ts";
import { grownSince, heapCount } from "./heap-count.ts";

const { values } = parseArgs({
  options: {
    connections: { type: "string", default: "5000" },
    streams: { type: "boolean", default: false },
  },
});
const wanted = Number(values.connections);
const PORT = 7;
/** Connections before the first look: what the first ones alone cost is not looked at. */
const BEFORE = 200;
/** Under way at once: below the listener's backlog. */
const AT_ONCE = 100;
/** Lines of the table; the rest is one line. */
const LINES = 16;

const [left, right] = memoryPair({ timebase: new EventLoopTimebase() });
const client = await Stack.open({ device: left, address: "198.18.0.1/24" });
const server = await Stack.open({ device: right, address: "198.18.0.2/24" });
if (values.streams) server.net.createServer((socket) => socket.on("error", () => {}).on("data", () => {})).listen(PORT);
else server.tcp.listen({ port: PORT, handler: { data() {} } });

async function connect(count: number): Promise<void> {
  for (let begun = 0; begun < count; begun += AT_ONCE) {
    const some = Math.min(AT_ONCE, count - begun);
    await new Promise<void>((resolve) => {
      let open = 0;
      const handler = {
        data() {},
        open() {
          if (++open === some) resolve();
        },
      };
      for (let i = 0; i < some; i++) client.tcp.connect({ address: "198.18.0.2", port: PORT, handler });
    });
  }
}

// In files, both read in the end: a count is made of objects itself.
const folder = mkdtempSync(join(tmpdir(), "fourtuple-heap-"));
const snapshot = (name: string): string => {
  globalThis.gc?.();
  return writeHeapSnapshot(join(folder, name));
};
const counted = (file: string): ReturnType<typeof heapCount> => heapCount(readFileSync(file, "utf8"));

await connect(BEFORE);
const before = snapshot("before");
await connect(wanted);
const after = snapshot("after");
const grown = grownSince(counted(before), counted(after));
rmSync(folder, { recursive: true });
const all = grown.reduce((sum, { octets }) => sum + octets, 0);
const print = (octets: number, objects: string, name: string): void => {
  process.stdout.write(`${(octets / wanted).toFixed(1).padStart(8)} octets  ${objects.padStart(6)} x  ${name}\n`);
};
process.stdout.write(
  `A connection with both its ends, the server's ${values.streams ? "a stream" : "by the callback API"}:\n`,
);
for (const { name, objects, octets } of grown.slice(0, LINES)) print(octets, (objects / wanted).toFixed(2), name);
print(
  grown.slice(LINES).reduce((sum, { octets }) => sum + octets, 0),
  "",
  "all others",
);
print(all, "", "in all");
await Promise.all([client.close({ deadlineMs: 0 }), server.close({ deadlineMs: 0 })]);
