import { NetError } from "../sockets/net-error.ts";

/** What is told of an error: one line that says what to do where that is known, its stack with `verbose`. */
export function describeFailure(error: unknown, verbose: boolean): string {
  if (!(error instanceof Error)) return String(error);
  const advice = error instanceof NetError ? `: ${error.advice}` : "";
  const line = `${error.message}${advice}`.replace(/\s*\n\s*/g, " ");
  return verbose && error.stack !== undefined ? `${line}\n${error.stack}` : line;
}
