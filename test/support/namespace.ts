import { spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { TestContext } from "vitest";

import { loadTunAddon } from "../../src/device/tun-addon.ts";
import { tunAvailability, UNSHARE } from "../../src/device/tun-availability.ts";

/** How a script ended. */
export interface ScriptRun {
  /** Exit status; `null` where a signal ended it. */
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ScriptOptions {
  /** Ended by SIGKILL then. */
  readonly timeoutMs?: number;
  readonly nodeOptions?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

const SCRIPT_TIMEOUT_MS = 25_000;
const typescript = new URL("./typescript.mjs", import.meta.url).href;

let problem: string | null | undefined;

/** Why no TUN can be had in a private user and network namespace here, or `null`. Asked once. */
export function namespaceProblem(): string | null {
  if (problem === undefined) {
    const { sandbox, checks } = tunAvailability();
    const missing = checks.filter((check) => !check.ok && check.name !== "privilege");
    problem = sandbox ? null : missing.map((check) => check.text).join("; ");
  }
  return problem;
}

/** First line of a test that needs a namespace with a TUN: skips it where there is none, and fails it there in CI. */
export function needsNamespace(context: TestContext): void {
  skipUnless(namespaceProblem(), context);
}

/** First line of a test that needs the addon: skips it where that was not built, and fails it there in CI. */
export function needsAddon(context: TestContext): void {
  skipUnless(addonProblem(), context);
}

/** First line of a test that becomes another user: skips it where this one is not root, and fails it there in CI. */
export function needsRoot(context: TestContext): void {
  skipUnless(process.getuid?.() === 0 ? null : "only root may become somebody else", context);
}

/** First line of a test that runs `program`: skips it where that is not installed, and fails it there in CI. */
export function needsProgram(context: TestContext, program: string): void {
  const { error } = spawnSync(program, ["--version"], { stdio: "ignore" });
  skipUnless(error === undefined ? null : `${program} is not installed`, context);
}

function addonProblem(): string | null {
  try {
    loadTunAddon();
    return null;
  } catch (error) {
    return String(error);
  }
}

function skipUnless(missing: string | null, context: TestContext): void {
  if (missing === null) return;
  if (process.env["CI"]) throw new Error(`cannot be skipped in CI: ${missing}`);
  context.skip(missing);
}

/** Runs a TypeScript file of this tree with plain `node`, in the machine's own namespaces. */
export function runScript(script: URL, args: readonly string[] = [], options: ScriptOptions = {}): Promise<ScriptRun> {
  return run([], script, args, options);
}

/** As `runScript`, but as root of a private user and network namespace, which ends with its last process. */
export function inNamespace(
  script: URL,
  args: readonly string[] = [],
  options: ScriptOptions = {},
): Promise<ScriptRun> {
  return run(UNSHARE, script, args, options);
}

/** Shape: what the script printed as JSON. Errors: with everything that it said, unless it ended with status 0. */
export async function jsonInNamespace(
  script: URL,
  args: readonly string[] = [],
  options: ScriptOptions = {},
): Promise<unknown> {
  const { status, signal, stdout, stderr } = await inNamespace(script, args, options);
  if (status === 0) return JSON.parse(stdout) as unknown;
  throw new Error(`${script.pathname} ended with ${String(status ?? signal)}\n${stdout}\n${stderr}`);
}

function run(
  before: readonly string[],
  script: URL,
  args: readonly string[],
  options: ScriptOptions,
): Promise<ScriptRun> {
  const node = [process.execPath, "--import", typescript, ...(options.nodeOptions ?? []), fileURLToPath(script)];
  const [command = "", ...rest] = [...before, ...node, ...args];
  return new Promise((resolve, reject) => {
    const child = spawn(command, rest, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...options.env },
      timeout: options.timeoutMs ?? SCRIPT_TIMEOUT_MS,
      killSignal: "SIGKILL",
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.on("error", reject);
    child.on("close", (status, signal) => {
      resolve({ status, signal, stdout, stderr });
    });
  });
}
