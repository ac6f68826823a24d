/** Why a request cannot be taken: the status it is answered with, and words for the body and for counters. */
export interface ParseFailure {
  readonly status: number;
  readonly reason: string;
}

const failure = (status: number, reason: string): ParseFailure => ({ status, reason });

// RFC 9112 §2.2: a recipient MAY take a lone LF for a line's end. Here it does not: parsers that differ on it are what smugglers need.
export const BARE_LF = failure(400, "a line ends without CR");
export const BARE_CR = failure(400, "CR without LF");
export const BAD_METHOD = failure(400, "malformed method");
export const BAD_TARGET = failure(400, "malformed request-target");
export const BAD_VERSION = failure(400, "malformed HTTP version");
export const BAD_FIELD_NAME = failure(400, "malformed field name");
export const BAD_FIELD_VALUE = failure(400, "malformed field value");
export const FOLDED_LINE = failure(400, "a line starts with whitespace");
export const HOST_MISSING = failure(400, "no Host");
export const HOST_REPEATED = failure(400, "more than one Host");
export const BAD_HOST = failure(400, "malformed Host");
export const BAD_CONTENT_LENGTH = failure(400, "malformed Content-Length");
export const CONTENT_LENGTH_REPEATED = failure(400, "more than one Content-Length");
export const LENGTH_AND_CODING = failure(400, "both Content-Length and Transfer-Encoding");
export const CODING_IN_HTTP_1_0 = failure(400, "Transfer-Encoding in HTTP/1.0");
export const BAD_CODING = failure(400, "malformed Transfer-Encoding");
export const CHUNKED_NOT_LAST = failure(400, "chunked is not the last transfer coding");
export const BAD_CHUNK = failure(400, "malformed chunk");
export const CHUNK_EXTENSIONS_TOO_LONG = failure(400, "chunk extensions too long");
export const TIMED_OUT = failure(408, "the request took too long");
export const BODY_TOO_LARGE = failure(413, "content too large");
export const TARGET_TOO_LONG = failure(414, "request-target too long");
export const UNKNOWN_EXPECTATION = failure(417, "unknown expectation");
export const HEAD_TOO_LARGE = failure(431, "header section too large");
export const TOO_MANY_FIELDS = failure(431, "too many fields");
/** RFC 9110 §9.1 and RFC 9112 §6.1 want 501 for a method and a transfer coding that the server does not know. */
export const UNKNOWN_METHOD = failure(501, "unknown method");
export const UNKNOWN_CODING = failure(501, "unknown transfer coding");
export const UNKNOWN_VERSION = failure(505, "HTTP version not supported");
