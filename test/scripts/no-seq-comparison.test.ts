import { RuleTester } from "eslint";
import tseslint from "typescript-eslint";
import { describe, it } from "vitest";

import { noSeqComparison } from "../../scripts/eslint/no-seq-comparison.js";

RuleTester.describe = describe;
RuleTester.it = it;

const tester = new RuleTester({
  languageOptions: {
    parser: tseslint.parser,
    parserOptions: { projectService: { allowDefaultProject: ["*.ts"] }, tsconfigRootDir: import.meta.dirname },
  },
});

const TYPES = 'type Seq = number & { readonly __brand: "Seq" }; type Port = number & { readonly __brand: "Port" };';
const within = (code: string): { name: string; code: string; filename: string } => ({
  name: code,
  code: `${TYPES} function f(a: Seq, b: Seq, c: Seq | undefined, p: Port, n: number) { return ${code}; }`,
  filename: `${import.meta.dirname}/planted.ts`,
});
const bare = (code: string): ReturnType<typeof within> & { errors: { messageId: string }[] } => ({
  ...within(code),
  errors: [{ messageId: "bare" }],
});

tester.run("style §3: two sequence numbers never meet a bare <", noSeqComparison as never, {
  valid: [within("p < p"), within("n < 3"), within("a === b"), within("((a - b) | 0) < 0"), within("Math.max(n, p)")],
  invalid: [
    bare("a < b"),
    bare("a >= n"),
    bare("n > b"),
    bare("a <= c!"),
    bare("Math.max(a, b)"),
    bare("Math.min(n, b)"),
  ],
});
