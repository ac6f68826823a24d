/** A run of a plan (its JSON is the argument) between two hosts of the simulator, in virtual time; prints the result as JSON. */
import { simulate } from "../../src/sim/index.ts";
import { PORT } from "./host.ts";
import type { PathPlan, PathResult } from "./plan.ts";

const plan = JSON.parse(process.argv[2] ?? "") as PathPlan;
const { seed, rateBitsPerSecond, rttMs, queueOctets, loss } = plan;
const BLOCK = new Uint8Array(1 << 16);

const { value, faults } = await simulate({ seed, captureOctets: 0, captureFile: "" }, async (sim) => {
  const sender = await sim.host("sender", { address: "198.18.0.2/24" });
  const receiver = await sim.host("receiver", { address: "198.18.0.1/24" });
  sim.link(sender, receiver, { rateBitsPerSecond, delayMs: rttMs / 2, queueOctets, loss });
  let octets = 0;
  let connectedMs = 0;
  let totalRetrans = 0;
  receiver.tcp.listen({
    port: PORT,
    handler: {
      data(_connection, _octets, start, end) {
        octets += end - start;
      },
    },
  });
  await new Promise<void>((resolve) => {
    const fill = (connection: { send(block: Uint8Array): boolean }): void => {
      while (connection.send(BLOCK));
    };
    sender.tcp.connect({
      address: receiver.address,
      port: PORT,
      handler: {
        open(connection) {
          connectedMs = sim.nowMs;
          sim.at(connectedMs + plan.seconds * 1000, () => {
            ({ totalRetrans } = connection.info());
            connection.abort();
            resolve();
          });
          fill(connection);
        },
        drain: fill,
      },
    });
  });
  return { kind: "ours" as const, octets, seconds: (sim.nowMs - connectedMs) / 1000, totalRetrans };
});
const lost = faults["loss"] ?? 0;
const result: PathResult = {
  flows: [{ ...value, sharedOctets: value.octets, samples: [] }],
  sharedSeconds: value.seconds,
  entered: 0,
  lost,
  queueDropped: faults["queue-drop"] ?? 0,
  peakQueue: 0,
  cpu: 1,
  lateMsP99: 0,
  lateMsMax: 0,
};
process.stdout.write(JSON.stringify(result));
