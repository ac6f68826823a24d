/**
 * Calls `end` on the first SIGINT or SIGTERM, and `endNow` on the second. Returns what takes the handlers away again.
 */
export function onEndSignals(end: () => Promise<void>, endNow: () => void): () => void {
  let seen = 0;
  const told = (): void => {
    if (++seen === 1) void end();
    else endNow();
  };
  process.on("SIGINT", told).on("SIGTERM", told);
  return () => {
    process.off("SIGINT", told).off("SIGTERM", told);
  };
}
