import { expect, test } from "vitest";
import { needsNamespace, runScript, type ScriptRun } from "../support/namespace.ts";

const main = new URL("../../src/cli/main.ts", import.meta.url);
const sandbox = (...args: string[]): Promise<ScriptRun> => runScript(main, ["sandbox", ...args]);

test("design.md §10: the sandbox fetches the page through the kernel's own TCP, without root", async (context) => {
  needsNamespace(context);
  const { status, stdout, stderr } = await sandbox();
  expect(stderr).toBe("");
  expect(stdout).toMatch(/^ready tun0 198\.18\.0\.2\/24 .*http 80$/m);
  expect(stdout).toContain("HTTP/1.1 200 OK");
  expect(stdout).toContain("Hello from fourtuple");
  expect(status).toBe(0);
});

test("design.md §10: COMMAND has standard output to itself", async (context) => {
  needsNamespace(context);
  const { status, stdout } = await sandbox("--http", "8080", "--", "curl", "-s", "http://198.18.0.2:8080/");
  expect(stdout).toHaveLength(100);
  expect(status).toBe(0);
});

test("design.md §10: the status is COMMAND's, also where a signal ended it", async (context) => {
  needsNamespace(context);
  expect((await sandbox("--", "sh", "-c", "exit 7")).status).toBe(7);
  expect((await sandbox("--", "sh", "-c", "kill -TERM $$")).status).toBe(128 + 15);
});

test("a COMMAND that does not exist is a failure that says so", async (context) => {
  needsNamespace(context);
  const { status, stderr } = await sandbox("--", "no-such-command");
  expect(stderr).toMatch(/fourtuple: no-such-command could not be run/);
  expect(status).toBe(1);
});

test("a device that is removed under COMMAND ends both, with status 1", async (context) => {
  needsNamespace(context);
  const { status, stderr } = await sandbox(
    "--log-level",
    "silent",
    "--",
    "sh",
    "-c",
    "ip link del tun0; exec sleep 60",
  );
  expect(stderr).toMatch(/fourtuple: tun0: the device was removed\n$/);
  expect(status).toBe(1);
});

test("--if-possible says why there is no sandbox, and ends with status 0", async () => {
  // A machine without util-linux stands for all that have no namespaces to give.
  const { status, stdout, stderr } = await runScript(main, ["sandbox", "--if-possible"], { env: { PATH: "/nowhere" } });
  expect(stdout).toMatch(/^The sandbox is left out: .*unshare/);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
});
