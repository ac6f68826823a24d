import { once } from "node:events";
import { expect, test } from "vitest";
import { memoryPair } from "../../src/device/memory.ts";
import { Stack, type StackOptions } from "../../src/host/stack.ts";
import type { Socket } from "../../src/sockets/socket.ts";
import { EventLoopTimebase } from "../../src/stack/event-loop-timebase.ts";

const pair = () => memoryPair({ timebase: new EventLoopTimebase() });

test.each<[Partial<StackOptions>, RegExp]>([
  [{ address: [] }, /options\.address: give one at least/],
  [{ address: "198.18.0.1/33" }, /options\.address: "198\.18\.0\.1\/33" is not usable/],
  [{ address: ["198.18.0.1/24", "localhost"] }, /options\.address: "localhost" is not usable/],
  [{ address: "224.0.0.1/4" }, /options\.address: "224\.0\.0\.1\/4" is no address of one host/],
  [{ address: "255.255.255.255/32" }, /no address of one host/],
  [{ address: "127.0.0.1/8" }, /no address of one host/],
  [{ address: "0.0.0.0/0" }, /no address of one host/],
  [{ memoryMax: 1000 }, /options\.memoryMax: 1000 is not usable/],
  [{ routes: ["198.18.0.0/24", "everywhere"] }, /options\.routes: "everywhere" is not usable/],
])("style.md §6: %o is refused before the device starts, which can then be used", async (wrong, message) => {
  const [device, other] = pair();
  const right = { device, address: "198.18.0.1/24" };
  const refused = Stack.open({ ...right, ...wrong });
  await expect(refused).rejects.toThrow(RangeError);
  await expect(refused).rejects.toThrow(message);
  await (await Stack.open(right)).close();
  other.close();
});

test("RFC 9293 §3.10.5: a stack that is closed from inside a handler still resets its connections", async () => {
  const [left, right] = pair();
  const client = await Stack.open({ device: left, address: "198.18.0.1/24", strict: true });
  const server = await Stack.open({ device: right, address: "198.18.0.2/24", strict: true });
  const closed: Promise<void>[] = [];
  const data = (): void => {
    closed.push(server.close({ deadlineMs: 0 }));
  };
  server.tcp.listen({ port: 7, handler: { data } });
  const socket = client.net.connect(7, "198.18.0.2");
  socket.write("the last words");
  const [error] = (await once(socket, "error")) as [NodeJS.ErrnoException];
  expect(error.code).toBe("ECONNRESET");
  await Promise.all(closed);
  await client.close();
});

test("a stack without a device, or on one too narrow for IPv4, says what is wrong before it starts anything", async () => {
  const timebase = new EventLoopTimebase();
  const [narrow] = memoryPair({ timebase, mtu: 60 });
  const address = "198.18.0.1/24";
  await expect(Stack.open({ address } as unknown as StackOptions)).rejects.toThrow(/options\.device: give one/);
  await expect(Stack.open({ device: narrow, address, timebase })).rejects.toThrow(/MTU of 60 is below 68/);
});

test("design.md §7: octets that a stream keeps for its reader count in the stack's memory, until they are read", async () => {
  const [left, right] = pair();
  const client = await Stack.open({ device: left, address: "198.18.0.1/24", strict: true });
  const server = await Stack.open({ device: right, address: "198.18.0.2/24", strict: true, memoryMax: 8 << 20 });
  expect(server.stats().memory).toMatchObject({ max: 8 << 20, used: 0 });
  const listener = server.net.createServer({ pauseOnConnect: true }).listen(7);
  const socket = client.net.connect(7, "198.18.0.2");
  const [accepted] = (await once(listener, "connection")) as [Socket];
  socket.write(Buffer.alloc(10_000));
  accepted.read(0);
  while (accepted.readableLength < 10_000) await once(accepted, "readable");
  expect(server.stats().memory.receive).toBeGreaterThanOrEqual(10_000);
  accepted.read();
  expect(server.stats().memory.used).toBe(0);
  accepted.destroy();
  socket.destroy();
  await server.close({ deadlineMs: 0 });
  await client.close({ deadlineMs: 0 });
});
