/**
 * The end of a MAC-then-encrypt record, read without telling by time what stands there (RFC 5246 §6.2.3.2; "Lucky
 * Thirteen", AlFardan and Paterson, 2013). Every loop runs as often as the record's length says, and its steps take no
 * branch and no index from the text.
 *
 *     | data | MAC | padding (each octet: p) | p |
 *
 * Masks are 0 or -1, all bits set. All values are small enough that their differences stay int32.
 */

/** -1 where `a < b`, else 0. */
const below = (a: number, b: number): number => (a - b) >> 31;
/** -1 where `a` is 0. Subtracted from 0 and not negated: an engine that is not warm yet branches for -0. */
const zero = (a: number): number => ~(a | (0 - a)) >> 31;

/** The longest padding, its length octet included. */
const PADDING_MAX = 256;

export interface CbcEnd {
  /** Octets of data. Where the padding is bad: as if there were none, so that the MAC is computed all the same. */
  readonly dataLength: number;
  /** -1 where the padding is good, else 0. */
  readonly good: number;
}

/** Precondition: `text` holds one octet more than a MAC at least (public: it follows from the record's length). */
export function readPadding(text: Uint8Array, macLength: number): CbcEnd {
  const padding = text[text.length - 1];
  const room = text.length - macLength;
  // Data and MAC must fit in front of `padding + 1` octets.
  let good = ~below(room, padding + 1);
  const looked = Math.min(PADDING_MAX, text.length);
  for (let i = 0; i < looked; i++) {
    const within = ~below(padding, i);
    good &= ~(within & ~zero(text[text.length - 1 - i] ^ padding));
  }
  return { dataLength: room - ((padding + 1) & good), good };
}

/** Copies the `macLength` octets at `text[at]` where `at` is secret: it reads every place where a MAC can stand. */
export function copyMac(text: Uint8Array, at: number, macLength: number): Buffer {
  const mac = Buffer.alloc(macLength);
  const first = Math.max(0, text.length - macLength - PADDING_MAX);
  for (let start = first; start + macLength <= text.length; start++) {
    const here = zero(start ^ at);
    for (let i = 0; i < macLength; i++) mac[i] |= text[start + i] & here;
  }
  return mac;
}
