/*  One record, 8 int32 words, half a cache line:
 *
 *    0  local address        4  free link, or IN_USE
 *    1  remote address       5  state word, the owner's
 *    2  local port << 16     6  two more words of the owner
 *       | remote port        7
 *    3  hash of words 0..2                                         */
export const RECORD_SHIFT = 3;
export const RECORD_WORDS = 1 << RECORD_SHIFT;
export const LOCAL = 0;
export const REMOTE = 1;
export const PORTS = 2;
/** All its bits are turned in a record that is free: so words 0 to 3 are never those of a key that is looked for. */
export const HASH = 3;
export const LINK = 4;
export const OWN = 5;
/** Words of a record that belong to the table's owner; the first is the state word. */
export const OWN_WORDS = RECORD_WORDS - OWN;
/** In `LINK` of a record that is in use. Others hold the id of the next free one there, or `NO_LINK`. */
export const IN_USE = -1;
export const NO_LINK = -2;
