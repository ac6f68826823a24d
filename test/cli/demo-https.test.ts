import { createDecipheriv } from "node:crypto";
import { beforeAll, expect, test } from "vitest";

import { prf } from "../../src/tls/keys/prf.ts";
import { runScript, type ScriptRun } from "../support/namespace.ts";

const main = new URL("../../src/cli/main.ts", import.meta.url);

let run: ScriptRun;

beforeAll(async () => {
  run = await runScript(main, ["demo", "--https"]);
});

const found = (pattern: RegExp): string => pattern.exec(run.stdout)?.[1] ?? "";
/** What stands behind `name` in part 4, its lines joined. */
const secret = (name: string): Buffer => {
  const [, value = ""] = new RegExp(`^  ${name} +((?:[\\da-f]+\\s+)+)`, "m").exec(run.stdout) ?? [];
  return Buffer.from(value.replaceAll(/\s/g, ""), "hex");
};
const random = (from: string): Buffer =>
  Buffer.from(found(new RegExp(`^  ${from} .*random ([\\da-f]{64})`, "m")), "hex");

/** What stands below each arrow with the given sender, without the octets of it. */
const carried = (sender: string): string[] => {
  const lines = run.stdout.split("\n").filter((line) => / \| {5}|\|(?:--|<-)/.test(line));
  let from = "";
  const seen: string[] = [];
  for (const line of lines) {
    const [, arrow = ""] = line.split("|");
    if (/^(?:--|<-)/.test(arrow)) from = arrow.startsWith("--") ? "client" : "server";
    else if (from === sender && !/[\da-f]{24}/.test(arrow)) seen.push(arrow.trim());
  }
  return seen.filter((text) => text !== "" && !/initial sequence|^mss/.test(text));
};

test("design.md §1: the secure demo ends with status 0, and says whose journey it is", () => {
  expect(run).toMatchObject({ status: 0, stderr: "" });
  expect(run.stdout).toMatch(/^https:\/\/journey\.example\/ at 198\.18\.0\.2 from 198\.18\.0\.1: two stacks/);
  expect(run.stdout).toContain('its response "HTTP/1.1 200 OK"');
});

test("RFC 5246 §7.3 Figure 1: what the client's segments carry, the wrapped secret among it", () => {
  expect(carried("client")).toEqual([
    "ClientHello",
    "for journey.example",
    "ClientKeyExchange",
    "the pre-master secret, wrapped: 256 octets",
    "ChangeCipherSpec: from here on encrypted",
    "Finished, encrypted: 40 octets",
    "application data, encrypted: 65 octets",
    "alert, encrypted: 26 octets",
  ]);
});

test("RFC 5246 §7.3 Figure 1: what the server's segments carry", () => {
  const response = carried("server").filter((text) => text.startsWith("application data"));
  expect(response).toHaveLength(1);
  expect(carried("server").filter((text) => !response.includes(text))).toEqual([
    "ServerHello",
    "suite TLS_RSA_WITH_AES_128_GCM_SHA256",
    "Certificate",
    "of CN=journey.example",
    "ServerHelloDone",
    "NewSessionTicket",
    "the session, under a key of the server alone",
    "ChangeCipherSpec: from here on encrypted",
    "Finished, encrypted: 40 octets",
    "alert, encrypted: 26 octets",
  ]);
});

test("RFC 5246 §8.1, §6.3: both sides have the same master secret, and the keys that follow from it open the request", () => {
  expect(secret("pre-master secret")).toHaveLength(48);
  expect(secret("pre-master secret").subarray(0, 2).toString("hex")).toBe("0303");
  expect(secret("wrapped, as seen")).toHaveLength(256);
  const master = secret("master, client's");
  expect(master).toHaveLength(48);
  expect(secret("master, server's")).toEqual(master);
  expect(run.stdout).toContain("the same, and the same again from what was overheard and the private key");
  const keys = prf("sha256", master, "key expansion", [random("server > client"), random("client > server")], 40);
  expect(secret("key client > server")).toEqual(keys.subarray(0, 16));
  expect(secret("key server > client")).toEqual(keys.subarray(16, 32));
  const crossed = Buffer.from(found(/as it crossed\n((?: {2}[\da-f]+\n)+)/).replaceAll(/\s/g, ""), "hex");
  const nonce = Buffer.concat([keys.subarray(32, 36), crossed.subarray(0, 8)]);
  const opened = createDecipheriv("aes-128-gcm", keys.subarray(0, 16), nonce).update(crossed.subarray(8, -16));
  expect(opened.toString()).toBe("GET / HTTP/1.1\r\nhost: journey.example\r\n\r\n");
  expect(run.stdout).toContain("  GET / HTTP/1.1\n  host: journey.example\n");
});

test("the secure demo tells who made the secret, and who on the way has none of the keys", () => {
  expect(run.stdout).toMatch(/^ +client +alone made the pre-master secret: its version and 46 random octets$/m);
  expect(run.stdout).toMatch(/^ +session keys +derived them +- +derived them$/m);
  expect(run.stdout).toMatch(/connected +ESTABLISHED +<198\.18\.0\.1, \d+, 198\.18\.0\.2, 443>/);
  expect(run.stdout).toMatch(/TIME-WAIT +\|-- \d+ > 443 {2}ACK .*\| CLOSED +LISTEN$/m);
});
