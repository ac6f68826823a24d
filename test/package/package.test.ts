import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

import { UNSHARE } from "../../src/device/tun-availability.ts";
import { needsNamespace, needsRoot } from "../support/namespace.ts";
import { type Ending, install, type Installation, readmePrograms, TSC, TYPE_ROOTS } from "./installation.ts";
import { CONSUMER, CURLS_ITSELF } from "./programs.ts";

let installed: Installation;

beforeAll(async () => {
  installed = await install();
}, 240_000);

afterAll(() => {
  installed.remove();
});

const inside = (...names: string[]): string => join(installed.folder, "node_modules/fourtuple", ...names);

/** In a private namespace whose tun0 has the kernel at 198.18.0.1. */
const onTun = (...command: string[]): Promise<Ending> => {
  const script = 'npx --no-install fourtuple tun up tun0 --address 198.18.0.1/24 >&2 && exec "$@"';
  const [program = "", ...args] = [...UNSHARE, "sh", "-c", script, "sh", ...command];
  return installed.run(program, ...args);
};

test("the tarball brings what runs, and neither tests nor anything to develop with", () => {
  const modules = readdirSync(join(installed.folder, "node_modules"));
  expect(modules).toEqual(expect.arrayContaining(["fourtuple", "ipaddr.js", "node-gyp-build", "pino"]));
  for (const name of ["typescript", "vitest", "eslint", "@types"]) expect(modules).not.toContain(name);
  expect(readdirSync(inside()).sort()).toEqual(
    [
      ...["CHANGELOG.md", "LICENSE", "README.md", "binding.gyp", "dist", "docs"],
      ...["native-setup", "package.json", "prebuilds", "src"],
    ].sort(),
  );
  expect(statSync(inside("dist/cli/main.js")).mode & 0o111).toBe(0o111);
});

test("every file that package.json exports is there, with its types", () => {
  const { exports } = JSON.parse(readFileSync(inside("package.json"), "utf8")) as {
    exports: Record<string, string | { types: string; default: string }>;
  };
  const files = Object.values(exports).flatMap((where) => (typeof where === "string" ? [where] : Object.values(where)));
  expect(files.filter((file) => !existsSync(inside(file)))).toEqual([]);
});

test("the types resolve for a strict NodeNext consumer, and so do the README's programs", async () => {
  const programs: readonly (readonly [string, string])[] = [
    ["consumer.mts", CONSUMER],
    ...readmePrograms().map((program, index) => [`readme-${String(index)}.mts`, program] as const),
  ];
  for (const [name, program] of programs) writeFileSync(join(installed.folder, name), program);
  const flags = [
    "--strict",
    "--noEmit",
    "--module",
    "NodeNext",
    "--target",
    "ES2023",
    "--lib",
    "ES2023,ESNext.Disposable",
  ];
  const types = ["--exactOptionalPropertyTypes", "--typeRoots", TYPE_ROOTS, "--types", "node"];
  const compiled = await installed.run(process.execPath, TSC, ...flags, ...types, ...programs.map(([name]) => name));
  expect(compiled).toEqual({ status: 0, stdout: "", stderr: "" });
  expect(programs.length).toBeGreaterThan(3);
});

test("npx fourtuple demo shows the journey", async () => {
  const { status, stdout } = await installed.run("npx", "--no-install", "fourtuple", "demo");
  expect(stdout).toMatch(/SYN[^]*HTTP\/1\.1 200 OK[^]*FIN/);
  expect(status).toBe(0);
});

test("its server answers curl: npx fourtuple sandbox -- curl", async (context) => {
  needsNamespace(context);
  const curl = ["--", "curl", "-s", "http://198.18.0.2/"];
  const { status, stdout } = await installed.run("npx", "--no-install", "fourtuple", "sandbox", ...curl);
  expect(stdout).toHaveLength(100);
  expect(status).toBe(0);
});

test("its server answers curl: the README's first program on a TUN", async (context) => {
  needsNamespace(context);
  const [first = ""] = readmePrograms();
  writeFileSync(join(installed.folder, "server.mjs"), first);
  writeFileSync(join(installed.folder, "curl.mjs"), CURLS_ITSELF);
  const { status, stdout } = await onTun(process.execPath, "curl.mjs", "http://198.18.0.2/hello");
  expect(stdout).toBe("You asked for /hello\n");
  expect(status).toBe(0);
});

/**
 * Runs `command` as nobody, in a mount namespace of its own where /dev/net/tun has `mode`: the machine's own file stays
 * as it is.
 */
function asNobody(mode: string, ...command: string[]): Promise<Ending> {
  const script = `
    set -e
    mount -t tmpfs -o mode=0755 tmpfs /mnt
    mknod /mnt/tun c 10 200
    chmod ${mode} /mnt/tun
    mount --bind /mnt/tun /dev/net/tun
    export HOME=/nonexistent
    exec setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --bounding-set=-all "$@"`;
  return installed.run("unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", ...command);
}

const sandboxed = (mode: string, ...args: string[]): Promise<Ending> =>
  asNobody(mode, process.execPath, inside("dist/cli/main.js"), "sandbox", ...args);

test("an unprivileged user who may open /dev/net/tun sees the page through the kernel's own TCP", async (context) => {
  needsNamespace(context);
  needsRoot(context);
  const { status, stdout, stderr } = await sandboxed("0666", "--", "curl", "-s", "http://198.18.0.2/");
  expect(stdout).toMatch(/^Hello from fourtuple[^]{80}$/);
  expect(stderr).toMatch(/^ready tun0/m);
  expect(status).toBe(0);
});

test("an unprivileged user who may not open it is told why, and `npm start` goes on", async (context) => {
  needsNamespace(context);
  needsRoot(context);
  const left = await sandboxed("0600", "--if-possible");
  expect(left.stdout).toMatch(/^The sandbox is left out: \/dev\/net\/tun.*permission denied/);
  expect({ status: left.status, stderr: left.stderr }).toEqual({ status: 0, stderr: "" });
  const refused = await sandboxed("0600");
  expect(refused.stderr).toMatch(/^fourtuple: no sandbox here: [^\n]+\n$/);
  expect({ status: refused.status, stdout: refused.stdout }).toEqual({ status: 1, stdout: "" });
});
