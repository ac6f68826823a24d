// The package's install script: uses the prebuilt addon where one fits, else builds it, else says so in one line and succeeds.
// Everything but TUN works without it. A checkout always builds: its sources may be newer than what was prebuilt.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The published package has no tsconfig.json. */
const isCheckout = existsSync(join(root, "tsconfig.json"));

function prebuiltLoads() {
  if (!existsSync(join(root, "prebuilds"))) return false;
  try {
    createRequire(import.meta.url)("node-gyp-build")(root);
    return true;
  } catch {
    return false;
  }
}

/** Node's own headers where its installation has them, so that nothing is downloaded. */
function localHeaders() {
  const prefix = dirname(dirname(process.execPath));
  if (process.env["npm_config_nodedir"] || !existsSync(join(prefix, "include/node/node_api.h"))) return [];
  return [`--nodedir=${prefix}`];
}

/** Returns null, or why the addon could not be built. */
function build() {
  // npm tells its scripts where its own node-gyp is; other package managers put one on the path.
  const bundled = process.env["npm_config_node_gyp"];
  const [command, before] = bundled ? [process.execPath, [bundled]] : ["node-gyp", []];
  const { error, status, stdout, stderr } = spawnSync(command, [...before, "rebuild", ...localHeaders()], {
    cwd: root,
    encoding: "utf8",
  });
  if (error) return `${command}: ${error.message}`;
  if (status === 0) return null;
  const lines = `${stdout}\n${stderr}`.split("\n");
  const cause =
    lines.find((line) => /gyp ERR! stack|error:/i.test(line)) ?? `node-gyp ended with status ${String(status)}`;
  return cause.replace(/^gyp ERR! (stack )?/, "").trim();
}

if (process.platform !== "linux") {
  console.log("fourtuple: TUN devices need Linux; everything else works here.");
} else if (isCheckout || !prebuiltLoads()) {
  const problem = build();
  if (problem !== null) {
    console.log(
      `fourtuple: the TUN addon was not built (${problem}); everything but TUN works. ` +
        "It needs python3, make and a C compiler: install them and run `npm rebuild fourtuple`; `npx fourtuple doctor` says what is missing.",
    );
  }
}
