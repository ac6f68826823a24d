import * as nodeNet from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { memoryPair } from "../../src/device/memory.ts";
import { Stack } from "../../src/host/stack.ts";
import { createNet, type Net } from "../../src/sockets/net.ts";
import { EventLoopTimebase } from "../../src/stack/event-loop-timebase.ts";
import { FakeService } from "./fake-network.ts";
import { ManualTimebase } from "./manual-timebase.ts";
import { Journal, SCENARIOS, type NodeNet } from "./scenarios.ts";

/** Scripts are typed for `node:net`: what they use of ours must be enough like it. */
const likeNode = (net: Pick<Net, "createServer" | "connect" | "Socket">, host: string): NodeNet =>
  ({ createServer: net.createServer, connect: net.connect, Socket: net.Socket, host }) as unknown as NodeNet;

const onLocalhost: NodeNet = {
  createServer: nodeNet.createServer,
  connect: nodeNet.connect,
  Socket: nodeNet.Socket,
  host: "127.0.0.1",
};

const overFake = () => likeNode(createNet({ service: new FakeService(), timebase: new ManualTimebase() }), "127.0.0.1");

let client: Stack;
let server: Stack;

beforeAll(async () => {
  const [left, right] = memoryPair({ timebase: new EventLoopTimebase() });
  client = await Stack.open({ device: left, address: "198.18.0.1/24", strict: true });
  server = await Stack.open({ device: right, address: "198.18.0.2/24", strict: true });
});
afterAll(async () => {
  await Promise.all([client, server].map((stack) => stack.close({ deadlineMs: 0 })));
});

const betweenStacks = () =>
  likeNode(
    { createServer: server.net.createServer, connect: client.net.connect, Socket: client.net.Socket },
    "198.18.0.2",
  );
const insideOneStack = () => likeNode(server.net, "127.0.0.1");

describe.each([
  ["over a stack in memory", overFake],
  ["between two stacks", betweenStacks],
  ["inside one stack", insideOneStack],
])("design §5: what node:net tells its owner, ours tells in the same order, %s", (_name, ours) => {
  test.each(Object.entries(SCENARIOS))("%s", async (_scenario, run) => {
    const expected = new Journal();
    await run(onLocalhost, expected);
    const seen = new Journal();
    await run(ours(), seen);
    expect(seen.lines).toEqual(expected.lines);
  });
});
