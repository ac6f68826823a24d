import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

import { needsNamespace, runScript } from "../support/namespace.ts";
import { fixturePath } from "./support/fixtures.ts";

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
