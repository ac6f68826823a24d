// Before a tarball is packed: builds the addon for this machine into prebuilds/, beside those that were put there for others.
// A tarball without one still works, because the addon is then built at install; so only publishing insists on it.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { env, execPath, exit, platform } from "node:process";

/** Node's own headers where its installation has them, so that nothing is downloaded. */
const prefix = dirname(dirname(execPath));
const headers = existsSync(join(prefix, "include/node/node_api.h")) ? { npm_config_nodedir: prefix } : {};

if (platform === "linux") {
  const { status } = spawnSync("npm", ["run", "--silent", "prebuilds"], {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...headers, ...env },
  });
  if (status !== 0) {
    console.error("fourtuple: the addon was not prebuilt; who installs this tarball must have a C compiler");
    if (env.npm_command === "publish") exit(1);
  }
} else if (env.npm_command === "publish") {
  console.error("fourtuple: publish from Linux, where the addon can be prebuilt");
  exit(1);
}
