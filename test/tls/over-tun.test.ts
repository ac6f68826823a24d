import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

import { needsNamespace, runScript } from "../support/namespace.ts";
import { fixturePath } from "./support/fixtures.ts";
import { runProgram } from "./support/openssl.ts";

const main = new URL("../../src/cli/main.ts", import.meta.url);
const TLS_1_2 = ["--tls-max", "1.2"];

test("design.md §10: curl fetches a page by HTTPS through a TUN, and the key log holds its secret", async (context) => {
  needsNamespace(context);
  const folder = mkdtempSync(join(tmpdir(), "fourtuple-https-"));
  const keylog = join(folder, "keys.txt");
  const files = ["--cert", fixturePath("rsa.pem"), "--key", fixturePath("rsa.key"), "--keylog", keylog];
  const curl = ["curl", "-sS", ...TLS_1_2, "--cacert", fixturePath("root.pem"), "https://198.18.0.2/"];
  const run = await runScript(main, ["sandbox", "--https", "443", ...files, "--", ...curl]);
  expect(run.status).toBe(0);
  expect(run.stdout).toHaveLength(100);
  expect(run.stderr).toContain("https 443");
  expect(readFileSync(keylog, "latin1")).toMatch(/^CLIENT_RANDOM [\da-f]{64} [\da-f]{96}\n$/);
  rmSync(folder, { recursive: true });
});

test("NSS's key log: curl and we write the same line into the file that SSLKEYLOGFILE names", async (context) => {
  needsNamespace(context);
  const folder = mkdtempSync(join(tmpdir(), "fourtuple-https-"));
  const keylog = join(folder, "keys.txt");
  const files = ["--cert", fixturePath("rsa.pem"), "--key", fixturePath("rsa.key")];
  const curl = ["curl", "-sS", ...TLS_1_2, "--cacert", fixturePath("root.pem"), "https://198.18.0.2/"];
  const env = { SSLKEYLOGFILE: keylog };
  const run = await runScript(main, ["sandbox", "--https", "443", ...files, "--", ...curl], { env });
  expect(run.status).toBe(0);
  const lines = readFileSync(keylog, "latin1").split("\n").filter(Boolean);
  expect(lines).toHaveLength(2);
  expect(lines[0]).toMatch(/^CLIENT_RANDOM [\da-f]{64} [\da-f]{96}$/i);
  expect(lines[1]?.toLowerCase()).toBe(lines[0]?.toLowerCase());
  rmSync(folder, { recursive: true });
});

test.for(["AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "AES256-SHA"])(
  "pcapng §4.7, design.md §8: tshark reads the HTTP in a capture of HTTPS, %s, without a file of keys beside it",
  async (suite, context) => {
    needsNamespace(context);
    const folder = mkdtempSync(join(tmpdir(), "fourtuple-https-"));
    const pcap = join(folder, "run.pcapng");
    const files = ["--cert", fixturePath("rsa.pem"), "--key", fixturePath("rsa.key"), "--pcap", pcap];
    const to = ["--cacert", fixturePath("root.pem"), "https://198.18.0.2/nocontent"];
    const curl = ["curl", "-sS", ...TLS_1_2, "--ciphers", suite, ...to];
    const run = await runScript(main, ["sandbox", "--https", "443", ...files, "--", ...curl]);
    expect(run.status).toBe(0);
    expect(statSync(pcap).mode & 0o077).toBe(0);
    const seen = ["http.request.method", "http.request.uri", "http.response.code"].flatMap((field) => ["-e", field]);
    const tshark = await runProgram("tshark", [
      "-r",
      pcap,
      "-Y",
      "tls && http",
      "-T",
      "fields",
      "-E",
      "separator=,",
      ...seen,
    ]);
    expect(tshark.stdout.toString()).toBe("GET,/nocontent,\n,,204\n");
    rmSync(folder, { recursive: true });
  },
);
