import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";

import { messageName } from "../../src/tls/handshake/message.ts";
import { ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC } from "../../src/tls/record/record.ts";
import { clientEnd, serverEnd, suiteNamed, type Endpoint } from "./support/endpoint.ts";
import { fixturePath } from "./support/fixtures.ts";
import { readMessages, readRecords, record } from "./support/wire.ts";

/** Recorded anew with RECORD=1: then read the difference. */
const FIXTURE = fixturePath("rsa-handshake.txt");

const lines = (octets: Buffer): string =>
  octets.toString("hex").replaceAll(/.{64}/g, "$&\n").trim().replaceAll(/^/gm, "    ");

/** One flight as people read it: what each record is, and its octets. */
function describe(who: string, octets: Buffer, encrypted: boolean): string {
  let sealed = encrypted;
  const parts = readRecords(octets).flatMap(({ type, fragment }) => {
    const whole = lines(record(type, fragment));
    if (type === CHANGE_CIPHER_SPEC) {
      sealed = true;
      return [`${who}: ChangeCipherSpec`, whole];
    }
    if (sealed) {
      const what = type === APPLICATION_DATA ? "application data" : type === ALERT ? "alert" : "Finished";
      return [`${who}: ${what}, sealed`, whole];
    }
    const names = readMessages(record(type, fragment)).map((message) => messageName(message.type));
    return [`${who}: ${names.join(", ")}`, whole];
  });
  return parts.join("\n");
}

test("a handshake with fixed randomness is the recorded one, octet for octet: RSA key exchange, AES128-GCM-SHA256", () => {
  const suites = [suiteNamed("AES128-GCM-SHA256")];
  const [client, server] = [clientEnd({ suites }), serverEnd()];
  const flights: string[] = [];
  const carry = (who: string, from: Endpoint, to: Endpoint, encrypted: boolean): void => {
    const octets = from.take();
    flights.push(describe(who, octets, encrypted));
    to.feed(octets);
  };
  carry("client", client, server, false);
  carry("server", server, client, false);
  carry("client", client, server, false);
  carry("server", server, client, false);
  client.connection.write(Buffer.from("GET / HTTP/1.1\r\n\r\n"));
  client.connection.end();
  carry("client", client, server, true);
  server.connection.end();
  carry("server", server, client, true);
  expect(server.text.toString()).toBe("GET / HTTP/1.1\r\n\r\n");
  expect([client.ends, server.ends]).toEqual([1, 1]);
  const recorded = `${[...flights, client.keyLog[0].trim()].join("\n")}\n`;
  if (process.env["RECORD"] === "1") writeFileSync(FIXTURE, recorded);
  expect(recorded).toBe(readFileSync(FIXTURE, "utf8"));
});
