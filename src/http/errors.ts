export type HttpUsageCode =
  /** A field name or value that cannot stand in a message: it would let its author write other fields. */
  | "ERR_HTTP_INVALID_HEADER"
  | "ERR_HTTP_INVALID_STATUS"
  /** Content where the status has none (204, 304), or more or less than was announced. */
  | "ERR_HTTP_CONTENT_LENGTH"
  | "ERR_HTTP_RESPONSE_STARTED"
  /** The handler has returned (its promise has settled) and given no response. */
  | "ERR_HTTP_NO_RESPONSE"
  /** The body was asked for a second time. */
  | "ERR_HTTP_BODY_USED"
  /** What a request was read from is gone: its handler has returned and answered. */
  | "ERR_HTTP_REQUEST_RELEASED"
  /** The client has gone away. */
  | "ERR_HTTP_ABORTED";

/** A fault of the application, or news that it must take note of. Match on `code`. */
export class HttpUsageError extends Error {
  override readonly name = "HttpUsageError";
  readonly code: HttpUsageCode;

  constructor(code: HttpUsageCode, message: string) {
    super(message);
    this.code = code;
  }
}
