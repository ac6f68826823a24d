import { HttpUsageError } from "./errors.ts";
import { FIELD_VALUE, OCTET_CLASS, TOKEN } from "./octets.ts";

/** Field names with their values; an array of values makes a line each. */
export type HeaderRecord = Readonly<Record<string, string | number | readonly string[]>>;

/** Fields that describe the message on this connection: the server alone writes them. */
const OWN_FIELDS: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "keep-alive",
  "transfer-encoding",
  "trailer",
  "upgrade",
]);

/** The octets of a head as they were last written, all but the length of the content, and for what they hold. */
export interface WrittenHead {
  readonly by: object;
  readonly status: number;
  readonly hasLength: boolean;
  readonly persistence: number;
  /** When its Date is old: microseconds of the monotonic clock. */
  readonly staleAtUs: number;
  readonly octets: Uint8Array;
}

/** Bound of one response's header section as the application gives it, in octets. */
export const RESPONSE_HEADERS_MAX = 65_536;

/**
 * Header fields of a response, checked and written once: give the same block to many responses.
 * A name is a token; a value is latin1 without controls, CR and LF above all. Otherwise ERR_HTTP_INVALID_HEADER.
 */
export class HeaderBlock {
  static readonly EMPTY = new HeaderBlock({});
  /** Lines with their CRLF, one latin1 character an octet. */
  readonly text: string;
  readonly hasDate: boolean;
  /** For the encoder that wrote the last head with it. */
  written: WrittenHead | null = null;

  constructor(record: HeaderRecord) {
    let text = "";
    let hasDate = false;
    for (const [name, value] of Object.entries(record)) {
      checkName(name);
      if (name.toLowerCase() === "date") hasDate = true;
      if (typeof value === "object") for (const one of value) text += fieldLine(name, one);
      else text += fieldLine(name, String(value));
    }
    if (text.length > RESPONSE_HEADERS_MAX) throw invalid("the header section is too long");
    this.text = text;
    this.hasDate = hasDate;
  }

  static of(headers: HeaderRecord | HeaderBlock | null | undefined): HeaderBlock {
    if (headers instanceof HeaderBlock) return headers;
    return headers === null || headers === undefined ? HeaderBlock.EMPTY : new HeaderBlock(headers);
  }
}

function checkName(name: string): void {
  if (name.length === 0) throw invalid("a field name is empty");
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (code > 0x7f || (OCTET_CLASS[code] & TOKEN) === 0) throw invalid(`not a field name: ${JSON.stringify(name)}`);
  }
  if (OWN_FIELDS.has(name.toLowerCase())) throw invalid(`${name} is for the server to write`);
}

function fieldLine(name: string, value: string): string {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code > 0xff || (OCTET_CLASS[code] & FIELD_VALUE) === 0)
      throw invalid(`the value of ${name} holds a character that no field may`);
  }
  return `${name}: ${value}\r\n`;
}

const invalid = (message: string): HttpUsageError => new HttpUsageError("ERR_HTTP_INVALID_HEADER", message);
