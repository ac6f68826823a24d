import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { runScript, type ScriptRun } from "../support/namespace.ts";

const main = new URL("../../src/cli/main.ts", import.meta.url);
const fourtuple = (...args: string[]): Promise<ScriptRun> => runScript(main, args);

test.concurrent.each([
  [[], /a verb is missing/],
  [["frobnicate"], /no verb "frobnicate".*demo, sandbox, serve, doctor, tun/],
  [["get"], /no verb "get"/],
  [["--bogus"], /no option --bogus/],
  [["demo", "extra"], /"extra" is not expected/],
  [["serve", "--inspect", "80"], /Unknown option '--inspect'.*serve --help/],
  [
    ["serve", "--tun", "tun0", "--address", "198.18.0.2/24", "--https", "443"],
    /--https needs --cert FILE and --key FILE/,
  ],
  [["serve", "--tun", "tun0", "--address", "198.18.0.2/24", "--http", "80", "--root", "/none"], /no such folder/],
  [["tun", "sideways", "tun0"], /tun up NAME/],
  [["tun", "up"], /tun up NAME/],
  [["tun", "down", "tun0", "--user", "root"], /takes a name alone, not --user/],
  [["tun", "up", "tun0", "--user", "nobody-of-this-name"], /no such user/],
])("design.md §10: wrong use %j is one line and status 2", async (args, message) => {
  const { status, stdout, stderr } = await fourtuple(...args);
  expect(stderr).toMatch(message);
  expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  expect(stdout).toBe("");
  expect(status).toBe(2);
});

test.concurrent("design.md §10: a failure is one line and status 1; --verbose adds the stack", async () => {
  const name = ["tun", "up", "a-name-that-is-too-long"];
  const brief = await fourtuple(...name);
  expect(brief).toMatchObject({ status: 1, stdout: "" });
  expect(brief.stderr).toMatch(/^fourtuple: .*at most 15 octets.*\n$/);
  const verbose = await fourtuple(...name, "--verbose");
  expect(verbose.stderr).toContain("\n    at ");
});

test.concurrent("design.md §10: --help lists the verbs that there are, and --version is the package's", async () => {
  const { status, stdout } = await fourtuple("--help");
  expect(status).toBe(0);
  for (const verb of ["demo", "sandbox", "serve", "doctor", "tun"]) expect(stdout).toContain(`fourtuple ${verb} `);
  expect(stdout).not.toMatch(/ping|resolve| ss | get /);
  const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
  expect((await fourtuple("--version")).stdout).toBe(`${version}\n`);
});

test.concurrent.each([
  ["demo", []],
  ["sandbox", ["--tun", "--address", "--http", "--https", "--if-possible", "-- COMMAND", "--impair"]],
  ["serve", ["--tun", "--address", "--peer", "--mtu", "--http", "--https", "--cert", "--key", "--keylog"]],
  ["serve", ["--root", "--echo", "--discard", "--chargen", "--any"]],
  ["doctor", []],
  ["tun", ["tun up NAME", "tun down NAME", "--user", "--address"]],
])("design.md §10: %s --help names its options, and nothing that does not exist", async (verb, options) => {
  const { status, stdout } = await fourtuple(verb, "--help");
  expect(status).toBe(0);
  expect(stdout).toMatch(new RegExp(`^fourtuple ${verb}`));
  for (const option of [...options, "--help", "--verbose"]) expect(stdout).toContain(option);
  expect(stdout).not.toMatch(/--inspect|--inside/);
});
