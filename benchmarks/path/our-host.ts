import { SeededRandom } from "../../src/base/random.ts";
import type { Timebase } from "../../src/base/timebase.ts";
import { impaired } from "../../src/device/impaired.ts";
import { memoryPair } from "../../src/device/memory.ts";
import { Stack } from "../../src/host/stack.ts";
import type { TcpSocket } from "../../src/stack/tcp-service.ts";
import { type Host, PORT } from "./host.ts";

const BLOCK = new Uint8Array(1 << 16);

/**
 * A stack of ours in this process. `offload`: it sends super-segments, which are cut before they reach the path; else it
 * cuts them itself.
 */
export async function ourHost(address: string, timebase: Timebase, offload: boolean, seed: number): Promise<Host> {
  const [inside, device] = memoryPair({ timebase, offload: false });
  const stack = await Stack.open({
    device: offload ? impaired(inside, { timebase, seed }) : inside,
    address: `${address}/24`,
    timebase,
    random: new SeededRandom(seed),
  });
  const received = new Map<string, number>();
  let sender: TcpSocket | null = null;
  const fill = (connection: TcpSocket): void => {
    while (connection.send(BLOCK));
  };
  return {
    address,
    device,
    receive() {
      const data = ({ remoteAddress }: TcpSocket, _octets: Uint8Array, start: number, end: number): void => {
        received.set(remoteAddress, (received.get(remoteAddress) ?? 0) + end - start);
      };
      stack.tcp.listen({ port: PORT, handler: { data } });
      return Promise.resolve();
    },
    receivedFrom: (from) => Promise.resolve(received.get(from) ?? 0),
    send: (to) =>
      new Promise((resolve, reject) => {
        sender = stack.tcp.connect({
          address: to,
          port: PORT,
          handler: {
            open(connection) {
              resolve();
              fill(connection);
            },
            drain: fill,
            close(_connection, failure) {
              reject(new Error(failure ?? "closed"));
            },
          },
        });
      }),
    senderInfo() {
      if (sender === null) return Promise.reject(new Error("it does not send"));
      const { cwnd, ssthresh, rttMs, totalRetrans } = sender.info();
      return Promise.resolve({ cwnd, ssthresh, rttUs: Math.round(rttMs * 1000), totalRetrans });
    },
    stopSending() {
      sender?.abort();
      return Promise.resolve();
    },
    close: () => stack.close({ deadlineMs: 0 }),
  };
}
