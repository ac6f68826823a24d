import eslint from "@eslint/js";
import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

import { noSeqComparison } from "./scripts/eslint/no-seq-comparison.js";

/** The rules of the project that a machine can hold; `docs/decisions/0005-what-lint-holds.md` says why each is here. */

const SOURCES = ["src/**/*.ts"];
const TESTS = ["test/**/*.ts"];
const NOT_TYPE_CHECKED = ["**/*.{js,mjs}"];
/** TypeScript knows its globals itself; plain JavaScript is told the few that it uses. */
const NODE_GLOBALS = ["Buffer", "URL", "console", "performance", "process"];

/** Where time passes and secrets are made: only these may ask the machine for a time, a timer or randomness. */
const HOLDERS_OF_TIME = [
  "src/stack/driver*.ts",
  "src/**/*timebase*.ts",
  "src/**/*random-source*.ts",
  "src/cli/**/*.ts",
];

const clockProperties = [
  { object: "Date", property: "now", message: "Take the Clock or the Timebase that the constructor was given." },
  { object: "performance", property: "now", message: "Take the Clock or the Timebase that the constructor was given." },
  { object: "process", property: "hrtime", message: "Take the Clock or the Timebase that the constructor was given." },
  { object: "Math", property: "random", message: "Take the Random that the constructor was given." },
];

const timerGlobals = ["setTimeout", "setInterval", "setImmediate"].map((name) => ({
  name,
  message: "Only a Timebase arms timers: take the one that the constructor was given.",
}));

const everywhere = [
  {
    selector: "PropertyDefinition[accessibility], MethodDefinition[accessibility], TSParameterProperty",
    message: "Syntax must be erasable: use #private, and plain fields.",
  },
  {
    selector: "ExportDefaultDeclaration",
    message: "Export by name: a name is the same wherever it is read.",
  },
];

const sharedState = [
  {
    selector:
      "Program > VariableDeclaration[kind='let'], Program > ExportNamedDeclaration > VariableDeclaration[kind='let']",
    message: "No mutable state of a module: several stacks live in one process.",
  },
];

const readsOfTime = [
  {
    selector: "NewExpression[callee.name='Date'][arguments.length=0]",
    message: "Take the Clock or the Timebase that the constructor was given.",
  },
];

/** Focused and parked tests. `skipIf` stays: the kernel tests say with it what the machine lacks, and CI counts it as a failure. */
const parkedTests = [
  {
    selector:
      "MemberExpression[object.name=/^(test|it|describe|suite|bench)$/][property.name=/^(only|skip|todo|fails)$/]",
    message: "No test is focused, parked or expected to fail.",
  },
];

export default defineConfig(
  globalIgnores(["dist/", "build/", "coverage/", "reports/", "prebuilds/", "docs/api/", "benchmarks/results/"]),
  { linterOptions: { noInlineConfig: true, reportUnusedDisableDirectives: "error" } },
  eslint.configs.recommended,
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { fourtuple: { rules: { "no-seq-comparison": noSeqComparison } } },
    rules: {
      "no-restricted-syntax": ["error", ...everywhere, ...parkedTests],
      "no-restricted-properties": ["error", ...clockProperties],
      "no-warning-comments": ["error", { terms: ["todo", "fixme", "xxx", "hack"], location: "anywhere" }],
      "max-lines": ["error", { max: 600 }],
      eqeqeq: "error",
      "no-console": "error",
      "object-shorthand": "error",
      "prefer-const": ["error", { destructuring: "all" }],
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: false }],
      "@typescript-eslint/prefer-readonly": "error",
      "@typescript-eslint/no-import-type-side-effects": "error",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", caughtErrors: "none" }],
      // Loops over typed arrays and batches are indexed on purpose: an iterator would allocate.
      "@typescript-eslint/prefer-for-of": "off",
      // `return this.#enter(CLOSED);` ends a step of a state machine (RFC 9293 §3.10).
      "@typescript-eslint/no-confusing-void-expression": [
        "error",
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      "@typescript-eslint/no-empty-function": "off",
      // It would have `!` for `as T`, which `no-non-null-assertion` refuses.
      "@typescript-eslint/non-nullable-type-assertion-style": "off",
    },
  },
  {
    files: SOURCES,
    rules: {
      "max-lines-per-function": ["error", { max: 70, skipBlankLines: true, skipComments: true }],
      "no-restricted-syntax": ["error", ...everywhere, ...sharedState, ...readsOfTime],
      "no-restricted-globals": ["error", ...timerGlobals],
      "fourtuple/no-seq-comparison": "error",
    },
  },
  {
    files: HOLDERS_OF_TIME,
    rules: {
      "no-restricted-properties": "off",
      "no-restricted-globals": "off",
      "no-restricted-syntax": ["error", ...everywhere, ...sharedState],
    },
  },
  { files: ["src/base/seq.ts"], rules: { "fourtuple/no-seq-comparison": "off" } },
  {
    files: ["src/cli/**/*.ts", "scripts/**", "native-setup/**", "benchmarks/**", "examples/**"],
    rules: { "no-console": "off" },
  },
  { files: ["benchmarks/**", "scripts/**"], rules: { "no-restricted-properties": "off" } },
  { files: ["*.config.{js,ts}"], rules: { "no-restricted-syntax": "off" } },
  {
    files: TESTS,
    rules: {
      // A test asks whether what must be there is there, and hands an async function to whoever wants one.
      "@typescript-eslint/no-unnecessary-condition": "off",
      "@typescript-eslint/require-await": "off",
    },
  },
  {
    files: NOT_TYPE_CHECKED,
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: {
      parserOptions: { projectService: false },
      globals: Object.fromEntries(NODE_GLOBALS.map((name) => [name, "readonly"])),
    },
  },
);
