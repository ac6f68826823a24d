#!/usr/bin/env node
import { readFileSync } from "node:fs";

import type { Command } from "./command.ts";
import { describeFailure } from "./failure.ts";
import { demo } from "./demo.ts";
import { doctor } from "./doctor.ts";
import { sandbox } from "./sandbox.ts";
import { serve } from "./serve.ts";
import { tunCommand } from "./tun.ts";
import { UsageError } from "./usage.ts";

const COMMANDS: readonly Command[] = [demo, sandbox, serve, doctor, tunCommand];

const OVERVIEW = `fourtuple: a TCP/IP host in user space

${COMMANDS.map(({ name, summary }) => `  fourtuple ${name.padEnd(9)} ${summary}`).join("\n")}

  fourtuple VERB --help        all about one of them
  fourtuple --version

Exit status: 0 done, 1 failed, 2 wrong use. Errors are one line on standard error; --verbose adds the stack.
`;

const WRONG_USE = 2;

function version(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  const manifest = JSON.parse(text) as { readonly version: string };
  return manifest.version;
}

/** Those of ours: what stands behind "--" is somebody else's command. */
function ownArguments(args: readonly string[]): readonly string[] {
  const end = args.indexOf("--");
  return end < 0 ? args : args.slice(0, end);
}

async function dispatch(args: readonly string[]): Promise<number> {
  const own = ownArguments(args);
  const at = own.findIndex((word) => !word.startsWith("-"));
  const verb = at < 0 ? undefined : own[at];
  if (verb === undefined) return overview(own);
  const command = COMMANDS.find(({ name }) => name === verb);
  if (command === undefined) {
    const names = COMMANDS.map(({ name }) => name).join(", ");
    throw new UsageError(`there is no verb "${verb}"; it is one of ${names}`);
  }
  if (own.includes("--help")) {
    process.stdout.write(command.help);
    return 0;
  }
  return command.run([...args.slice(0, at), ...args.slice(at + 1)]);
}

function overview(own: readonly string[]): number {
  if (own.includes("--version")) {
    process.stdout.write(`${version()}\n`);
    return 0;
  }
  if (own.includes("--help")) {
    process.stdout.write(OVERVIEW);
    return 0;
  }
  const stray = own.find((word) => word !== "--verbose");
  if (stray !== undefined)
    throw new UsageError(`there is no option ${stray} here; \`fourtuple --help\` lists the verbs`);
  throw new UsageError("a verb is missing; `fourtuple --help` lists them, and `fourtuple demo` is a good first one");
}

const args = process.argv.slice(2);
try {
  process.exitCode = await dispatch(args);
} catch (error) {
  const verbose = ownArguments(args).includes("--verbose");
  process.stderr.write(`fourtuple: ${describeFailure(error, verbose)}\n`);
  process.exitCode = error instanceof UsageError ? WRONG_USE : 1;
}
