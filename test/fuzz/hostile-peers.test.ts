import { expect, test } from "vitest";
import { ANY_ADDRESS } from "../../src/base/address.ts";
import type { TcpHandler, TcpSocket } from "../../src/tcp/handler.ts";
import { ACK, HOST_TEXT, type HostilePeer, Square, SYN } from "./crowd.ts";

const MEMORY_MAX = 64 << 20;
const PEERS = 10_000;
const CHUNK = 16_384;
const answer = new Uint8Array(CHUNK);

/** Answers whoever asks with a stream that never ends, at the pace at which it is taken. */
const pour = (socket: TcpSocket): void => {
  while (socket.send(answer.subarray(0, Math.min(CHUNK, Math.max(1, socket.sendRoom)))));
};
/** The first octet says what is wanted: an answer, that its text waits unread, or that its text is taken. */
const UNREAD = 0,
  ANSWER = 1,
  TAKE = 2;
const server: TcpHandler = {
  data: (socket, octets, start) => {
    const wish = octets[start];
    if (wish === UNREAD) socket.pause();
    else if (wish === ANSWER) {
      socket.handler = { data: () => undefined, drain: pour };
      pour(socket);
    } else socket.handler = { readable: read };
  },
};
const read = (socket: TcpSocket): void => {
  while (socket.read() !== null);
};

/** What the crowd does meanwhile, in a hundredth of a second of virtual time. */
type Siege = (hundredth: number) => void;

/** An honest client: how many octets per second of virtual time it gets, and how many it can send, while a siege goes on. */
function honest(square: Square): { down: (siege?: Siege) => number; up: (siege?: Siege) => number; stop: () => void } {
  let received = 0;
  const second = (siege: Siege | undefined): void => {
    for (let hundredth = 0; hundredth < 100; hundredth++) {
      siege?.(hundredth);
      square.timebase.advance(10);
    }
  };
  const connect = (first: number, handler: TcpHandler): TcpSocket => {
    const socket = square.client.tcp.connect({ address: HOST_TEXT, port: 80, handler });
    socket.setNoDelay(true);
    square.timebase.advance(50);
    socket.sendCopy(Uint8Array.of(first));
    square.timebase.advance(50);
    return socket;
  };
  const downloader = connect(ANSWER, { data: (_, __, start, end) => void (received += end - start) });
  const uploader = connect(TAKE, { drain: pour });
  pour(uploader);
  return {
    stop: () => {
      downloader.abort();
      uploader.abort();
    },
    down: (siege) => {
      const before = received;
      second(siege);
      return received - before;
    },
    up: (siege) => {
      const before = uploader.bytesWritten - uploader.queuedOctets;
      second(siege);
      return uploader.bytesWritten - uploader.queuedOctets - before;
    },
  };
}

test(
  "issue 3, design.md §7: 10,000 hostile peers stay within the stack's one memory budget; honest connections keep more than half of their speed",
  { timeout: 120_000 },
  async () => {
    const square = new Square({ memoryMax: MEMORY_MAX });
    const { core, crowd, timebase } = square;
    core.tcp.listen({
      address: ANY_ADDRESS,
      port: 80,
      backlog: 1024,
      handler: { accept: (socket) => (socket.handler = server) },
    });
    const first = honest(square);
    timebase.advance(1000);
    const alone = { down: first.down(), up: first.up() };
    const peers = Array.from({ length: PEERS }, (_, i) => crowd.peer(i));
    let most = 0;
    const act = (kinds: readonly ((peer: HostilePeer) => void)[]): void => {
      for (let i = 0; i < PEERS; i += 100) {
        for (const peer of peers.slice(i, i + 100)) kinds[(peer.address >>> 0) % kinds.length](peer);
        timebase.advance(1);
        most = Math.max(most, core.memory.used);
      }
    };
    act([(peer) => peer.send(SYN)]);
    timebase.advance(100);
    expect(peers.filter(({ established }) => established)).toHaveLength(PEERS);
    const ask =
      (window: number) =>
      (peer: HostilePeer): void => {
        peer.send(ACK, { length: 1, first: ANSWER, window });
        peer.next++;
      };
    const fill = (peer: HostilePeer): void => {
      for (let octets = 0; octets < 65_000; octets += 1300, peer.next += 1300) peer.send(ACK, { length: 1300 });
    };
    const beyondHole = (peer: HostilePeer): void => {
      for (let i = 0; i < 50; i++) peer.send(ACK, { seq: 100 + 2 * i, length: 1 });
    };
    act([ask(2000), ask(0), beyondHole, fill]);
    const goOn = [
      (peer: HostilePeer) => peer.send(ACK, { window: 2000 }),
      (peer: HostilePeer) => peer.send(ACK, { window: 0 }),
      beyondHole,
      (peer: HostilePeer) => peer.send(ACK, { length: 1 }),
    ];
    // Each of them goes on once a second.
    const siege: Siege = (hundredth) => {
      const from = hundredth * (PEERS / 100);
      for (const peer of peers.slice(from, from + PEERS / 100)) goOn[(peer.address >>> 0) % goOn.length](peer);
      most = Math.max(most, core.memory.used);
    };
    const besieged = { down: first.down(siege), up: first.up(siege) };
    first.stop();
    const second = honest(square);
    second.down(siege);
    second.up(siege);
    const late = { down: second.down(siege), up: second.up(siege) };
    expect(most).toBeLessThanOrEqual(MEMORY_MAX);
    expect(core.memory.send).toBeLessThanOrEqual(MEMORY_MAX / 2);
    expect(besieged.down).toBeGreaterThan(alone.down / 2);
    expect(besieged.up).toBeGreaterThan(alone.up / 2);
    expect(late.down).toBeGreaterThan(alone.down / 2);
    expect(late.up).toBeGreaterThan(alone.up / 2);
    await square.end();
    expect(core.memory.used).toBe(0);
  },
);
