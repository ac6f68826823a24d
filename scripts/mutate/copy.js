import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What a run of the tests reads. */
const PARTS = ["src", "test", "scripts", "package.json", "tsconfig.json", "vitest.config.ts"];

/** A copy of the project to be mutated, beside which the checkout stays as it is; packages are linked, caches its own. */
export function copyProject(root) {
  const copy = mkdtempSync(join(tmpdir(), "fourtuple-mutant-"));
  for (const part of PARTS) cpSync(join(root, part), join(copy, part), { recursive: true });
  mkdirSync(join(copy, "node_modules"));
  for (const name of readdirSync(join(root, "node_modules"))) {
    if (name.startsWith(".vite")) continue;
    symlinkSync(join(root, "node_modules", name), join(copy, "node_modules", name));
  }
  return copy;
}

export const removeCopy = (copy) => {
  rmSync(copy, { recursive: true, force: true });
};
