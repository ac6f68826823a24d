import { parseArgs, type ParseArgsConfig } from "node:util";

import { parseAddress, parsePrefix } from "../sockets/address-text.ts";
import { COMMON_OPTIONS } from "./command.ts";

/** The command line was used wrongly; the message says how, and what to do instead. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

type Options = NonNullable<ParseArgsConfig["options"]>;
type Parsed<O extends Options> = ReturnType<
  typeof parseArgs<{ args: string[]; options: O & typeof COMMON_OPTIONS; allowPositionals: true }>
>;

/** The verb's options and what stands beside them. Errors: `UsageError`. */
export function parseOptions<const O extends Options>(verb: string, args: readonly string[], options: O): Parsed<O> {
  try {
    return parseArgs({ args: [...args], options: { ...options, ...COMMON_OPTIONS }, allowPositionals: true });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    // Node adds advice about "--" behind the first sentence; for us that separates a COMMAND.
    const [sentence = ""] = error.message.split(". ");
    throw new UsageError(`${sentence.replace(/\.$/, "")}; \`fourtuple ${verb} --help\` lists what there is`);
  }
}

/** Errors: `UsageError` where `positionals` holds more than `most` words. */
export function expectWords(verb: string, positionals: readonly string[], most: number): void {
  const extra = positionals.at(most);
  if (extra === undefined) return;
  throw new UsageError(`"${extra}" is not expected here; \`fourtuple ${verb} --help\` shows the form`);
}

/** An integer within [least, most] in decimal digits. Errors: `UsageError`. */
export function integer(option: string, text: string, least: number, most: number): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (value >= least && value <= most) return value;
  throw new UsageError(`${option} takes an integer from ${String(least)} to ${String(most)}, not "${text}"`);
}

/** Errors: `UsageError` unless `text` is an IPv4 address. */
export function addressText(option: string, text: string): string {
  if (/^[\d.]+$/.test(text) && typeof parseAddress(text) === "number") return text;
  throw new UsageError(`${option} takes an IPv4 address such as 198.18.0.1, not "${text}"`);
}

/** Errors: `UsageError` unless `text` is an IPv4 address with its prefix length. */
export function prefixText(option: string, text: string): string {
  if (text.includes("/") && parsePrefix(text) !== null) return text;
  throw new UsageError(`${option} takes an IPv4 address with its prefix length such as 198.18.0.2/24, not "${text}"`);
}
