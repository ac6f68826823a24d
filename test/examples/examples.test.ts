import { expect, test } from "vitest";
import { inNamespace, needsNamespace, runScript, type ScriptRun } from "../support/namespace.ts";

const example = (name: string): URL => new URL(`../../examples/${name}.ts`, import.meta.url);
const onTun = new URL("./on-tun.script.ts", import.meta.url);

const EXPECTED: readonly (readonly [string, (run: ScriptRun) => void])[] = [
  ["echo", ({ stdout }) => expect(stdout).toBe("What comes in goes out.\n")],
  ["http-server", ({ stdout }) => expect(stdout).toBe("200 You asked for /examples\n\n")],
  [
    "accept-loop",
    ({ stdout }) => {
      const last = stdout.split("accepted 3\n")[1] ?? "";
      expect(last.match(/^listening +LISTEN +<\*, \*, \*, 80>$/gm)).toHaveLength(1);
      const connected = last.match(/^connected +ESTABLISHED +<198\.18\.0\.1, \d+, 198\.18\.0\.2, 80>$/gm) ?? [];
      expect(new Set(connected).size).toBe(3);
    },
  ],
];

test.concurrent.each(EXPECTED)("example %s runs without rights and without a device", async (name, check) => {
  const run = await runScript(example(name));
  expect(run).toMatchObject({ status: 0, stderr: "" });
  check(run);
});

test.concurrent.for(EXPECTED)("example %s serves the kernel's TCP on a TUN", async ([name, check], context) => {
  needsNamespace(context);
  const run = await inNamespace(onTun, [name]);
  expect(run).toMatchObject({ status: 0, stderr: "" });
  check(run);
});
