/** One verb of the command line. */
export interface Command {
  readonly name: string;
  /** One line, for the list of verbs. */
  readonly summary: string;
  /** All of `fourtuple NAME --help`. */
  readonly help: string;
  /**
   * Runs it with the arguments behind the verb, and resolves with the exit status: 0 done, 1 failed.
   * Errors: `UsageError` for wrong use (status 2); anything else is told in one line (status 1).
   */
  run(args: readonly string[]): Promise<number>;
}

/** Options that every verb takes; `main.ts` acts on them. */
export const COMMON_OPTIONS = { help: { type: "boolean" }, verbose: { type: "boolean" } } as const;

export const COMMON_HELP = `  --verbose           an error is told with its stack
  --help              this text`;
