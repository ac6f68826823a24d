// The requirements, each with the tests that are named after it.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";

const readJson = (root, name) => JSON.parse(readFileSync(join(root, "scripts/requirements", name), "utf8"));

/** Projects of vitest's whose tests are the same on every machine: the kernel's are skipped where something is missing. */
const PROJECTS = ["unit", "sim"];

/** Every test of these projects, `{ name, file }`, by vitest's own listing. */
function listTests(root) {
  const folder = mkdtempSync(join(tmpdir(), "fourtuple-requirements-"));
  const list = join(folder, "tests.json");
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const options = ["--configLoader", "runner", "--no-isolate", ...PROJECTS.map((name) => `--project=${name}`)];
  execFileSync(process.execPath, [vitest, "list", `--json=${list}`, ...options], { cwd: root });
  const tests = JSON.parse(readFileSync(list, "utf8"));
  rmSync(folder, { recursive: true });
  // The runner lists files as they come; the tests of one file are in its order.
  return tests
    .map(({ name, file }) => ({ name, file: relative(root, file) }))
    .sort((a, b) => (a.file < b.file ? -1 : Number(a.file > b.file)));
}

/** The labels of RFC 9293 in a test's name: "MUST-8, MUST-9", "MUST-13, 14", "MUST-34..36", "MUST-24 to MUST-29". */
function labelsOf(name) {
  const labels = new Set();
  const pattern = /\b(MUST|SHLD|MAY|REC)-(\d+)((?:(?:,? and |, |\.\.| to (?:MUST|SHLD|MAY)-)\d+(?![\d.§]))*)/g;
  for (const [, kind, first, rest] of name.matchAll(pattern)) {
    labels.add(`${kind}-${first}`);
    let previous = Number(first);
    for (const [, sign, number] of rest.matchAll(/(\.\.| to \w+-|, and | and |, )(\d+)/g)) {
      const isRange = sign === ".." || sign.startsWith(" to");
      for (let n = isRange ? previous + 1 : Number(number); n <= Number(number); n++) labels.add(`${kind}-${n}`);
      previous = Number(number);
    }
  }
  return labels;
}

/**
 * All rows, in the order of the page: `{ label, rfc, section, requirement, tests, mutant, proof, why }`. Rows of RFC 9293 own
 * the tests that name their label; those of other RFCs the tests whose names hold one of their `named` texts. A row that is
 * the `same` as another has all of that one's.
 * `mutant`, `proof` and `why` are undefined where there is none; `why` is `{ state, reason }`.
 */
export function readRows(root) {
  const tests = listTests(root).map((test) => ({ ...test, labels: labelsOf(test.name) }));
  const mutants = readJson(root, "mutants.json");
  const proofs = readJson(root, "proof.json");
  const reasons = readJson(root, "unmet.json");
  const rows = [
    ...readJson(root, "rfc9293.json").map((row) => ({ ...row, rfc: 9293 })),
    ...readJson(root, "other-rfcs.json"),
  ];
  const namesOf = new Map(rows.map(({ label, named }) => [label, named]));
  return rows.map(({ named: _, ...row }) => {
    const own = row.same ?? row.label;
    const named = namesOf.get(own);
    return {
      ...row,
      tests: tests.filter(({ name, labels }) =>
        named === undefined ? labels.has(own) : named.some((text) => name.includes(text)),
      ),
      missing: (named ?? []).filter((text) => !tests.some(({ name }) => name.includes(text))),
      mutant: mutants[own],
      proof: proofs[own],
      why: reasons[own],
    };
  });
}
