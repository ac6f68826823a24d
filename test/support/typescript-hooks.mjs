// The loader hooks of `typescript.mjs`; they run on a thread of Node's own.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { transformSync } from "rolldown/utils";

/** Erases types file by file, so that `import.meta.url` stays that of the source. */
export function load(url, context, nextLoad) {
  if (!url.startsWith("file:") || !url.endsWith(".ts")) return nextLoad(url, context);
  const path = fileURLToPath(url);
  const { code, errors } = transformSync(path, readFileSync(path, "utf8"), { lang: "ts", tsconfig: false });
  if (errors.length > 0) throw new Error(`${path}: ${errors[0].message}`);
  return { format: "module", shortCircuit: true, source: code };
}
