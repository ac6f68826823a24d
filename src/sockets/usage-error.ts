/**
 * Wrong use of the API by the application, told as Node tells it: an `Error`, `TypeError` or `RangeError` with one of
 * Node's `ERR_…` codes, thrown at the call or handed to its callback. Failures of the network are `NetError`s.
 */
export type UsageErrorCode =
  | "ERR_INVALID_ARG_TYPE"
  | "ERR_INVALID_ARG_VALUE"
  | "ERR_MISSING_ARGS"
  | "ERR_OUT_OF_RANGE"
  | "ERR_SERVER_ALREADY_LISTEN"
  | "ERR_SERVER_NOT_RUNNING"
  | "ERR_SOCKET_BAD_PORT"
  | "ERR_SOCKET_CLOSED"
  | "ERR_SOCKET_CLOSED_BEFORE_CONNECTION";

type ErrorClass = new (message: string) => Error;

export type UsageError = Error & { readonly code: UsageErrorCode };

export const usageError = (kind: ErrorClass, code: UsageErrorCode, message: string): UsageError =>
  Object.assign(new kind(message), { code });

/**
 * `value` as a port, 0 to 65,535. Decimal, hexadecimal and the like are accepted as text, as Node does.
 * Errors: `ERR_SOCKET_BAD_PORT`.
 */
export function portOf(value: unknown, name: string): number {
  const usable = typeof value === "number" || (typeof value === "string" && value.trim() !== "");
  const port = usable ? Number(value) : NaN;
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  const shown = typeof value === "number" || typeof value === "string" ? `${value}` : typeof value;
  throw usageError(RangeError, "ERR_SOCKET_BAD_PORT", `${name} should be >= 0 and < 65536. Received ${shown}.`);
}
