// src/ to dist/: emits what changed, then removes what no source stands behind any more, so that nothing stale is packed.
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "dist");
const tsc = createRequire(import.meta.url).resolve("typescript/lib/tsc.js");

const { status } = spawnSync(process.execPath, [tsc, "-b", join(root, "tsconfig.build.json")], { stdio: "inherit" });

for (const entry of existsSync(dist) ? readdirSync(dist, { recursive: true, withFileTypes: true }) : []) {
  if (!entry.isFile()) continue;
  const emitted = join(entry.parentPath, entry.name);
  const match = /^(.*?)(\.d\.ts|\.js)(\.map)?$/.exec(relative(dist, emitted));
  if (match !== null && !existsSync(join(root, "src", `${match[1]}.ts`))) rmSync(emitted);
}
// npm sets this where it links the command; whoever runs the file itself wants it too.
const command = join(dist, "cli/main.js");
if (existsSync(command)) chmodSync(command, 0o755);
process.exitCode = status ?? 1;
