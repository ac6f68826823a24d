/** A broken invariant of our own. Never the peer's fault and never the application's: those are values and `NetError`s. */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

/** Throws `InvariantError` unless `condition` holds. The text is constant, so that a passing check costs nothing. */
export function assert(condition: boolean, text: string): asserts condition {
  if (!condition) throw new InvariantError(text);
}
