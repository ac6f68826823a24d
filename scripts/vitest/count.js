// Reads vitest's JSON report and prints "N passed, N failed" as the last line. What was skipped, and a file that could not
// even be loaded, counts as failed. Exit status 1 where anything failed or nothing ran.
import { readFileSync } from "node:fs";
import { argv } from "node:process";

import { countReport } from "./count-report.js";

const { passed, failed } = countReport(JSON.parse(readFileSync(argv[2], "utf8")));
console.log(`${String(passed)} passed, ${String(failed)} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
