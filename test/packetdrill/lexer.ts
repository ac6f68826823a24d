import { type Place, ScriptError, Unsupported } from "./script.ts";

export type TokenKind =
  "int" | "float" | "word" | "string" | "command" | "code" | "option" | "address" | "ellipsis" | "mark";

export interface Token {
  readonly kind: TokenKind;
  /** Without its quotes; a mark is the one character that it is. */
  readonly text: string;
  readonly line: number;
  /** No white space stands between it and the token before. */
  readonly joined: boolean;
}

/** The longest match wins; of equally long ones the first. Numbers take their sign with them only behind an operator. */
const PATTERNS: readonly (readonly [TokenKind | "space", RegExp])[] = [
  ["space", /[ \t\r\n]+/y],
  ["space", /\/\/[^\n]*/y],
  ["space", /\/\*[^]*?\*\//y],
  ["code", /%\{[^]*?\}%/y],
  ["command", /`(?:\\[^]|[^`\\])*`/y],
  ["string", /"(?:\\[^]|[^"\\])*"/y],
  ["option", /--[a-zA-Z0-9_]+/y],
  ["ellipsis", /\.\.\./y],
  ["address", /[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+/y],
  ["int", /0x[0-9a-fA-F]+/y],
  ["float", /-?[0-9]*\.[0-9]+/y],
  ["int", /-?[0-9]+/y],
  ["word", /[a-zA-Z0-9_]+/y],
  ["mark", /[^ \t\r\n]/y],
];

const DELIMITERS: Partial<Record<TokenKind, number>> = { command: 1, string: 1, code: 2, option: 2 };

/** Cuts a script into tokens. "#" begins a comment at the start of a line and behind white space. */
export function tokenize(text: string, file: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  let line = 1;
  let joined = false;
  while (at < text.length) {
    if (text[at] === "#" && !joined) {
      if (/^#(if|ifdef|ifndef|else|endif|define|include)\b/.test(text.slice(at, at + 9))) {
        throw new Unsupported("preprocessor lines are not read");
      }
      const end = text.indexOf("\n", at);
      at = end < 0 ? text.length : end;
      continue;
    }
    const [kind, matched] = longest(text, at, { file, line });
    if (kind === "space") {
      joined = false;
    } else {
      tokens.push({ kind, text: strip(kind, matched), line, joined });
      joined = true;
    }
    line += matched.split("\n").length - 1;
    at += matched.length;
  }
  return tokens;
}

function longest(text: string, at: number, place: Place): readonly [TokenKind | "space", string] {
  let best: readonly [TokenKind | "space", string] | null = null;
  for (const [kind, pattern] of PATTERNS) {
    pattern.lastIndex = at;
    const matched = pattern.exec(text)?.[0];
    if (matched !== undefined && matched.length > (best?.[1].length ?? 0)) best = [kind, matched];
  }
  if (best === null) throw new ScriptError(place, `cannot read "${text.slice(at, at + 20)}"`);
  return best;
}

function strip(kind: TokenKind, text: string): string {
  const open = DELIMITERS[kind] ?? 0;
  return text.slice(open, kind === "option" ? undefined : text.length - open);
}

/** The tokens of one script with a place in them. */
export class TokenStream {
  readonly file: string;
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(text: string, file: string) {
    this.file = file;
    this.#tokens = tokenize(text, file);
  }

  get ended(): boolean {
    return this.#at >= this.#tokens.length;
  }
  get line(): number {
    return (this.#tokens[Math.min(this.#at, this.#tokens.length - 1)] as Token | undefined)?.line ?? 1;
  }

  peek(ahead = 0): Token | undefined {
    return this.#tokens[this.#at + ahead];
  }
  is(text: string, ahead = 0): boolean {
    const token = this.peek(ahead);
    return token?.text === text && (token.kind === "mark" || token.kind === "word");
  }
  isKind(kind: TokenKind, ahead = 0): boolean {
    return this.peek(ahead)?.kind === kind;
  }

  /** Takes the next token if it is `text`. */
  take(text: string): boolean {
    if (!this.is(text)) return false;
    this.#at++;
    return true;
  }
  takeKind(kind: TokenKind): string | null {
    const token = this.peek();
    if (token?.kind !== kind) return null;
    this.#at++;
    return token.text;
  }
  next(): Token {
    const token = this.peek();
    if (token === undefined) this.fail("the script ends too early");
    this.#at++;
    return token;
  }

  expect(text: string): void {
    if (!this.take(text)) this.fail(`expected "${text}" instead of "${this.#shown()}"`);
  }
  expectKind(kind: TokenKind, what: string): string {
    return this.takeKind(kind) ?? this.fail(`expected ${what} instead of "${this.#shown()}"`);
  }
  expectInt(what: string): number {
    this.#refuseSymbol();
    return readInt(this.expectKind("int", what));
  }

  /** A word in capitals where a number belongs comes from the original's command line. */
  #refuseSymbol(): void {
    const token = this.peek();
    if (token?.kind !== "word" || !/^[A-Z][A-Z0-9_]*$/.test(token.text)) return;
    throw new Unsupported(`symbol ${token.text} is defined outside of the script`);
  }

  #shown(): string {
    return this.peek()?.text ?? "the end of the script";
  }
  fail(message: string): never {
    throw new ScriptError({ file: this.file, line: this.line }, message);
  }
}

export const readInt = (text: string): number => Number(text);
