// src/ to dist/: types file by file, code in one piece for each entry and one that they share. V8 reads what a module imports or
// exports from a cell each time, and what is the module's own at once: in one piece the data path is some tenth faster.
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

import { rolldown } from "rolldown";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "dist");
const tsc = createRequire(import.meta.url).resolve("typescript/lib/tsc.js");

/** Names in `dist` and files in `src`; the first and the second are what package.json exports, the third is its command. */
const ENTRIES = ["index", "sim/index", "cli/main"];
/** What no application on a network needs comes with its own entry. */
const SHARED = /src\/(?!sim\/|inspect\/|cli\/|index\.ts)/;

const { status } = spawnSync(process.execPath, [tsc, "-b", join(root, "tsconfig.build.json")], { stdio: "inherit" });
const written = new Set(await bundle());
removeStale();
// npm sets this where it links the command; whoever runs the file itself wants it too.
const command = join(dist, "cli/main.js");
if (existsSync(command)) chmodSync(command, 0o755);
process.exitCode = status ?? 1;

/** Returns the files that it has written, by their names in `dist`. */
async function bundle() {
  const build = await rolldown({
    cwd: root,
    input: Object.fromEntries(ENTRIES.map((name) => [name, join(root, "src", `${name}.ts`)])),
    platform: "node",
    external: /^[^./]/, // Packages stay packages.
  });
  const { output } = await build.write({
    dir: dist,
    format: "esm",
    sourcemap: true,
    // Two folders below the package, as `src/FOLDER/FILE.ts` is: `import.meta.url` leads to the same places.
    chunkFileNames: "code/[name].js",
    codeSplitting: { groups: [{ name: "stack", test: SHARED }] },
  });
  await build.close();
  return output.map(({ fileName }) => fileName);
}

/** What no source stands behind any more is not packed. */
function removeStale() {
  for (const entry of existsSync(dist) ? readdirSync(dist, { recursive: true, withFileTypes: true }) : []) {
    if (!entry.isFile()) continue;
    const name = relative(dist, join(entry.parentPath, entry.name));
    const types = /^(.*?)\.d\.ts(\.map)?$/.exec(name);
    const isCode = /\.js(\.map)?$/.test(name);
    if (types !== null && !existsSync(join(root, "src", `${types[1]}.ts`))) rmSync(join(dist, name));
    if (isCode && !written.has(name)) rmSync(join(dist, name));
  }
}
