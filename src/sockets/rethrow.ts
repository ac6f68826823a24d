/**
 * Throws what a listener of the application threw once the stack's turn is over, so that it never unwinds through the
 * stack and ends as `uncaughtException`, as it does in `node:net`.
 */
export function rethrowLater(error: unknown): void {
  process.nextTick(() => {
    throw error;
  });
}
