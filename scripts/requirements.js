// Writes docs/requirements.md: each labelled requirement of RFC 9293 with the tests that are named after it.
// With --check, fails where the file is not what it would write.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const target = join(root, "docs/requirements.md");
const requirements = JSON.parse(readFileSync(join(root, "scripts/requirements/rfc9293.json"), "utf8"));
const unmet = JSON.parse(readFileSync(join(root, "scripts/requirements/unmet.json"), "utf8"));

/** Every test of the project, by vitest's own listing. */
function listTests() {
  const folder = mkdtempSync(join(tmpdir(), "fourtuple-requirements-"));
  const file = join(folder, "tests.json");
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  execFileSync(process.execPath, [vitest, "list", `--json=${file}`, "--configLoader", "runner"], { cwd: root });
  const tests = JSON.parse(readFileSync(file, "utf8"));
  rmSync(folder, { recursive: true });
  return tests;
}

/** The labels in a test's name: "MUST-8, MUST-9", "MUST-13, 14", "MUST-34..36". */
function labelsOf(name) {
  const labels = new Set();
  for (const [, kind, first, rest] of name.matchAll(
    /\b(MUST|SHLD|MAY|REC)-(\d+)((?:(?:,? and |, |\.\.)\d+(?![\d.§]))*)/g,
  )) {
    labels.add(`${kind}-${first}`);
    let previous = Number(first);
    for (const [, sign, number] of rest.matchAll(/(\.\.|, and | and |, )(\d+)/g)) {
      for (let n = sign === ".." ? previous + 1 : Number(number); n <= Number(number); n++) labels.add(`${kind}-${n}`);
      previous = Number(number);
    }
  }
  return labels;
}

const byLabel = new Map();
for (const { name, file } of listTests()) {
  for (const label of labelsOf(name)) {
    if (!byLabel.has(label)) byLabel.set(label, new Set());
    byLabel.get(label).add(relative(root, file));
  }
}

const escape = (text) => text.replaceAll("|", "\\|");
const lines = [];
const missing = [];
for (const { label, section, requirement } of requirements) {
  const files = [...(byLabel.get(label) ?? [])].sort();
  const why = unmet[label];
  if (files.length === 0 && why === undefined) missing.push(label);
  const proof =
    files.length > 0
      ? files.map((file) => `\`${file}\``).join(", ")
      : `**not proved**: ${why ?? "no test is named after it"}`;
  lines.push(`| ${label} | ${section} | ${escape(requirement)} | ${proof} |`);
}
const proved = requirements.filter(({ label }) => byLabel.has(label)).length;
const text = `# The requirements of RFC 9293, and their tests

Made by \`node scripts/requirements.js\` from the names of the tests. ${proved} of ${requirements.length} labels have a test of their own.
What is not proved says why. No mutant was tried row by row: a row means that a test is named after the requirement and passes.

| label | § | requirement | tests |
| --- | --- | --- | --- |
${lines.join("\n")}
`;

if (process.argv.includes("--check")) {
  if (readFileSync(target, "utf8") === text) process.exit(0);
  console.error("docs/requirements.md is out of date: run `node scripts/requirements.js`");
  process.exit(1);
}
writeFileSync(target, text);
console.log(
  `${proved} of ${requirements.length} labels proved; without a test and a reason: ${missing.join(", ") || "none"}`,
);
