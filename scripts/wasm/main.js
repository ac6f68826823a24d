// `npm run wasm`: writes src/stack/four-tuple-burst-code.ts from the text beside it. A test compares the two.
import { readFileSync, writeFileSync } from "node:fs";
import { assemble } from "./assemble.js";

const COLUMNS = 104;
const folder = new URL("../../src/stack/", import.meta.url);
const bytes = assemble(readFileSync(new URL("four-tuple-burst.wat", folder), "utf8"));
const lines =
  Buffer.from(bytes)
    .toString("hex")
    .match(new RegExp(`.{1,${COLUMNS}}`, "g")) ?? [];
writeFileSync(
  new URL("four-tuple-burst-code.ts", folder),
  `/** The module of four-tuple-burst.wat in hexadecimal; \`npm run wasm\` writes this file. */
export const BURST_CODE =
${lines.map((line) => `  "${line}"`).join(" +\n")};
`,
);
