import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";

import { UNSHARE } from "../../src/device/tun-availability.ts";
import { beside } from "../network/command.ts";
import type { PathPlan, PathResult } from "./plan.ts";

const typescript = beside("../../test/support/typescript.mjs", import.meta.url);

/** Runs a plan to its end, in namespaces of its own or in the simulator. Errors: with what it said. */
export async function runPlan(plan: PathPlan, where: "kernel" | "simulator"): Promise<PathResult> {
  const script = beside(where === "kernel" ? "run.ts" : "simulated.ts", import.meta.url);
  const before = where === "kernel" ? UNSHARE : [];
  const [file, ...args] = [...before, process.execPath, "--import", typescript, script, JSON.stringify(plan)];
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let complaint = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint += text));
  const [status] = (await once(child, "close")) as [number | null];
  if (status !== 0) throw new Error(`a run ended with ${String(status)}: ${output}${complaint}`);
  return JSON.parse(output) as PathResult;
}

/** In ms; a run whose event loop was late by more for a hundredth of the time says little. */
export const LATE_MS_MAX = 15;
const TRIES_MAX = 4;

/** Runs a plan until its event loop was in time, `TRIES_MAX` times at most; `null` where it never was. */
export async function timelyRun(
  plan: PathPlan,
  where: "kernel" | "simulator",
  lateMsMax: number,
): Promise<{ readonly result: PathResult; readonly tries: number } | null> {
  for (let tries = 1; tries <= TRIES_MAX; tries++) {
    const result = await runPlan(plan, where);
    if (result.lateMsP99 <= lateMsMax) return { result, tries };
  }
  return null;
}

/** The `runs` of a report that a measurement has written; none where there is no such file. */
export function earlierRuns(file: string): readonly unknown[] {
  if (!existsSync(file)) return [];
  return (JSON.parse(readFileSync(file, "utf8")) as { readonly runs: readonly unknown[] }).runs;
}

/** Works on all of `tasks`, `at` most at once. */
export async function together(tasks: readonly (() => Promise<void>)[], atOnce: number): Promise<void> {
  const waiting = [...tasks];
  const work = async (): Promise<void> => {
    for (let task = waiting.shift(); task !== undefined; task = waiting.shift()) await task();
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}
