import { constants } from "node:os";
import { describe, expect, test } from "vitest";

import { NetError } from "../../src/sockets/net-error.ts";

const PLACE = { address: "198.18.0.1", port: 80 };

describe("style §6: the application's failures are NetErrors with node:net's codes and fields", () => {
  test.each([
    [new NetError("ECONNREFUSED", "connect", PLACE), "connect ECONNREFUSED 198.18.0.1:80"],
    [new NetError("EADDRINUSE", "listen", PLACE), "listen EADDRINUSE: address already in use 198.18.0.1:80"],
    [
      new NetError("EADDRNOTAVAIL", "listen", { address: "198.18.0.9", port: 0 }),
      "listen EADDRNOTAVAIL: address not available 198.18.0.9",
    ],
    [new NetError("ECONNRESET", "read", PLACE), "read ECONNRESET"],
    [new NetError("EPIPE", "write"), "write EPIPE"],
    [
      new NetError("ENOTFOUND", "getaddrinfo", { address: "host.example", port: 80 }),
      "getaddrinfo ENOTFOUND host.example",
    ],
  ])("%s", (error, message) => {
    expect(error.message).toBe(message);
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe("NetError");
    expect(error.advice).not.toBe("");
  });

  test("the number is the platform's, negative", () => {
    const error = new NetError("ECONNRESET", "read", PLACE);
    expect(error.errno).toBe(-constants.errno.ECONNRESET);
    expect(error).toMatchObject({ code: "ECONNRESET", syscall: "read", address: "198.18.0.1", port: 80 });
    expect(new NetError("ENOTFOUND", "getaddrinfo", { address: "x", port: 1 })).toMatchObject({
      errno: -3008,
      hostname: "x",
    });
  });
});
