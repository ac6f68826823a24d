import type { LookupFunction } from "node:net";

import { createNet } from "../../src/sockets/net.ts";
import type { Server } from "../../src/sockets/server.ts";
import type { Socket } from "../../src/sockets/socket.ts";
import { FakeService, type FakeConnection } from "./fake-network.ts";
import { ManualTimebase } from "./manual-timebase.ts";

/** A net over a stack in memory, with hand-wound time. */
export function fakeNet(lookup?: LookupFunction) {
  const service = new FakeService();
  const timebase = new ManualTimebase();
  const net = createNet({ service, timebase, lookup });
  return { service, timebase, net };
}

export const event = (emitter: Socket | Server, name: string): Promise<unknown[]> =>
  new Promise((resolve) => emitter.once(name, (...args: unknown[]) => resolve(args)));

/** A turn of the event loop, and with it of the wire. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export const connectionsOf = (service: FakeService): FakeConnection[] => [...service.connections()];

/** A client and the accepted socket that it is connected to. */
export async function connected(options: { allowHalfOpen?: boolean } = {}) {
  const fake = fakeNet();
  const server = fake.net.createServer(options).listen(80);
  const accepted = event(server, "connection");
  const client = fake.net.connect({ port: 80, host: "198.18.0.2", ...options });
  const [peer] = (await accepted) as [Socket];
  return { ...fake, server, client, peer };
}
