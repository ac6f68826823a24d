import { spawn, spawnSync } from "node:child_process";

import { tunAvailability, UNSHARE } from "../device/tun-availability.ts";
import { COMMON_HELP, type Command } from "./command.ts";
import { runInside } from "./sandbox-inside.ts";
import { SERVE_OPTIONS, SERVE_OPTIONS_HELP, serveOptions } from "./serve-options.ts";
import { exitStatus } from "./signals.ts";
import { expectWords, parseOptions } from "./usage.ts";

const HELP = `fourtuple sandbox [serve's options] [-- COMMAND …]

Makes a private user and network namespace with a TUN device in it, serves on that as \`serve\`
does, and runs COMMAND against it through the kernel's own TCP. No root is needed where user
namespaces are allowed. Ends with COMMAND, and with its status. Without COMMAND it fetches the page.

  --if-possible       where the machine does not allow it, says why and ends with status 0
${SERVE_OPTIONS_HELP}
${COMMON_HELP}

Unless given: --tun tun0 --address 198.18.0.2/24 --peer 198.18.0.1 --http 80

  fourtuple sandbox -- curl -v http://198.18.0.2/
  fourtuple sandbox -- ping -c 3 198.18.0.2
`;

const OPTIONS = { ...SERVE_OPTIONS, "if-possible": { type: "boolean" }, inside: { type: "boolean" } } as const;

/** For whoever is root already where user namespaces are not allowed. */
const UNSHARE_AS_ROOT: readonly string[] = ["unshare", "--net", "--"];

async function run(args: readonly string[]): Promise<number> {
  const end = args.indexOf("--");
  const own = end < 0 ? args : args.slice(0, end);
  const command = end < 0 ? [] : args.slice(end + 1);
  const { values, positionals } = parseOptions("sandbox", own, OPTIONS);
  expectWords("sandbox", positionals, 0);
  const options = serveOptions({
    ...values,
    tun: values.tun ?? "tun0",
    address: values.address ?? ["198.18.0.2/24"],
    peer: values.peer ?? "198.18.0.1",
    http: values.http ?? "80",
  });
  if (values.inside === true) return runInside(options, command);
  const entrance = findEntrance();
  if (typeof entrance !== "string") return enter(entrance, args);
  if (values["if-possible"] !== true) throw new Error(`no sandbox here: ${entrance}`);
  process.stdout.write(`The sandbox is left out: ${entrance}\n`);
  return 0;
}

/** How a namespace of our own is entered, or why it cannot be. */
function findEntrance(): readonly string[] | string {
  const { sandbox, make, checks } = tunAvailability();
  if (sandbox) return UNSHARE;
  if (make && namespaceWithoutUser()) return UNSHARE_AS_ROOT;
  return checks
    .filter(({ ok, name }) => !ok && name !== "privilege")
    .map(({ text }) => text)
    .join("; ");
}

/** Tries it: a container's root often may not. */
function namespaceWithoutUser(): boolean {
  const [program = "", ...args] = UNSHARE_AS_ROOT;
  return spawnSync(program, [...args, "true"], { stdio: "ignore" }).status === 0;
}

/** Runs this very program again, inside. The channel between the two tells it when this process has ended. */
function enter(entrance: readonly string[], args: readonly string[]): Promise<number> {
  const [program = "", ...before] = entrance;
  const again = [process.execPath, ...process.execArgv, process.argv[1], "sandbox", "--inside", ...args];
  const child = spawn(program, [...before, ...again], { stdio: ["inherit", "inherit", "inherit", "ipc"] });
  const ignore = (): void => {
    // A terminal tells the whole group: the command decides.
  };
  const forward = (): void => {
    child.kill("SIGTERM");
  };
  process.on("SIGINT", ignore).on("SIGTERM", forward);
  return new Promise<number>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status, signal) => {
      process.off("SIGINT", ignore).off("SIGTERM", forward);
      resolve(exitStatus(status, signal));
    });
  });
}

export const sandbox: Command = {
  name: "sandbox",
  summary: "serve in a private namespace, and run a command against it; no root",
  help: HELP,
  run,
};
