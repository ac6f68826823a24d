import { expect, test } from "vitest";
import type { TcpHandler, TcpSocket } from "../../src/tcp/handler.ts";
import { type ScriptedPeer, scripted } from "../support/scripted-peer.ts";

const peer = { mss: 1000 };

/** Something that an owner may do inside any of its callbacks. */
const DEEDS: Record<string, (socket: TcpSocket) => void> = {
  abort: (socket) => {
    socket.abort();
  },
  close: (socket) => {
    socket.close();
  },
  end: (socket) => {
    socket.end();
  },
  send: (socket) => {
    socket.send(new Uint8Array(3000));
  },
  "pause and resume": (socket) => {
    socket.pause();
    socket.resume();
  },
  pause: (socket) => {
    socket.pause();
  },
  read: (socket) => {
    socket.read();
  },
  throw: () => {
    throw new Error("the owner's own");
  },
};
const CALLBACKS = ["open", "data", "drain", "end", "close", "softError", "readable"] as const;

/** A whole life in which every callback comes. */
function life(handler: TcpHandler, thrown: unknown[]): ScriptedPeer {
  const t = scripted({
    peer,
    handler,
    faulted: (error) => thrown.push(error),
    tcp: { sendHighWater: 100, mslMs: 1000 },
  });
  t.connecting().take();
  t.inject("SYN,ACK seq=0 ack=1 mss=1000");
  t.call((socket) => socket.send(new Uint8Array(150)));
  for (let i = 0; i < 4; i++) t.pass(5000);
  t.inject("ACK seq=1001 ack=1 len=1000").inject("ACK seq=1 len=1000").inject("ACK seq=2001 len=1000");
  t.call((socket) => {
    socket.resume();
  });
  t.inject("FIN,ACK seq=3001").close();
  for (let i = 0; i < 3; i++) t.inject("ACK seq=3002").pass(3000);
  return t;
}

test.each(CALLBACKS.flatMap((callback) => Object.keys(DEEDS).map((deed) => [callback, deed] as const)))(
  "in `%s` an owner may %s",
  (callback, deed) => {
    const thrown: unknown[] = [];
    let done = 0;
    const act = (socket: TcpSocket): void => {
      if (done++ > 3) return;
      DEEDS[deed](socket);
    };
    const base = callback === "readable" ? { data: undefined, end: undefined } : {};
    const t = life({ ...base, [callback]: act } as TcpHandler, thrown);
    expect(done).toBeGreaterThan(0);
    for (const error of thrown) expect(String(error)).toContain("the owner's own");
    t.call((socket) => {
      socket.abort();
    });
    t.take();
    t.pass(10_000).leavesNothing();
  },
);

test("an owner that throws on one timer's news still has its timers", () => {
  const thrown: unknown[] = [];
  const handler: TcpHandler = {
    softError: () => {
      throw new Error("the owner's own");
    },
  };
  const t = scripted({ peer, handler, faulted: (error) => thrown.push(error) }).established();
  t.send(10).take();
  t.pass(201).pass(402).pass(804).take();
  expect(thrown).toHaveLength(1);
  t.pass(1608).expect("ACK seq=1 len=10");
});

test("an owner that throws in `drain` keeps no connection from its end", () => {
  const thrown: unknown[] = [];
  const handler: TcpHandler = {
    drain: () => {
      throw new Error("the owner's own");
    },
  };
  const t = scripted({
    peer,
    handler,
    tcp: { sendHighWater: 100 },
    faulted: (error) => thrown.push(error),
  }).established();
  t.send(200).close().take();
  t.inject("ACK seq=1 ack=202").stateIs("FIN-WAIT-2");
  expect(thrown).toHaveLength(1);
  t.inject("FIN,ACK seq=1 ack=202").stateIs("TIME-WAIT");
});

test("an owner that throws in `end` has its connection in TIME-WAIT all the same", () => {
  const handler: TcpHandler = {
    end: () => {
      throw new Error("the owner's own");
    },
  };
  const t = scripted({ peer, handler, faulted: () => undefined }).established();
  t.close().inject("FIN,ACK seq=1 ack=2").stateIs("TIME-WAIT").pass(60_000).take();
  t.leavesNothing();
});

test("octets are lent: an owner that copies none of them finds none later; those it has not taken are kept", () => {
  const t = scripted({ peer }).established();
  t.call((socket) => {
    socket.pause();
  });
  t.inject("ACK seq=1 ack=1", new Uint8Array([1, 2, 3])).inject("ACK seq=4 ack=1", new Uint8Array([4, 5]));
  t.inject("ACK seq=8 ack=1", new Uint8Array([8, 9]))
    .inject("ACK seq=6 ack=1", new Uint8Array([6, 7]))
    .toldIs();
  expect(t.tcb.info().unread).toBe(9);
  t.call((socket) => {
    socket.resume();
  });
  expect(t.received).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(t.core.memory.used).toBe(0);
});

test("`read` gives chunks that the owner may keep, in order; `readable` comes once a batch", () => {
  let readable = 0;
  const t = scripted({ peer, handler: { data: undefined, readable: () => (readable += 1) } as never }).established();
  t.injectBatch(["ACK seq=1 ack=1 len=26", "ACK seq=27 ack=1 len=26"]);
  expect(readable).toBe(1);
  const chunks: Uint8Array[] = [];
  for (let chunk = t.socket?.read(); chunk; chunk = t.socket?.read()) chunks.push(chunk);
  const text = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  expect(Buffer.concat(chunks).toString()).toBe(text + text);
  t.inject("FIN,ACK seq=53 ack=1");
  expect([readable, t.socket?.readEnded]).toEqual([2, true]);
});

test("RFC 9293 §3.6.1 SHLD-3: `close` with unread octets sends RST", () => {
  const t = scripted({ peer }).established();
  t.call((socket) => {
    socket.pause();
  });
  t.inject("ACK seq=1 ack=1 len=10");
  t.call((socket) => {
    socket.close();
  });
  t.expect("RST,ACK seq=1 ack=11").leavesNothing();
});

test("RFC 9293 §3.6.1 SHLD-3: octets beyond a hole are unread too", () => {
  const t = scripted({ peer }).established();
  t.inject("ACK seq=11 ack=1 len=10").take();
  t.call((socket) => {
    socket.close();
  });
  t.expect("RST,ACK seq=1 ack=1").leavesNothing();
});

test("RFC 9293 §3.6.1 SHLD-3, MAY-1: octets after `close` are answered with RST; after `end` they are delivered", () => {
  const t = scripted({ peer }).established();
  t.call((socket) => {
    socket.close();
  });
  t.expect("FIN,ACK seq=1").inject("ACK seq=1 ack=2 len=10").expect("RST,ACK seq=2 ack=1").leavesNothing();
  const s = scripted({ peer }).established().close().expect("FIN,ACK");
  s.inject("ACK seq=1 ack=2 len=10").toldIs("data 10").stateIs("FIN-WAIT-2");
});

test("an owner that closes inside `data` gets nothing more, though more was waiting behind a hole", () => {
  const handler: TcpHandler = {};
  const t = scripted({ peer, handler });
  const got: number[] = [];
  handler.data = (socket, _, start, end) => {
    got.push(end - start);
    socket.close();
  };
  t.established();
  t.inject("ACK seq=11 ack=1 len=10").take();
  t.inject("ACK seq=1 ack=1 len=10");
  expect(got).toEqual([10]);
  expect(t.take().at(-1)?.flags).toBe("RST,ACK");
  t.leavesNothing();
});

test("a connection whose owner has closed it waits in FIN-WAIT-2 for a while only; one that was only ended waits on", () => {
  const t = scripted({ peer, tcp: { finWait2Ms: 5000 } }).established();
  t.call((socket) => {
    socket.close();
  });
  t.expect("FIN,ACK").inject("ACK seq=1 ack=2").stateIs("FIN-WAIT-2").pass(4999).stateIs("FIN-WAIT-2");
  t.pass(1).stateIs("CLOSED").leavesNothing();
  const s = scripted({ peer, tcp: { finWait2Ms: 5000 } })
    .established()
    .close()
    .expect("FIN,ACK")
    .inject("ACK seq=1 ack=2");
  s.pass(1_000_000).stateIs("FIN-WAIT-2");
  s.call((socket) => {
    socket.close();
  });
  s.pass(5000).stateIs("CLOSED").leavesNothing();
});

test("RFC 9293 §3.10.5: ABORT sends RST, drops what is queued, and is told before it returns", () => {
  const t = scripted({ peer }).established();
  t.send(50_000).take();
  t.abort().expect("RST,ACK ack=1").toldIs("close ECONNABORTED").leavesNothing();
  t.abort().silent().toldIs();
});

test("`close` is told behind what an owner has still to read; giving that up tells it at once", () => {
  for (const giveUp of ["read", "abort", "close"] as const) {
    const t = scripted({ peer }).established();
    t.call((socket) => {
      socket.pause();
    });
    t.inject("FIN,ACK seq=1 ack=1 len=10").close().take();
    t.inject("ACK seq=12 ack=2").stateIs("CLOSED").toldIs();
    t.call((socket) => {
      if (giveUp === "read") socket.resume();
      else socket[giveUp]();
    });
    expect(t.told.splice(0).at(-1)).toMatch(/^close/);
    t.leavesNothing();
  }
});

test("a listener on hold keeps open connections, what they have received and their ends, for the owner to come", () => {
  const t = scripted({ peer, backlog: 2 }).listening();
  t.listener?.pause();
  t.inject("SYN seq=0").expect("SYN,ACK").inject("FIN,ACK seq=1 ack=1").expect("ACK ack=2");
  t.inject("SYN seq=0 sport=40001").expect("SYN,ACK").inject("ACK seq=1 ack=1 len=5 sport=40001").pass(50).take();
  expect([t.listener?.acceptQueueLength, t.accepted.length]).toEqual([2, 0]);
  t.inject("SYN seq=0 sport=40002").silent();
  expect(t.core.tcpCounters.synQueueOverflows).toBe(1);
  t.listener?.resume();
  t.core.notifyOwners();
  t.toldIs("end", "data 5");
  t.inject("SYN seq=0 sport=40002").expect("SYN,ACK");
});

test("a connection that is reset while it waits to be accepted makes room for another", () => {
  const t = scripted({ peer, backlog: 1, tcp: { synCookies: false } }).listening();
  t.listener?.pause();
  t.inject("SYN seq=0").take();
  t.inject("ACK seq=1 ack=1").inject("SYN seq=0 sport=40001").silent();
  t.inject("RST seq=1");
  expect(t.listener?.acceptQueueLength).toBe(0);
  t.inject("SYN seq=0 sport=40001").expect("SYN,ACK").inject("ACK seq=1 ack=1 sport=40001");
  t.listener?.resume();
  expect(t.accepted.map(({ remotePort }) => remotePort)).toEqual([40_001]);
  t.abort().take();
  t.leavesNothing();
});

test("a `readable` owner learns of what came before it was there", () => {
  let readable = 0;
  const t = scripted({ peer, handler: { data: undefined, readable: () => (readable += 1) } as never }).listening();
  t.listener?.pause();
  t.inject("SYN seq=0").expect("SYN,ACK").inject("ACK seq=1 ack=1 len=5").pass(50).take();
  t.listener?.resume();
  t.core.notifyOwners();
  expect(readable).toBe(1);
});

test("a listener's backlog bounds half-open connections; those that are dropped are counted", () => {
  const t = scripted({ peer, backlog: 3, tcp: { synCookies: false } }).listening();
  for (let i = 0; i < 6; i++) t.inject(`SYN seq=0 sport=${String(50_000 + i)}`);
  expect(t.take()).toHaveLength(3);
  expect([t.listener?.synQueueLength, t.core.tcpCounters.synQueueOverflows]).toEqual([3, 3]);
});

test("a handshake that finds the accept queue full is completed by the SYN,ACK that is sent again", () => {
  const t = scripted({ peer, backlog: 1, tcp: { synCookies: false } }).listening();
  t.inject("SYN seq=0").take();
  t.listener?.pause();
  t.inject("SYN seq=0 sport=40001").silent();
  t.inject("ACK seq=1 ack=1").silent();
  expect(t.listener?.acceptQueueLength).toBe(1);
  const s = scripted({ peer, backlog: 2, tcp: { synCookies: false } }).listening();
  for (const port of [40_000, 40_001]) s.inject(`SYN seq=0 sport=${String(port)}`).take();
  s.listener?.pause();
  s.inject("SYN seq=0 sport=40002").silent();
  s.inject("ACK seq=1 ack=1 sport=40001");
  expect([s.listener?.acceptQueueLength, s.core.tcpCounters.synQueueOverflows]).toEqual([1, 1]);
});

test("a listener that closes resets what is half-open or waits, and leaves accepted connections alone", () => {
  const t = scripted({ peer }).established();
  t.listener?.pause();
  t.inject("SYN seq=0 sport=40001").take();
  t.inject("SYN seq=0 sport=40002").take();
  t.inject("ACK seq=1 ack=1 sport=40002").silent();
  t.listener?.close();
  t.flush();
  expect(t.take().map((wire) => [wire.flags, wire.dport])).toEqual([
    ["RST,ACK", 40_001],
    ["RST,ACK", 40_002],
  ]);
  t.stateIs("ESTABLISHED");
  expect(t.core.tcp.size).toBe(1);
  t.inject("SYN seq=0 sport=40003").expect("RST,ACK");
});

test("the number of connections has a bound, with a counter", () => {
  const t = scripted({ peer, tcp: { connectionsMax: 2 } }).listening();
  for (let i = 0; i < 4; i++) t.inject(`SYN seq=0 sport=${String(50_000 + i)}`);
  expect(t.take()).toHaveLength(2);
  expect(t.core.tcpCounters.connectionsRefused).toBe(2);
});

test("segments kept beyond a hole have a bound, with a counter", () => {
  const t = scripted({ peer, tcp: { outOfOrderSegmentsMax: 3 } }).established();
  for (let i = 1; i <= 5; i++) t.inject(`ACK seq=${String(1 + i * 20)} ack=1 len=10`);
  expect([t.tcb.outOfOrder?.segments, t.core.tcpCounters.outOfOrderDropped]).toEqual([3, 2]);
});
