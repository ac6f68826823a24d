// Fails where src/ has an import that the table in scripts/imports/edges.js does not allow.
import { sourceFiles } from "./imports/source-files.js";
import { checkImports } from "./imports/check.js";
import { EDGES, FILE_EDGES } from "./imports/edges.js";

const files = sourceFiles(new URL("../src/", import.meta.url));
const faults = checkImports(files, EDGES, FILE_EDGES);
for (const fault of faults) console.error(`src/${fault}`);
console.log(`imports: ${String(files.size)} files, ${String(faults.length)} faults`);
process.exitCode = faults.length === 0 ? 0 : 1;
