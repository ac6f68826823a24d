/** The project's own scripts, one test each, named by the script's first comment. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runScript } from "./runner.ts";

const FOLDER = join(import.meta.dirname, "scripts");
const files = readdirSync(FOLDER, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".pkt"));

for (const file of files.sort()) {
  const text = readFileSync(join(FOLDER, file), "utf8");
  const title = /^\/\/ (.*)/.exec(text)?.[1] ?? "";
  test(`${title} (${file})`, () => {
    expect(runScript(text, file)).toEqual({ status: "passed", title, leftOut: 0 });
  });
}

test("there are scripts to run", () => {
  expect(files.length).toBeGreaterThan(60);
});
