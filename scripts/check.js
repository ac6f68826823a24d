// Runs every check of package.json ("check:types" …), the later ones too where an earlier one fails, and tells which failed.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

const { scripts } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
const failed = [];
for (const name of Object.keys(scripts)) {
  if (!name.startsWith("check:")) continue;
  console.log(`\n${name}: ${scripts[name]}`);
  const { status } = spawnSync("npm", ["run", "--silent", name], {
    stdio: "inherit",
    shell: process.platform === "win32",
  });
  if (status !== 0) failed.push(name);
}
console.log(failed.length === 0 ? "\nall checks passed" : `\nfailed: ${failed.join(", ")}`);
process.exitCode = failed.length === 0 ? 0 : 1;
