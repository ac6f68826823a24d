import { describe, expect, test } from "vitest";

import { NetError } from "../../src/sockets/net-error.ts";
import { createTcp, type TcpHandler, type TcpSocket } from "../../src/sockets/tcp.ts";
import { FakeService } from "./fake-network.ts";

const text = (octets: Uint8Array, start: number, end: number) => Buffer.from(octets.subarray(start, end)).toString();

const ECHO: TcpHandler = {
  data: (connection, octets, start, end) => void connection.sendCopy(octets.subarray(start, end)),
  end: (connection) => connection.end(),
};

/** Says `words` and resolves to what came back until the connection closed. */
const exchange = (tcp: ReturnType<typeof createTcp>, words: string) =>
  new Promise<string>((resolve) => {
    let heard = "";
    tcp.connect({
      address: "198.18.0.2",
      port: 7,
      handler: {
        open: (connection) => {
          connection.send(Buffer.from(words));
          connection.end();
        },
        data: (_connection, octets, start, end) => (heard += text(octets, start, end)),
        close: (_connection, failure) => resolve(`${heard} ${failure ?? "closed"}`),
      },
    });
  });

describe("design §5: the callback API", () => {
  test("one handler serves all connections", async () => {
    const tcp = createTcp(new FakeService());
    tcp.listen({ port: 7, handler: ECHO });
    expect(await Promise.all([exchange(tcp, "one"), exchange(tcp, "two")])).toEqual(["one closed", "two closed"]);
  });

  test("accept gets each connection, and may set its handler", async () => {
    const tcp = createTcp(new FakeService());
    const accepted: TcpSocket[] = [];
    tcp.listen({
      port: 7,
      address: "198.18.0.2",
      accept: (connection) => {
        accepted.push(connection);
        connection.handler = ECHO;
      },
    });
    expect(await exchange(tcp, "hello")).toBe("hello closed");
    expect(accepted).toMatchObject([{ localAddress: "198.18.0.2", localPort: 7 }]);
  });

  test("a SYN may be refused", async () => {
    const tcp = createTcp(new FakeService());
    tcp.listen({ port: 7, handler: ECHO, onSyn: () => false });
    expect(await exchange(tcp, "hello")).toBe(" ECONNREFUSED");
  });

  test("listeners and connections are listed", () => {
    const tcp = createTcp(new FakeService());
    const listener = tcp.listen({ port: "*", handler: ECHO });
    const connection = tcp.connect({ address: "localhost", port: 7, handler: {} });
    expect([...tcp.listeners()]).toEqual([listener]);
    expect(listener.port).toBe(-1);
    expect([...tcp.connections()]).toEqual([connection]);
  });

  test("what cannot begin throws a NetError", () => {
    const tcp = createTcp(new FakeService());
    tcp.listen({ port: 7, handler: ECHO });
    const failing = (act: () => unknown) => {
      try {
        return act();
      } catch (error) {
        return error instanceof NetError ? error.message : error;
      }
    };
    expect(failing(() => tcp.listen({ port: 7, handler: ECHO }))).toBe("listen EADDRINUSE: address already in use *:7");
    expect(failing(() => tcp.listen({ port: 7, address: "198.18.0.9" }))).toMatch(/^listen EADDRNOTAVAIL: /);
    const connect = (address: string, localAddress?: string) =>
      failing(() => tcp.connect({ address, port: 7, localAddress, handler: {} }));
    expect(connect("10.0.0.1")).toBe("connect ENETUNREACH 10.0.0.1:7");
    expect(connect("::1")).toBe("connect EAFNOSUPPORT ::1:7");
    expect(connect("host.example")).toBe("connect ENOTFOUND host.example:7");
    expect(connect("198.18.0.2", "nonsense")).toBe("connect EADDRNOTAVAIL 198.18.0.2:7");
  });
});
