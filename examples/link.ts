// What the examples share: a stack to serve on, and clients that connect to it.
import { connect } from "node:net";
import { parseArgs } from "node:util";
import { EventLoopTimebase, memoryPair, Stack, tun } from "fourtuple";
import type { Duplex } from "node:stream";

export interface Link {
  /** The stack that the example serves on. */
  readonly stack: Stack;
  /** Its address. */
  readonly address: string;
  /** Opens a connection to it: from a second stack, or from the kernel's own TCP. */
  connect(port: number): Duplex;
  close(): Promise<void>;
}

interface LinkValues {
  readonly tun?: string;
  readonly address?: string;
}

/** What an example with options of its own adds to them. */
export const LINK_OPTIONS = { tun: { type: "string" }, address: { type: "string" } } as const;

/**
 * With `--tun NAME [--address PREFIX]`, a stack on that device, and clients of the kernel's. Otherwise two stacks joined
 * by a link in memory, which needs no rights and no device.
 */
export async function openLink(values: LinkValues = parseArgs({ options: LINK_OPTIONS }).values): Promise<Link> {
  const prefix = values.address ?? "198.18.0.2/24";
  const address = prefix.replace(/\/.*/, "");
  if (values.tun !== undefined) {
    const stack = await Stack.open({ device: tun(values.tun), address: prefix });
    return { stack, address, connect: (port) => connect(port, address), close: () => stack.close() };
  }
  const [left, right] = memoryPair({ timebase: new EventLoopTimebase() });
  const stack = await Stack.open({ device: right, address: prefix });
  const client = await Stack.open({ device: left, address: "198.18.0.1/24" });
  return {
    stack,
    address,
    connect: (port) => client.net.connect(port, address),
    close: async () => {
      await Promise.all([client.close(), stack.close()]);
    },
  };
}
