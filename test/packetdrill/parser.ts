/** The packetdrill script language: options, events with their times, system calls. Packets are read in `packet-parser.ts`. */
import { readInt, TokenStream } from "./lexer.ts";
import { parsePacket } from "./packet-parser.ts";
import {
  type Action,
  type CallSpec,
  type CommandSpec,
  type EventTime,
  type Expr,
  type Script,
  type ScriptEvent,
  Unsupported,
} from "./script.ts";

/** Throws `ScriptError` with the line for what is not in the language, `Unsupported` for what is and cannot be had here. */
export function parseScript(text: string, file: string): Script {
  const tokens = new TokenStream(text, file);
  const options = new Map<string, string>();
  const commands: CommandSpec[] = [];
  const events: ScriptEvent[] = [];
  for (let name = tokens.takeKind("option"); name !== null; name = tokens.takeKind("option")) {
    const value = tokens.take("=") ? parseOptionValue(tokens) : "";
    if (name === "ip_version" && value !== "ipv4") throw new Unsupported(`--ip_version=${value}: IPv4 only`);
    options.set(name, value);
  }
  while (!tokens.ended) {
    const command = tokens.takeKind("command");
    if (command === null) events.push(parseEvent(tokens));
    else commands.push({ type: "command", text: command });
  }
  return { file, title: titleOf(text), options, commands, events };
}

function titleOf(text: string): string {
  const comment = /^\s*(?:\/\/|#|\/\*+)[ \t]*([^\n]*)/.exec(text)?.[1] ?? "";
  return comment.replace(/\s*\*\/\s*$/, "").trim();
}

function parseOptionValue(tokens: TokenStream): string {
  let value = tokens.next().text;
  if (tokens.take("=")) value += `=${tokens.next().text}`;
  return value;
}

function parseEvent(tokens: TokenStream): ScriptEvent {
  const line = tokens.line;
  const time = parseTime(tokens);
  const at = tokens.line;
  const action = parseAction(tokens);
  return { line: action.type === "packet" ? at : line, time, action };
}

function parseTime(tokens: TokenStream): EventTime {
  if (tokens.take("*")) return { kind: "any" };
  const relative = tokens.take("+");
  const us = parseSeconds(tokens);
  if (!tokens.take("~")) return { kind: relative ? "relative" : "absolute", us };
  if (relative) tokens.expect("+");
  const endUs = parseSeconds(tokens);
  if (endUs < us) tokens.fail("the end of a time range lies before its start");
  return { kind: relative ? "relativeRange" : "range", us, endUs };
}

function parseSeconds(tokens: TokenStream): number {
  const text = tokens.takeKind("float") ?? tokens.expectKind("int", "a time");
  const us = Math.round(Number(text) * 1e6);
  if (us < 0) tokens.fail("negative times are invalid");
  return us;
}

function parseAction(tokens: TokenStream): Action {
  if (tokens.is("<") || tokens.is(">")) return parsePacket(tokens);
  const command = tokens.takeKind("command");
  if (command !== null) return { type: "command", text: command };
  const code = tokens.takeKind("code");
  if (code !== null) return { type: "code", text: code };
  return parseCall(tokens);
}

function parseCall(tokens: TokenStream): CallSpec {
  const endUs = tokens.takeKind("ellipsis") === null ? undefined : parseSeconds(tokens);
  const name = tokens.expectKind("word", "a packet, a system call, a command or code");
  tokens.expect("(");
  const args = parseList(tokens, ")");
  tokens.expect("=");
  const result = parseExpr(tokens);
  const errno = tokens.isKind("word") && tokens.peek()?.joined === false ? tokens.next().text : undefined;
  skipNote(tokens);
  return {
    type: "call",
    name,
    args,
    result,
    ...(endUs === undefined ? {} : { endUs }),
    ...(errno === undefined ? {} : { errno }),
  };
}

/** What stands in parentheses behind a result is for people. */
function skipNote(tokens: TokenStream): void {
  if (!tokens.take("(")) return;
  for (let depth = 1; depth > 0;) {
    const { text } = tokens.next();
    if (text === "(") depth++;
    else if (text === ")") depth--;
  }
}

function parseList(tokens: TokenStream, close: string): Expr[] {
  const items: Expr[] = [];
  if (tokens.take(close)) return items;
  do items.push(parseExpr(tokens));
  while (tokens.take(","));
  tokens.expect(close);
  return items;
}

function parseExpr(tokens: TokenStream): Expr {
  const first = parseOperand(tokens);
  if (!tokens.is("|")) return first;
  const parts = [first];
  while (tokens.take("|")) parts.push(parseOperand(tokens));
  return { kind: "or", parts };
}

function parseOperand(tokens: TokenStream): Expr {
  if (tokens.takeKind("ellipsis") !== null) return { kind: "ellipsis" };
  const int = tokens.takeKind("int");
  if (int !== null) return { kind: "int", value: readInt(int) };
  const string = tokens.takeKind("string");
  if (string !== null) return parseString(tokens, string);
  if (tokens.take("[")) return { kind: "array", items: parseList(tokens, "]") };
  if (tokens.take("{")) return parseStruct(tokens);
  const name = tokens.expectKind("word", "an argument");
  if (tokens.take("(")) return { kind: "call", name, args: parseList(tokens, ")") };
  return { kind: "word", name };
}

/** Strings that follow each other are one; "text"... stands for a longer one. */
function parseString(tokens: TokenStream, first: string): Expr {
  let text = first;
  for (let more = tokens.takeKind("string"); more !== null; more = tokens.takeKind("string")) text += more;
  tokens.takeKind("ellipsis");
  return { kind: "string", text };
}

/** `{name=expr, name(count)=expr, expr, …}`; of "u32=…" in epoll's data the name is the field. */
function parseStruct(tokens: TokenStream): Expr {
  const fields = new Map<string, Expr>();
  const items: Expr[] = [];
  while (!tokens.take("}")) {
    const value = parseExpr(tokens);
    const name = value.kind === "word" || value.kind === "call" ? value.name : null;
    if (name !== null && tokens.take("=")) fields.set(name, parseExpr(tokens));
    else items.push(value);
    if (!tokens.is("}")) tokens.expect(",");
  }
  return { kind: "struct", fields, items };
}
