import { expect, type TestContext, test } from "vitest";

import { CIPHER_SUITES } from "../../../src/tls/suites.ts";
import { jsonInNamespace, needsNamespace } from "../../support/namespace.ts";
import { timeoutMs as oneRunMs } from "../scale.ts";

/** Sixty transfers in one run. */
const timeoutMs = 2 * oneRunMs;

interface Seen {
  readonly bulk: Record<string, unknown>;
  readonly server: unknown;
  readonly client: unknown;
}

let ran: Promise<unknown> | null = null;

/** What the one run in a namespace has seen. */
async function programs(context: TestContext): Promise<Seen> {
  needsNamespace(context);
  ran ??= jsonInNamespace(new URL("./programs.script.ts", import.meta.url), [], { timeoutMs });
  return (await ran) as Seen;
}

const ALL_SAME = Object.fromEntries(CIPHER_SUITES.map(({ name }) => [name, "same"]));

test.for(["openssl s_client", "openssl s_server", "node:tls client", "node:tls server", "curl"])(
  "RFC 5246: %s and we, over a TUN: 10 MiB each way are the same with every suite",
  { timeout: timeoutMs },
  async (name, context) => {
    expect((await programs(context)).bulk[name]).toEqual(ALL_SAME);
  },
);

/** Server name, protocol, resumed, authorized, common name of the certificate. */
const BARE = ["localhost", false, false, false, null];
const RESUMED = ["localhost", false, true, false, null];

test(
  "RFC 6066 §3, RFC 7301, RFC 5077, RFC 5246 §7.4.6: names, protocols, tickets and certificates of other clients, over a TUN",
  { timeout: timeoutMs },
  async (context) => {
    expect((await programs(context)).server).toEqual({
      "openssl: name and protocol": ["CN = ecdsa.tls.test", ["ecdsa.test", "b", false, false, null]],
      "openssl: no protocol in common": true,
      "openssl: certificate": [[false, false, false, true, "client"]],
      "openssl: -reconnect": [BARE, ...Array.from({ length: 5 }, () => RESUMED)],
      "openssl: -reconnect -no_ticket": [BARE, ...Array.from({ length: 5 }, () => RESUMED)],
      "node: certificate and ticket": [
        ["localhost", "a", false, true, "client"],
        ["localhost", "a", true, true, "client"],
      ],
      curl: ["/a/b", ["localhost", "http/1.1", false, true, "client"], ["localhost", "http/1.1", true, true, "client"]],
    });
  },
);

test(
  "RFC 6066 §3, RFC 7301, RFC 5077, RFC 5246 §7.4.6: the same of our client at other servers, over a TUN",
  { timeout: timeoutMs },
  async (context) => {
    // Protocol, resumed, authorized.
    const twice = [
      ["a", false, true],
      ["a", true, true],
    ];
    expect((await programs(context)).client).toEqual({
      openssl: twice,
      "openssl -no_ticket": twice,
      "openssl -servername": [
        ["ecdsa.tls.test", true],
        ["rsa.tls.test", true],
      ],
      // Node tells no name of a connection that was resumed, whoever the client.
      node: [...twice, ["x.tls.test", "client"], [false, "client"]],
    });
  },
);
