import { HeaderBlock, type HeaderRecord } from "./header-block.ts";
import { hasNoContent, reasonPhrase } from "./status.ts";

const TYPE = { "content-type": "text/plain; charset=utf-8" } as const;

/** Thrown by a handler (or by reading a body) to have the request answered with `status`, 300 to 599 but 304, and the message as text. */
export class HttpError extends Error {
  override readonly name = "HttpError";
  readonly status: number;
  /** The fields of the answer. */
  readonly headers: HeaderBlock;

  /** Whether its status is one that it may carry; otherwise the handler has a fault, and 500 is the answer. */
  get answerable(): boolean {
    return Number.isInteger(this.status) && this.status >= 300 && this.status <= 599 && !hasNoContent(this.status);
  }

  /** `headers`: more fields; `allow` with 405, say. */
  constructor(status: number, message = reasonPhrase(status), headers: HeaderRecord = {}) {
    super(message);
    this.status = status;
    this.headers = new HeaderBlock({ ...TYPE, ...headers });
  }
}

/** RFC 9110 §15.5.6: Allow names what the target takes. */
export const notAllowed = (allow: string): HttpError => new HttpError(405, undefined, { allow });
