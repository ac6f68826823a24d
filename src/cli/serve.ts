import { COMMON_HELP, type Command } from "./command.ts";
import { describeFailure } from "./failure.ts";
import { openLog } from "./log.ts";
import { SERVE_OPTIONS, SERVE_OPTIONS_HELP, serveOptions } from "./serve-options.ts";
import { startServing } from "./serving.ts";
import { onEndSignals } from "./signals.ts";
import { expectWords, parseOptions } from "./usage.ts";

const HELP = `fourtuple serve --tun NAME --address PREFIX [--http PORT] [--root DIR] [--echo PORT] …

Serves on a TUN device until SIGINT or SIGTERM. Prints one line that begins with "ready"
once it accepts connections.

${SERVE_OPTIONS_HELP}
${COMMON_HELP}

  fourtuple serve --tun tun0 --address 198.18.0.2/24 --peer 198.18.0.1 --http 80
`;

async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseOptions("serve", args, SERVE_OPTIONS);
  expectWords("serve", positionals, 0);
  const options = serveOptions(values);
  const logger = openLog(options.logLevel);
  const serving = await startServing(options, logger);
  const release = onEndSignals(serving.close, (error) => {
    if (error !== null) process.stderr.write(`fourtuple: ${describeFailure(error, values.verbose === true)}\n`);
    process.exit(1);
  });
  try {
    process.stdout.write(`${serving.readyLine}\n`);
    await serving.ended;
  } finally {
    release();
  }
  return 0;
}

export const serve: Command = {
  name: "serve",
  summary: "serve HTTP, echo, discard, chargen on a TUN device",
  help: HELP,
  run,
};
