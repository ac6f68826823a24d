// Writes docs/requirements.md: each requirement with the tests that are named after it, and what a mutant of it has shown.
// --check fails where the page is not what it would write, or a mutant cannot be applied any more.
// --prove [LABEL…] tries the mutants first: of these rows, or of all that are not proved yet; --prove all tries every one.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { page } from "./requirements/page.js";
import { faultsOfMutants, prove, stateOf } from "./requirements/proof.js";
import { readRows } from "./requirements/rows.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const target = join(root, "docs/requirements.md");
/** States of a row whose mutant is worth trying. */
const UNPROVED = ["untried", "survived"];
const [mode, ...labels] = process.argv.slice(2);

const rows = readRows(root);
const complaints = faultsOfMutants(rows, root);
for (const { label, missing } of rows)
  for (const text of missing) complaints.push(`${label}: no test has ${JSON.stringify(text)} in its name`);
for (const row of rows)
  if (row.why === undefined && row.tests.length === 0)
    complaints.push(`${row.label}: no test is named after it, and no reason given`);

if (mode === "--prove") {
  const isWanted = ({ label }) => labels[0] === "all" || labels.includes(label);
  const wanted = rows.filter((row) => (labels.length === 0 ? UNPROVED.includes(stateOf(row)) : isWanted(row)));
  await prove(root, wanted, (line) => {
    console.log(line);
  });
}
for (const complaint of complaints) console.error(complaint);
if (mode === "--check") {
  const stale = readFileSync(target, "utf8") !== page(rows);
  if (stale) console.error("docs/requirements.md is out of date: run `npm run requirements`");
  process.exit(stale || complaints.length > 0 ? 1 : 0);
}
const now = mode === "--prove" ? readRows(root) : rows;
writeFileSync(target, page(now));
const states = now.map(stateOf);
const count = (state) => states.filter((one) => one === state).length;
console.log(
  `${now.length} rows: ${["killed", "untried", "survived", "unmet"].map((state) => `${count(state)} ${state}`).join(", ")}`,
);
