// docs/requirements.md.
import { isKiller, stateOf } from "./proof.js";

/** Names of tests that a row shows of one file. */
const NAMES_SHOWN = 2;

/** What each state is called in the table, and in the sums above it. */
const STATES = {
  killed: "met; a mutant is killed",
  untried: "met; no mutant was tried",
  survived: "has tests, but a mutant survives",
  partly: "met in part",
  unmet: "**not met**",
  unused: "optional and not used",
  moot: "does not apply",
};

const escape = (text) => text.replaceAll("|", "\\|").replaceAll("<", "\\<");

function proofOf(row, state) {
  if (row.why !== undefined) return `${STATES[state]}: ${escape(row.why.reason)}`;
  if (state === "unmet") return `${STATES[state]}: no test is named after it`;
  if (state === "killed" || state === "survived") return `${state}: ${escape(row.mutant.what)}`;
  return "none tried";
}

function testsOf(row) {
  const byFile = new Map();
  // What failed under the mutant comes first: it is the proof.
  for (const { name, file } of [...row.tests].sort((a, b) => isKiller(b, row) - isKiller(a, row))) {
    if (!byFile.has(file)) byFile.set(file, []);
    byFile.get(file).push(name);
  }
  return [...byFile]
    .map(([file, names]) => {
      const more = names.length > NAMES_SHOWN ? ` (and ${names.length - NAMES_SHOWN} more)` : "";
      return `\`${file}\`: ${names.slice(0, NAMES_SHOWN).map(escape).join("; ")}${more}`;
    })
    .join("<br>");
}

/** The page for all rows. */
export function page(rows) {
  const counts = new Map(Object.keys(STATES).map((state) => [state, 0]));
  const lines = [];
  let rfc = 0;
  for (const row of rows) {
    const state = stateOf(row);
    counts.set(state, counts.get(state) + 1);
    if (row.rfc !== rfc) {
      rfc = row.rfc;
      lines.push(
        "",
        `## RFC ${rfc}`,
        "",
        "| label | § | requirement | tests | mutant |",
        "| --- | --- | --- | --- | --- |",
      );
    }
    const tests = testsOf(row);
    lines.push(`| ${row.label} | ${row.section} | ${escape(row.requirement)} | ${tests} | ${proofOf(row, state)} |`);
  }
  const sums = [...counts].filter(([, count]) => count > 0).map(([state, count]) => `| ${STATES[state]} | ${count} |`);
  return `# The requirements, and their tests

Made by \`npm run requirements\` from the names of the tests: every label of RFC 9293, and what other RFCs demand of a host's TCP.
A requirement counts as met where a test is named after it and passes. Whether that test would notice is shown by a mutant:
a defect that breaks just this behaviour, under which the row's own tests are run. \`npm run requirements -- --prove [LABEL…]\`
tries the mutants of \`scripts/requirements/mutants.json\` and records in \`proof.json\` what became of them; a proof counts
only for the very mutant that was tried, and while the test that failed under it is there.

| state | rows |
| --- | --- |
${sums.join("\n")}
| all | ${rows.length} |
${lines.join("\n")}
`;
}
