import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { format } from "prettier";

import { MUTANTS } from "./mutants.js";

const JSON_FILE = "docs/mutants.json";
const MARKDOWN_FILE = "docs/mutants.md";

/** Enters `results` among those kept of mutants that were not run this time, and writes both files anew. */
export async function keepResults(root, results) {
  const path = join(root, JSON_FILE);
  const kept = new Map(
    existsSync(path) ? JSON.parse(readFileSync(path, "utf8")).map((result) => [result.id, result]) : [],
  );
  for (const result of results) kept.set(result.id, result);
  const all = MUTANTS.filter(({ id }) => kept.has(id)).map(({ id }) => kept.get(id));
  const whyOf = JSON.parse(readFileSync(new URL("survivors.json", import.meta.url), "utf8"));
  await write(path, JSON.stringify(all), "json");
  await write(join(root, MARKDOWN_FILE), markdown(all, whyOf), "markdown");
}

async function write(path, text, parser) {
  writeFileSync(path, await format(text, { parser, printWidth: 120 }));
}

const cell = (text) => text.replaceAll("|", "\\|").replaceAll("<", "&lt;").replaceAll("\n", " ");

function markdown(results, whyOf) {
  const survivors = results.filter(({ outcome }) => outcome === "survived");
  const rows = results.map(({ id, outcome, by }) => {
    const { file, breaks } = MUTANTS.find((mutant) => mutant.id === id);
    const told = outcome === "survived" ? "**survived**" : outcome === "hung" ? by : `\`${by.split(" > ")[0]}\``;
    return `| ${id} | \`${file}\` | ${cell(breaks)} | ${told} |`;
  });
  const why = survivors.map(({ id }) => `- **${id}**: ${whyOf[id] ?? "nobody has said why yet."}`);
  return `# The mutants, and what catches them

Made by \`npm run mutate\`. Each mutant is one bug put into a copy of the source. They were written from the source and the
RFCs by somebody who had not looked at the tests; \`mutants/subtle.js\` says what had been seen when its own were added.
${String(results.length - survivors.length)} of ${String(results.length)} are caught: the last column names the first test file that fails.
[mutants.json](mutants.json) names the test.

## Survivors

${why.length === 0 ? "None." : why.join("\n")}

## All of them

| mutant | in | what breaks | caught by |
| --- | --- | --- | --- |
${rows.join("\n")}
`;
}
