/** What each octet may be part of in an HTTP/1.1 message. RFC 9110 §5.5, §5.6.2; RFC 9112 §3.2; RFC 3986 §3.2.2. */

/** `tchar`. */
export const TOKEN = 1;
/** `field-vchar`, SP and HTAB: all that a field value holds. */
export const FIELD_VALUE = 2;
/**
 * Part of a request-target. Departs from RFC 3986 §2: `\ ^ ` { | }` are taken as well, since browsers send them in queries
 * as they are. Never SP, controls, `"`, `#`, `<`, `>` or anything beyond ASCII.
 */
export const TARGET = 4;
/** Part of `uri-host [ ":" port ]`. */
export const HOST = 8;

export const HTAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SP = 0x20;
export const COLON = 0x3a;
export const SEMICOLON = 0x3b;
export const COMMA = 0x2c;
export const SLASH = 0x2f;

const ALPHANUMERIC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

function makeClasses(): Uint8Array {
  const classes = new Uint8Array(256);
  const mark = (chars: string, bit: number): void => {
    for (const char of chars) classes[char.charCodeAt(0)] |= bit;
  };
  mark(ALPHANUMERIC + "!#$%&'*+-.^_`|~", TOKEN);
  mark(ALPHANUMERIC + "-._~!$&'()*+,;=%[]:", HOST);
  for (let octet = 0x21; octet < 0x7f; octet++) classes[octet] |= FIELD_VALUE | TARGET;
  for (let octet = 0x80; octet < 0x100; octet++) classes[octet] |= FIELD_VALUE; // obs-text.
  classes[SP] |= FIELD_VALUE;
  classes[HTAB] |= FIELD_VALUE;
  for (const char of '"#<>') classes[char.charCodeAt(0)] &= ~TARGET;
  return classes;
}

/** Classes of each octet, as a sum of the bits above. Never written again. */
export const OCTET_CLASS: Uint8Array = makeClasses();

export const isDigit = (octet: number): boolean => octet >= 0x30 && octet <= 0x39;

/** 0 to 15, or -1. */
export function hexValue(octet: number): number {
  if (octet >= 0x30 && octet <= 0x39) return octet - 0x30;
  const lower = octet | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** Whether `bytes[at, end)` is `lowerCase` (ASCII, no upper-case letters) in any mixture of cases. */
export function equalsIgnoringCase(bytes: Uint8Array, at: number, end: number, lowerCase: string): boolean {
  if (end - at !== lowerCase.length) return false;
  for (let i = 0; i < lowerCase.length; i++) {
    const octet = bytes[at + i];
    const folded = octet >= 0x41 && octet <= 0x5a ? octet | 0x20 : octet;
    if (folded !== lowerCase.charCodeAt(i)) return false;
  }
  return true;
}
