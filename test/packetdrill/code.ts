/**
 * The part of Python that `%{ … }%` checks are written in: `assert` with comparisons, `and`, `or`, `not`, arithmetic,
 * parentheses; assignments; `print`, which is ignored. Whatever else there is makes the script unsupported.
 */
import { Unsupported } from "./script.ts";

export type Variables = ReadonlyMap<string, number>;

interface Token {
  readonly text: string;
  readonly kind: "number" | "name" | "string" | "mark" | "end";
}

const TOKEN =
  /\s*(?:(0x[0-9a-fA-F]+|[0-9]*\.?[0-9]+)|([A-Za-z_]\w*)|("[^"]*"|'[^']*')|(\*\*|\/\/|<=|>=|==|!=|<<|>>|.))/y;
const COMPARISONS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
};
/** Loosest first. */
const OPERATORS: readonly Readonly<Record<string, (a: number, b: number) => number>>[] = [
  { "|": (a, b) => a | b },
  { "^": (a, b) => a ^ b },
  { "&": (a, b) => a & b },
  { "<<": (a, b) => a * 2 ** b, ">>": (a, b) => Math.floor(a / 2 ** b) },
  { "+": (a, b) => a + b, "-": (a, b) => a - b },
  {
    "*": (a, b) => a * b,
    "/": (a, b) => a / b,
    "//": (a, b) => Math.floor(a / b),
    "%": (a, b) => ((a % b) + b) % b,
  },
];
const KEYWORDS = new Set(["and", "or", "not", "assert", "print", "True", "False"]);
const FUNCTIONS: Readonly<Record<string, (...values: number[]) => number>> = {
  abs: Math.abs,
  min: Math.min,
  max: Math.max,
};

/** The names that `text` reads and does not define: what `run` will ask for. */
export function namesIn(text: string): Set<string> {
  const names = new Set<string>();
  const defined = new Set<string>();
  for (const statement of statements(text)) {
    const assigned = /^([A-Za-z_]\w*)\s*=(?!=)/.exec(statement)?.[1];
    for (const token of tokenize(statement)) {
      if (token.kind !== "name" || KEYWORDS.has(token.text) || token.text in FUNCTIONS) continue;
      if (token.text !== assigned && !defined.has(token.text)) names.add(token.text);
    }
    if (assigned !== undefined) defined.add(assigned);
  }
  return names;
}

/** Runs `text`; returns what the first failed assertion says, or null. Assignments go to `own`. */
export function run(text: string, variables: Variables, own: Map<string, number>): string | null {
  for (const statement of statements(text)) {
    if (/^print\b/.test(statement)) continue;
    const assigned = /^([A-Za-z_]\w*)\s*=(?!=)(.*)$/s.exec(statement);
    if (assigned !== null) {
      own.set(assigned[1], new Evaluator(assigned[2], variables, own).value());
      continue;
    }
    const condition = /^assert\b(.*)$/s.exec(statement)?.[1];
    if (condition === undefined) throw new Unsupported(`Python beyond assertions: "${firstLine(statement)}"`);
    const evaluator = new Evaluator(condition, variables, own);
    if (evaluator.value() === 0) return `assertion failed: ${condition.trim()}${evaluator.seen()}`;
  }
  return null;
}

const firstLine = (text: string): string => text.split("\n", 1)[0];

const statements = (text: string): string[] =>
  text
    .split(/[;\n]/)
    .map((statement) => statement.replace(/#.*$/, "").trim())
    .filter((statement) => statement !== "");

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  for (let found = TOKEN.exec(text); found !== null; found = TOKEN.exec(text)) {
    const kinds = ["number", "name", "string", "mark"] as const;
    kinds.forEach((kind, i) => {
      const matched = found[i + 1] as string | undefined;
      if (matched !== undefined) tokens.push({ text: matched, kind });
    });
  }
  return tokens;
}

/** One expression; true is 1 and false is 0. */
class Evaluator {
  readonly #tokens: readonly Token[];
  readonly #variables: Variables;
  readonly #own: Variables;
  readonly #read = new Map<string, number>();
  #at = 0;

  constructor(text: string, variables: Variables, own: Variables) {
    this.#tokens = tokenize(text);
    this.#variables = variables;
    this.#own = own;
  }

  /** What stands behind a comma is the assertion's message. */
  value(): number {
    const value = this.#or();
    if (this.#peek().kind !== "end" && this.#peek().text !== ",") this.#refuse();
    return value;
  }

  /** The variables that were read, for the message. */
  seen(): string {
    const shown = [...this.#read].map(([name, value]) => `${name} is ${String(value)}`);
    return shown.length === 0 ? "" : ` (${shown.join(", ")})`;
  }

  #peek(): Token {
    return this.#tokens[this.#at] ?? { text: "", kind: "end" };
  }
  #take(text: string): boolean {
    const token = this.#peek();
    if (token.kind === "end" || token.text !== text) return false;
    this.#at++;
    return true;
  }
  #refuse(): never {
    throw new Unsupported(`Python beyond the subset at "${this.#peek().text}"`);
  }

  #or(): number {
    let value = this.#and();
    while (this.#take("or")) {
      const right = this.#and();
      value = value !== 0 ? value : right;
    }
    return value;
  }
  #and(): number {
    let value = this.#not();
    while (this.#take("and")) {
      const right = this.#not();
      value = value === 0 ? value : right;
    }
    return value;
  }
  #not(): number {
    return this.#take("not") ? Number(this.#not() === 0) : this.#comparison();
  }

  /** `a < b <= c` holds where both do. */
  #comparison(): number {
    let left = this.#binary(0);
    if (!(this.#peek().text in COMPARISONS)) return left;
    let holds = true;
    while (this.#peek().text in COMPARISONS) {
      const compare = COMPARISONS[this.#peek().text];
      this.#at++;
      const right = this.#binary(0);
      holds &&= compare(left, right);
      left = right;
    }
    return Number(holds);
  }

  #binary(level: number): number {
    if (level === OPERATORS.length) return this.#unary();
    let value = this.#binary(level + 1);
    while (this.#peek().kind === "mark" && this.#peek().text in OPERATORS[level]) {
      const apply = OPERATORS[level][this.#peek().text];
      this.#at++;
      value = apply(value, this.#binary(level + 1));
    }
    return value;
  }

  #unary(): number {
    if (this.#take("-")) return -this.#unary();
    if (this.#take("~")) return ~this.#unary();
    if (this.#take("(")) {
      const value = this.#or();
      if (!this.#take(")")) this.#refuse();
      return value;
    }
    return this.#operand();
  }

  #operand(): number {
    const token = this.#peek();
    if (token.kind === "number") {
      this.#at++;
      return Number(token.text);
    }
    if (token.kind !== "name") this.#refuse();
    this.#at++;
    if (token.text === "True" || token.text === "False") return Number(token.text === "True");
    if (token.text in FUNCTIONS) return this.#call(token.text);
    const value = this.#own.get(token.text) ?? this.#variables.get(token.text);
    if (value === undefined) throw new Unsupported(`${token.text} is not known here`);
    this.#read.set(token.text, value);
    return value;
  }

  #call(name: string): number {
    if (!this.#take("(")) this.#refuse();
    const values = [this.#or()];
    while (this.#take(",")) values.push(this.#or());
    if (!this.#take(")")) this.#refuse();
    return FUNCTIONS[name](...values);
  }
}
