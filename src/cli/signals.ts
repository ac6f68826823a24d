import { constants } from "node:os";

/** What shells report beyond this is a signal's number. */
const SIGNAL_STATUS = 128;

/** The exit status of a child as its "close" event told it, a signal that ended it included. */
export const exitStatus = (status: number | null, signal: NodeJS.Signals | null): number =>
  status ?? SIGNAL_STATUS + constants.signals[signal ?? "SIGKILL"];

/**
 * Calls `end` on the first SIGINT or SIGTERM, and `endNow` on the second, or where `end` fails, with its error then.
 * Returns what takes the handlers away again.
 */
export function onEndSignals(end: () => Promise<void>, endNow: (error: unknown) => void): () => void {
  let seen = 0;
  const told = (): void => {
    if (++seen === 1) end().catch(endNow);
    else endNow(null);
  };
  process.on("SIGINT", told).on("SIGTERM", told);
  return () => {
    process.off("SIGINT", told).off("SIGTERM", told);
  };
}
