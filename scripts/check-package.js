// Packs what is built, and has the tarball judged as bundlers, Node and compilers will see it.
import { spawnSync } from "node:child_process";
import { env, exit } from "node:process";

/** dist/ is built first and once; nothing else is run for a tarball that only serves to be looked at. */
const quietPack = { ...env, npm_config_ignore_scripts: "true" };

for (const [command, args, environment] of [
  ["npm", ["run", "--silent", "build"], env],
  ["publint", ["--strict"], quietPack],
  ["attw", ["--pack", ".", "--profile", "esm-only", "--no-color", "--format", "ascii"], quietPack],
]) {
  const { status } = spawnSync(command, args, { stdio: "inherit", env: environment });
  if (status !== 0) exit(1);
}
