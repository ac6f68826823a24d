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
  [
    "tls-echo",
    ({ stdout }) =>
      expect(stdout).toBe("What comes in goes out, and nobody on the way can read it.\nECDHE-RSA-AES128-GCM-SHA256\n"),
  ],
  [
    "tls-client",
    ({ stdout }) => {
      expect(stdout).toMatch(/ certificates, the first one that of CN=page\.example$/m);
      expect(stdout).toMatch(/^server > client +in the clear: its point, signed \(rsa_pss_rsae_sha256\)$/m);
      expect(stdout).toMatch(/^You asked for \/secret$/m);
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

test("example tls-client --rsa tells who made the secret", async () => {
  const run = await runScript(example("tls-client"), ["--rsa"]);
  expect(run).toMatchObject({ status: 0, stderr: "" });
  expect(run.stdout).toContain("client            alone made the pre-master secret");
  expect(run.stdout).toContain(
    "client > server   wrapped with the server's RSA key of 2048 bits: that secret, as 256 octets",
  );
});

test("example eavesdrop: a leaked key reads what RSA wrapped, and not what ECDHE agreed on; a stranger is refused", async () => {
  const run = await runScript(example("eavesdrop"));
  expect(run).toMatchObject({ status: 0, stderr: "" });
  expect(run.stdout).toBe(
    [
      '1. key sent in the clear:     the eavesdropper reads "my password is 1234"',
      '2. wrapped with RSA:          "my password is 1234" and "your balance is 5 EUR", with the leaked key',
      "3. ECDHE:                     nothing can be read, with the leaked key",
      "4. a man in the middle:       DEPTH_ZERO_SELF_SIGNED_CERT",
      "",
    ].join("\n"),
  );
});
