import { expect, test } from "vitest";
import { jsonInNamespace, needsNamespace } from "../support/namespace.ts";

const script = new URL("./serve.script.ts", import.meta.url);

interface Outcome {
  readonly ready: string;
  readonly ping: string;
  readonly page: string;
  readonly statuses: readonly string[];
  readonly echoed: string;
  readonly fileIsSame: boolean;
  readonly tcpEchoIsSame: boolean;
  readonly discarded: string;
  readonly characters: string;
  readonly anyPort: string;
  readonly status: number | null;
  readonly stderr: string;
  readonly captured: number;
}

const run = async (what: string): Promise<Outcome> => (await jsonInNamespace(script, [what])) as Outcome;

test("design.md §10: serve answers ping, HTTP, echo, discard and chargen, and SIGINT ends it with status 0", async (context) => {
  needsNamespace(context);
  const seen = await run("services");
  expect(seen.ready).toBe("ready tun0 198.18.0.2/24 mtu 1500 http 8080 echo 5007 discard 5001 chargen 5002");
  expect(seen.ping).toContain(" 0% packet loss");
  expect(seen.page).toHaveLength(100);
  expect(seen.statuses).toEqual(["200", "204", "404", "405"]);
  expect(seen.echoed).toBe("what went in");
  // RFC 862, 863, 864.
  expect(seen.tcpEchoIsSame).toBe(true);
  expect(seen.discarded).toBe("1000000");
  expect(seen.characters).toMatch(/^ !"#\$%&'\(\).{61}g\r\n!"#/);
  expect(seen.fileIsSame).toBe(true);
  expect(seen).toMatchObject({ status: 0, stderr: "" });
});

test("design.md §10: --any takes every address and port, behind a capture and a bad link", async (context) => {
  needsNamespace(context);
  const seen = await run("any");
  expect(seen.ready).toMatch(/^ready tun0 198\.18\.0\.2\/24 and every other address mtu 1400 http 80$/);
  expect(seen.anyPort).toHaveLength(100);
  expect(seen.captured).toBeGreaterThan(500);
  expect(seen).toMatchObject({ status: 0, stderr: "" });
});

test("design.md §10: a device that is removed is one line on standard error, and status 1", async (context) => {
  needsNamespace(context);
  const seen = await run("removed");
  expect(seen).toMatchObject({ status: 1, stderr: "fourtuple: tun0: the device was removed\n" });
});
