import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { get } from "node:http";

import { configureInterface } from "../device/tun-interface.ts";
import { openLog } from "./log.ts";
import type { ServeOptions } from "./serve-options.ts";
import { startServing } from "./serving.ts";
import { exitStatus } from "./signals.ts";

type Say = (text: string) => void;

/** What a sandbox does once it is in its namespaces: serves, and runs `command` (or fetches the page) against that. */
export async function runInside(options: ServeOptions, command: readonly string[]): Promise<number> {
  configureInterface("lo", { up: true });
  // What a command of the user's prints is theirs alone.
  const say: Say = (text) => {
    (command.length > 0 ? process.stderr : process.stdout).write(`${text}\n`);
  };
  const serving = await startServing(options, openLog(options.logLevel));
  say("A private user and network namespace; this process is root in it, and nowhere else.");
  say(`${options.tun}: the kernel's TCP is ${String(options.peer)}, this stack's is ${options.addresses.join(", ")}.`);
  say(serving.readyLine);
  const failed = serving.ended.then(() => Promise.reject(new Error("the stack has closed under the command")));
  failed.catch(() => undefined); // When all is well, it closes after the command.
  const abort = new AbortController();
  const { signal } = abort;
  const run = command.length > 0 ? runCommand(command, say, signal) : fetchPage(options, say, signal);
  try {
    return await Promise.race([run, failed]);
  } finally {
    abort.abort();
    await serving.close();
    if (process.connected) process.disconnect();
  }
}

/** Resolves with the status of `command`, which has the terminal to itself. */
function runCommand(command: readonly string[], say: Say, abort: AbortSignal): Promise<number> {
  const [program = "", ...args] = command;
  say(`$ ${command.join(" ")}`);
  const child = spawn(program, args, { stdio: "inherit", signal: abort });
  const release = guard(child);
  return new Promise((resolve, reject) => {
    child.on("error", (error) => {
      reject(new Error(`${program} could not be run: ${error.message}; is it installed?`));
    });
    child.on("close", (status, signal) => {
      release();
      resolve(exitStatus(status, signal));
    });
  });
}

/** SIGINT comes to the command by itself, SIGTERM is passed on, and the end of who started the sandbox ends it all. */
function guard(child: ChildProcess): () => void {
  const ignore = (): void => {
    // A terminal tells the whole group.
  };
  const forward = (): void => {
    child.kill("SIGTERM");
  };
  const orphaned = (): void => {
    child.kill("SIGKILL");
    process.exit(1);
  };
  process.on("SIGINT", ignore).on("SIGTERM", forward).on("disconnect", orphaned);
  return () => {
    process.off("SIGINT", ignore).off("SIGTERM", forward).off("disconnect", orphaned);
  };
}

function fetchPage(options: ServeOptions, say: Say, abort: AbortSignal): Promise<number> {
  const [host = ""] = (options.addresses[0] ?? "").split("/");
  const port = options.ports.get("http") ?? 80;
  const url = `http://${host}${port === 80 ? "" : `:${port}`}/`;
  const curl = spawnSync("curl", ["--version"], { stdio: "ignore" });
  if (curl.error === undefined) return runCommand(["curl", "--silent", "--show-error", "--include", url], say, abort);
  return fetchWithNode(url, say, abort);
}

/** Where there is no curl: by `node:http`, which uses the kernel's TCP just as well. */
function fetchWithNode(url: string, say: Say, abort: AbortSignal): Promise<number> {
  say(`GET ${url} by node:http`);
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false, signal: abort }, (response) => {
      say(`HTTP/${response.httpVersion} ${String(response.statusCode)} ${String(response.statusMessage)}`);
      response.setEncoding("utf8");
      response.on("data", (text: string) => process.stdout.write(text));
      response.on("end", () => {
        resolve(response.statusCode === 200 ? 0 : 1);
      });
    });
    request.on("error", reject);
  });
}
