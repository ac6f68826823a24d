import { Buffer } from "node:buffer";

import fc from "fast-check";
import { expect, test } from "vitest";

import { demoRoutes } from "../../src/http/demo-routes.ts";
import { rig } from "./support/memory-client.ts";

/** Pieces that requests are made of, so that random sequences of them get past the first line. */
const WORDS = [
  "GET", "POST", "HEAD", " ", "/", "/echo", "*", "http://a/", "HTTP/1.1", "HTTP/1.0", "\r\n", "\r\n\r\n", "\n", "\r", "\t", ":", ",", ";",
  "Host: a\r\n", "Content-Length: 3\r\n", "Content-Length: 0\r\n", "Transfer-Encoding: chunked\r\n", "Connection: close\r\n",
  "Expect: 100-continue\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "POST /echo HTTP/1.1\r\nHost: a\r\n", "3\r\nabc\r\n", "0\r\n\r\n", "abc", "\0", "\xff",
]; // prettier-ignore

const octets = fc.oneof(
  fc.array(fc.constantFrom(...WORDS), { maxLength: 40 }).map((words) => words.join("")),
  fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
);

/** The server's answers, and what it does with the connection. */
function served(text: string, cuts: readonly number[]): string {
  const { client: connect, errors, server, time } = rig(demoRoutes());
  const client = connect();
  let at = 0;
  for (const cut of [...cuts, text.length].sort((a, b) => a - b)) {
    if (cut > at && cut <= text.length) client.write(text.slice(at, cut));
    at = Math.max(at, Math.min(cut, text.length));
  }
  client.finish();
  expect(errors).toEqual([]);
  const result = `${String(client.aborted)} ${String(client.ended)} ${client.text.replace(/HTTP\/1\.1 100 Continue\r\n\r\n/g, "")}`;
  client.disappear(null);
  expect([server.stats.openConnections, time.pending]).toEqual([0, 0]);
  return result;
}

/** Echoed chunks are cut where deliveries were: only what they hold counts. */
const joined = (text: string): string => text.replace(/(?<=\r\n)[0-9a-f]+\r\n(?=[^])/g, "").replaceAll("\r\n", "");

test("RFC 9112 §2.2: whatever octets come, nothing throws or stays open, and cuts between deliveries change nothing", () => {
  fc.assert(
    fc.property(octets, fc.array(fc.nat(600), { maxLength: 8 }), (text, cuts) => {
      expect(joined(served(text, cuts))).toBe(joined(served(text, [])));
    }),
    { numRuns: 2000 },
  );
});
