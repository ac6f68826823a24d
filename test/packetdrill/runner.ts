/** Runs a parsed script against the stack in virtual time. Begin reading at `runScript`. */
import type { TcpConfig } from "../../src/tcp/config.ts";
import { namesIn } from "./code.ts";
import { isKnown } from "./info.ts";
import { parseScript } from "./parser.ts";
import { Run } from "./run.ts";
import { ScriptError, type Script, type ScriptEvent, Unsupported } from "./script.ts";
import { refuseSegment, settingsOf } from "./settings.ts";
import { refuseCall } from "./syscalls.ts";

export type Outcome =
  | { readonly status: "passed"; readonly title: string; readonly leftOut: number }
  | { readonly status: "failed"; readonly title: string; readonly reason: string }
  | { readonly status: "skipped"; readonly title: string; readonly reason: string };

export interface RunOptions {
  /** For what the script says nothing about. */
  readonly tcp?: Partial<TcpConfig>;
  /** System calls and commands with one of these words are left out, with "win" windows too; the outcome counts them. */
  readonly leaveOut?: readonly string[];
}

/** Never throws. A script is "passed" only when every one of its events was run and held. */
export function runScript(text: string, file: string, options: RunOptions = {}): Outcome {
  let title = "";
  try {
    const whole = parseScript(text, file);
    title = whole.title;
    const { script, leftOut } = withoutLeftOut(whole, options.leaveOut ?? []);
    const settings = settingsOf(script, options.tcp);
    refuse(script);
    new Run(script, settings).all();
    return { status: "passed", title, leftOut };
  } catch (error) {
    if (error instanceof Unsupported) return { status: "skipped", title, reason: error.message };
    if (error instanceof ScriptError) {
      return { status: "failed", title, reason: `${error.place.file}:${String(error.place.line)}: ${error.message}` };
    }
    return { status: "failed", title, reason: error instanceof Error ? error.message : String(error) };
  }
}

/** What can be seen to be impossible before anything runs. */
function refuse(script: Script): void {
  for (const { action } of script.events) {
    if (action.type === "call") refuseCall(action);
    else if (action.type === "packet" && action.protocol === "tcp") refuseSegment(action);
    else if (action.type === "code") refuseCode(action.text);
  }
}

function refuseCode(text: string): void {
  for (const name of namesIn(text))
    if (name.startsWith("tcp") && !isKnown(name)) throw new Unsupported(`${name} is not in info()`);
}

/** The script without what nobody wants compared, and how many of its events that concerned. */
function withoutLeftOut(script: Script, words: readonly string[]): { script: Script; leftOut: number } {
  const events: ScriptEvent[] = [];
  let leftOut = 0;
  for (const event of script.events) {
    const kept = leaveOut(event, words);
    if (kept !== event) leftOut++;
    if (kept !== null) events.push(kept);
  }
  return { script: { ...script, events }, leftOut };
}

/** `event` as it is, without its window, or null. */
function leaveOut(event: ScriptEvent, words: readonly string[]): ScriptEvent | null {
  const { action } = event;
  if (action.type === "command") return words.some((word) => action.text.includes(word)) ? null : event;
  if (action.type === "call") {
    const names = [action.name, ...action.args.map((arg) => (arg.kind === "word" ? arg.name : ""))];
    return names.some((name) => words.includes(name)) ? null : event;
  }
  if (action.type !== "packet" || action.protocol !== "tcp" || action.inbound || !words.includes("win")) return event;
  const { win, ...rest } = action;
  return win === undefined ? event : { ...event, action: rest };
}
